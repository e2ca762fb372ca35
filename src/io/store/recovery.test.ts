import { appendFile, cp, mkdtemp, readFile, readdir, rm, truncate, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createPgliteDir, testStart } from "../../../test/fakes/stores.ts";
import { manualClock, silentLogger } from "../../lib/index.ts";
import { openStore, saveSnapshot, type Store } from "./index.ts";
import { lockPath } from "./open-directory.ts";
import { ownIdentity } from "./process-identity.ts";
import { dumpTables, saveFleet } from "./testdata/fleet.ts";
import { digestOf, leasedRebuild, provenCandidate } from "./testdata/given.ts";

const clock = manualClock(testStart);
const open = (dir: string): Promise<Store> => openStore({ dir }, { clock, log: silentLogger() });

/** Directories as they were found after the power went: with the fleet, a snapshot of it, and what was done since. */
let before = "";
let after = "";
let whole: Record<string, unknown[]> = {};
let dir = "";

beforeAll(async () => {
  before = await createPgliteDir();
  let store = await open(before);
  await saveFleet(store);
  await saveSnapshot(store, clock.now());
  await store.close();

  after = await copyOf(before);
  store = await open(after);
  const lease = await leasedRebuild(store, "web");
  await provenCandidate(store, lease, digestOf("c"));
  await store.saveIntent(
    {
      image: "web",
      environment: "production",
      digest: digestOf("c"),
      kind: "forward",
      by: "tidemill",
      reason: "verified",
    },
    lease,
  );
  await store.saveHold({ image: "web", environment: null, byPerson: true, who: "ann", reason: "wait", until: null });
  await store.saveHoldsLifted({ image: "stuck", environment: null, byPerson: true, who: "ann", reason: "go" });
  await store.saveQuarantine({ image: "base", digest: digestOf("e"), packages: [], reason: "no", who: "ann" });
  await store.saveAccountAllocations(["adm", "zabbix"], { first: 200, last: 300 });
  whole = await dumpTables(store.engine);
  await store.close();
}, 120_000);
afterAll(async () => {
  for (const made of [before, after]) await rm(made, { recursive: true, force: true });
});
beforeEach(async () => {
  dir = await copyOf(after);
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function copyOf(source: string): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), "tidemill-recovery-"));
  await cp(source, made, { recursive: true });
  return made;
}

/** The lock of a holder that was killed. */
async function leaveLock(): Promise<void> {
  await writeFile(lockPath(dir), JSON.stringify({ id: "killed", ...ownIdentity(), started: "before the power went" }));
}

