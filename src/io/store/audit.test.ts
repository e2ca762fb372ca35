import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { pgliteKind, storeKinds, testStart } from "../../../test/fakes/stores.ts";
import { needs } from "../../../test/needs.ts";
import { manualClock, silentLogger } from "../../lib/index.ts";
import { auditHash, auditLine } from "./audit-file.ts";
import { openStore, type Store, type StorePlace } from "./open-store.ts";
import type { AuditRow } from "./schema.ts";
import { withConnection } from "./sql-engine.ts";

const rowCount = 10_000;
const options = { clock: manualClock(testStart), log: silentLogger() };

/** A chain as the store writes it. */
function chain(count: number): AuditRow[] {
  const rows: AuditRow[] = [];
  let previous = "";
  for (let seq = 1; seq <= count; seq += 1) {
    const row = { seq, at: testStart + seq, actor: "ann", action: "noted", detail: { image: `i${seq % 7}` }, previous };
    const hash = auditHash(row);
    rows.push({ ...row, hash });
    previous = hash;
  }
  return rows;
}

async function saveChain(store: Store, rows: readonly AuditRow[]): Promise<void> {
  const values = rows.map((row) => ({ ...row, at: new Date(row.at).toISOString() }));
  const { seq, hash } = rows.at(-1) ?? {};
  await withConnection(store.engine, async (session) => {
    await session.query("insert into audit select * from jsonb_populate_recordset(null::audit, $1::jsonb)", [
      JSON.stringify(values),
    ]);
    if (store.kind === "pglite") return;
    await session.query("insert into setting (key, value) values ('audit-head', $1::jsonb)", [
      JSON.stringify({ seq, hash }),
    ]);
  });
}

/** Runs one script on the chain, looks at it, and puts the chain back. */
async function verdictAfter(store: Store, script: string): ReturnType<Store["verifyAudit"]> {
  const run = (text: string) => withConnection(store.engine, (session) => session.script(text));
  await run(`create table kept as table audit; ${script}`);
  try {
    return await store.verifyAudit();
  } finally {
    await run("truncate audit; insert into audit select * from kept; drop table kept;");
  }
}

const moved = (from: number, by: number): string =>
  `update audit set seq = -seq where seq > ${from}; update audit set seq = ${by} - seq where seq < 0;`;

describe.each(storeKinds)("one of 10,000 audit rows ($name)", (kind) => {
  const it = needs(kind.missing);
  let opened: { store: Store; place: StorePlace; remove(): Promise<void> } | undefined;
  const store = (): Store => {
    if (opened === undefined) throw new Error("the store is not open");
    return opened.store;
  };
  if (kind.missing === undefined) {
    beforeAll(async () => {
      const { place, remove } = await kind.createPlace();
      const first = await openStore(place, options);
      await saveChain(first, chain(rowCount));
      await first.close();
      opened = { store: await openStore(place, options), place, remove };
    }, 120_000);
    afterAll(async () => {
      await opened?.store.close();
      await opened?.remove();
    });
  }

  it("is intact before anybody touches it, which takes no longer than a second to find out", async () => {
    const times: number[] = [];
    // What the machine does beside it only adds.
    while (times.length === 0 || (Math.min(...times) >= 1000 && times.length < 8)) {
      const began = performance.now();
      expect(await store().verifyAudit()).toMatchObject({ kind: "intact" });
      times.push(performance.now() - began);
    }
    expect(Math.min(...times)).toBeLessThan(1000);
  });

  const cases: readonly (readonly [what: string, script: string, seq: number, reason: RegExp])[] = [
    ["changed", `update audit set detail = '{"image":"other"}' where seq = 5000`, 5000, /was changed/],
    ["with another actor", "update audit set actor = 'eve' where seq = 1", 1, /was changed/],
    ["back-dated", "update audit set at = at - interval '1 day' where seq = 9999", 9999, /was changed/],
    ["removed", "delete from audit where seq = 7001", 7001, /row 7001 is missing/],
    ["removed, the gap closed", `delete from audit where seq = 7001; ${moved(7001, -1)}`, 7001, /does not follow/],
    ["removed at the beginning", "delete from audit where seq = 1", 1, /row 1 is missing/],
    [
      "inserted",
      `${moved(4000, 1)} insert into audit select 4001, at, 'eve', action, detail, previous, hash from audit where seq = 4000`,
      4001,
      /does not follow/,
    ],
    [
      "reordered",
      "update audit set seq = -1 where seq = 20; update audit set seq = 20 where seq = 21; update audit set seq = 21 where seq = -1",
      20,
      /does not follow/,
    ],
    ["cut off with all that follow", "delete from audit where seq > 9990", 9991, /cut off after row 9990/],
    ["and all others removed", "delete from audit", 1, /cut off after row 0/],
  ];
  for (const [what, script, seq, reason] of cases) {
    it(`${what}: found, and the row named`, async () => {
      const verdict = await verdictAfter(store(), script);
      expect(verdict).toMatchObject({ kind: "broken", seq });
      expect(verdict.kind === "broken" && verdict.reason).toMatch(reason);
    });
  }

  it("changed, and every hash since made anew: found by the chain's other copy", async () => {
    const rows = (await store().loadAudit({ limit: 2 * rowCount })).toReversed();
    let previous = rows[8000]?.hash ?? "";
    const forged = rows.slice(8001).map((row, index) => {
      const unhashed = { ...row, previous, ...(index === 0 ? { actor: "eve" } : {}) };
      const made = { ...unhashed, hash: auditHash(unhashed) };
      previous = made.hash;
      return { ...made, at: new Date(made.at).toISOString() };
    });
    const json = JSON.stringify(forged);
    const verdict = await verdictAfter(
      store(),
      `update audit set actor = f.actor, previous = f.previous, hash = f.hash
         from jsonb_populate_recordset(null::audit, '${json}'::jsonb) f where audit.seq = f.seq`,
    );
    // PGlite has the whole file to compare with; PostgreSQL has the last hash.
    expect(verdict).toMatchObject({ kind: "broken", seq: kind.name === "PGlite" ? 8002 : rows.length });
  });
});

describe("the audit file beside PGlite", () => {
  const it = needs(pgliteKind.missing);

  it("changed, cut off or made longer while the store is open: the row is named", async () => {
    const { place, remove } = await pgliteKind.createPlace();
    const path = join("dir" in place ? place.dir : "", "audit.jsonl");
    const store = await openStore(place, options);
    try {
      for (let count = 1; count <= 5; count += 1) await store.saveAudit("ann", "noted", { count });
      const whole = await readFile(path, "utf8");
      const lines = whole.split("\n");

      await writeFile(path, lines.with(2, lines[2]?.replace('"count":3', '"count":4') ?? "").join("\n"));
      expect(await store.verifyAudit()).toEqual({
        kind: "broken",
        seq: 3,
        reason: "row 3 is another in the audit file",
      });

      await writeFile(path, `${lines.slice(0, 3).join("\n")}\n`);
      expect(await store.verifyAudit()).toMatchObject({ kind: "broken", seq: 4 });

      const last = chain(6).at(-1);
      await writeFile(path, `${whole}${last === undefined ? "" : auditLine(last)}\n`);
      expect(await store.verifyAudit()).toMatchObject({ kind: "broken", seq: 6 });

      await writeFile(path, whole);
      expect(await store.verifyAudit()).toMatchObject({ kind: "intact", rows: 5 });
    } finally {
      await store.close();
      await remove();
    }
  });
});