async function withStore<T>(work: (store: Store) => Promise<T>): Promise<T> {
  const store = await open(dir);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

/** What must be there whatever was torn: what was promised to environments, what people said, who has which number. */
const kept = ["promotion", "pointer", "hold", "quarantine", "verification", "account_allocation"] as const;

function keptOf(dump: Record<string, unknown[]>): Record<string, unknown> {
  return Object.fromEntries(kept.map((table) => [table, dump[table]]));
}

async function expectKept(store: Store): Promise<void> {
  expect(keptOf(await dumpTables(store.engine))).toEqual(keptOf(whole));
  expect(await store.verifyAudit()).toMatchObject({ kind: "intact" });
  expect(await store.loadOpenIntents()).toMatchObject([{ image: "base" }, { image: "web", digest: digestOf("c") }]);
}

describe("a torn file after a power cut", () => {
  const tear: Record<string, (database: string) => Promise<void>> = {
    "the control file is empty, and so is the newest snapshot": async (database) => {
      await truncate(join(database, "global/pg_control"));
      await writeFile(join(dir, "snapshots/2026-02-01T00-00-00.000Z.jsonl.gz"), "");
    },
    "the version is gone": (database) => unlink(join(database, "PG_VERSION")),
    "pages are overwritten": async (database) => {
      const base = join(database, "base");
      for (const oid of await readdir(base)) {
        for (const name of await readdir(join(base, oid))) {
          if (!/^\d+$/.test(name) || Number(name) < 16_384) continue;
          const path = join(base, oid, name);
          await writeFile(path, (await readFile(path)).fill(0xa5));
        }
      }
    },
  };
  it.each(Object.entries(tear))(
    "%s: the snapshot and the audit file bring it back, and say what was reconciled",
    async (_what, torn) => {
      await torn(join(dir, "pglite"));
      await leaveLock();
      await withStore(async (store) => {
        await expectKept(store);
        expect(store.recovery.join("\n")).toMatch(/the snapshot of 2026-01-05T09:00:00.000Z took its place/);
        expect(store.recovery.join("\n")).toMatch(/the database lacked \d+ rows that the audit file has/);
        expect(store.recovery.join("\n")).toMatch(/web was to go to sha256:c+ in production: the registry is asked/);
        expect(await store.loadAudit({ actions: ["recovered"] })).toMatchObject([
          { detail: { reconciled: [...store.recovery] } },
        ]);
      });
      const aside = (await readdir(dir)).filter((name) => name.startsWith("pglite.damaged-"));
      expect(aside).toHaveLength(1);
    },
  );

  it("has what the audit file holds where there is no snapshot at all", async () => {
    await rm(join(dir, "snapshots"), { recursive: true });
    await rm(join(dir, "pglite"), { recursive: true });
    await withStore(async (store) => {
      await expectKept(store);
      expect(store.recovery.join("\n")).toMatch(/it is gone\nthere is no snapshot/);
      // Images are declared again by the configuration; until then their names hold the history.
      expect((await store.loadImages({ retired: true })).map(({ name }) => name)).toEqual(["base", "stuck", "web"]);
    });
    // The next start finds nothing to do.
    await withStore((store) => {
      expect(store.recovery).toEqual([]);
      return expectKept(store);
    });
  });

  it("leaves a database alone that a newer version wrote", async () => {
    await withStore(async (store) => {
      const session = await store.engine.acquire();
      await session.query("insert into migration (name, checksum) values ('9999-of-tomorrow', 'x')");
      await store.engine.release(session);
    });
    await expect(open(dir)).rejects.toMatchObject({ code: "BAD_MIGRATION" });
    expect((await readdir(dir)).toSorted()).toEqual(["audit.jsonl", "pglite", "snapshots"]);
  });
});

describe("the longer of audit file and database repairs the other", () => {
  const audit = (): string => join(dir, "audit.jsonl");
  const linesOf = async (): Promise<string[]> => (await readFile(audit(), "utf8")).split("\n").slice(0, -1);

  it("the file is longer: an older database takes its rows over and does them again", async () => {
    await rm(join(dir, "pglite"), { recursive: true });
    await cp(join(before, "pglite"), join(dir, "pglite"), { recursive: true });
    await withStore(async (store) => {
      await expectKept(store);
      expect(store.recovery.join("\n")).toMatch(/the database lacked \d+ rows/);
    });
  });

  it.each([
    ["shorter by some rows", (lines: string[]) => lines.slice(0, -3)],
    ["empty", () => []],
  ])("the file is %s: it is filled up from the database", async (_what, cut) => {
    const lines = await linesOf();
    const left = cut(lines);
    await writeFile(audit(), left.map((line) => `${line}\n`).join(""));
    await withStore(async (store) => {
      await expectKept(store);
      expect(store.recovery).toEqual([
        `the audit file lacked ${lines.length - left.length} rows that the database has: they were written to it`,
      ]);
    });
    expect((await linesOf()).slice(0, lines.length)).toEqual(lines);
  });

  it("the file is gone: it is made again", async () => {
    const lines = await linesOf();
    await unlink(audit());
    await withStore(expectKept);
    expect((await linesOf()).slice(0, lines.length)).toEqual(lines);
  });

  it("its last row is cut off in the middle: that row is written anew", async () => {
    const lines = await linesOf();
    await truncate(audit(), Buffer.byteLength(lines.join("\n")) - 10);
    await withStore(async (store) => {
      await expectKept(store);
      expect(store.recovery).toHaveLength(2);
      expect(store.recovery[0]).toMatch(/ended in the middle of a row: its last \d+ bytes were cut off/);
    });
    expect((await linesOf()).slice(0, lines.length)).toEqual(lines);
  });

  it("a row that was begun and never ended is no row", async () => {
    await appendFile(audit(), '{"seq":9999,"at":');
    await withStore(expectKept);
  });

  it.each([
    [
      "its last row is another",
      (lines: string[]) =>
        lines.with(lines.length - 1, (lines.at(-1) ?? "").replace(/"hash":"sha256:./, '"hash":"sha256:x')),
    ],
    [
      "rows follow that were not written by us",
      (lines: string[]) => [...lines, (lines.at(-1) ?? "").replace('"seq":', '"seq":1')],
    ],
  ])("they contradict each other, %s: the file is kept aside and the database stands", async (_what, change) => {
    const lines = await linesOf();
    const changed = change(lines)
      .map((line) => `${line}\n`)
      .join("");
    await writeFile(audit(), changed);
    await withStore(async (store) => {
      await expectKept(store);
      expect(store.recovery.join("\n")).toMatch(/the audit file contradicts the database/);
    });
    const aside = (await readdir(dir)).find((name) => name.startsWith("audit.jsonl.contradicts-")) ?? "";
    expect(await readFile(join(dir, aside), "utf8")).toBe(changed);
    expect((await linesOf()).slice(0, lines.length)).toEqual(lines);
  });
});
