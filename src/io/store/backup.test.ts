import { mkdtemp, readFile, readdir, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { describeStores, pgliteKind, postgresKind, storeKinds, testStart } from "../../../test/fakes/stores.ts";
import { needs } from "../../../test/needs.ts";
import { manualClock, sha256, silentLogger } from "../../lib/index.ts";
import { backupStore, openStore, restoreStore, saveSnapshot, type Store, type StorePlace } from "./index.ts";
import { dumpTables, saveFleet } from "./testdata/fleet.ts";

const clock = manualClock(testStart);
const options = { clock, log: silentLogger() };
let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemill-backup-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The chain has its last row noted in PostgreSQL only, where no file does it. */
const withoutHead = (dump: Record<string, unknown[]>): Record<string, unknown[]> => ({
  ...dump,
  setting: (dump.setting ?? []).filter((row) => (row as { key: string }).key !== "audit-head"),
});

const missing = postgresKind.missing;
describe.each([
  ["PGlite", "PGlite", pgliteKind, pgliteKind, undefined],
  ["PGlite", "PostgreSQL", pgliteKind, postgresKind, missing],
  ["PostgreSQL", "PGlite", postgresKind, pgliteKind, missing],
  ["PostgreSQL", "PostgreSQL", postgresKind, postgresKind, missing],
] as const)("a backup from %s to %s", (fromName, toName, from, to, why) => {
  const it = needs(why);

  it("brings every row of every table, and the chain goes on where it was", async () => {
    const source = await from.createPlace();
    const target = await to.createPlace();
    try {
      const first = await openStore(source.place, options);
      await saveFleet(first);
      const path = join(folder, `${fromName}-${toName}.jsonl.gz`);
      const before = await dumpTables(first.engine);
      for (const [table, rows] of Object.entries(before)) expect(rows, table).not.toEqual([]);
      const backup = await backupStore(first, path, clock.now());
      expect(backup).toMatchObject({ bytes: (await stat(path)).size, sha256: sha256(await readFile(path)) });
      expect((await stat(path)).mode & 0o777).toBe(0o600);
      await first.close();

      const restored = await restoreStore(target.place, path, options);
      expect(restored.at).toBe(clock.now());
      const second = await openStore(target.place, options);
      try {
        const verdict = await second.verifyAudit();
        expect(verdict).toMatchObject({ kind: "intact" });
        const after = await dumpTables(second.engine);
        // A directory says in its chain what was reconciled when it was opened.
        const said = (after.audit ?? []).length - (before.audit ?? []).length;
        expect(said).toBe(toName === "PGlite" ? 1 : 0);
        const recovered = after.audit?.filter((row) => (row as { action: string }).action === "recovered") ?? [];
        expect({ ...withoutHead(after), audit: after.audit?.filter((row) => !recovered.includes(row)) }).toEqual(
          withoutHead(before),
        );
        expect(await second.loadPointers()).toMatchObject([{ image: "web", environment: "production" }]);
        await second.saveAudit("ann", "noted", {});
        expect(await second.verifyAudit()).toMatchObject({ kind: "intact" });
      } finally {
        await second.close();
      }
    } finally {
      await source.remove();
      await target.remove();
    }
  });
});

describeStores("a backup that was damaged", ({ it, store, place }) => {
  it("is refused, and what is there stays as it was", async () => {
    await saveFleet(store());
    const path = join(folder, "whole.jsonl.gz");
    await backupStore(store(), path, clock.now());
    const whole = await readFile(path);
    const text = gunzipSync(whole).toString();
    const lines = text.split("\n");
    const before = await dumpTables(store().engine);

    const damages: Record<string, () => Promise<void>> = {
      "cut off": () => truncate(path, whole.length - 30),
      "cut off to nothing": () => truncate(path, 0),
      "short of a page": () => writeFile(path, gzipSync(lines.toSpliced(2, 1).join("\n"))),
      "short of its end": () => writeFile(path, gzipSync(`${lines.slice(0, -2).join("\n")}\n`)),
      "changed in one letter": () => writeFile(path, gzipSync(text.replace("verified", "verifled"))),
      "changed in its compressed bytes": () =>
        writeFile(path, whole.with(whole.length >> 1, (whole[whole.length >> 1] ?? 0) ^ 1)),
      "followed by other bytes": () =>
        writeFile(path, Buffer.concat([whole, gzipSync('{"table":"image","rows":[]}\n')])),
      "of another version": () => writeFile(path, gzipSync(text.replace('"version":1', '"version":2'))),
      "of another table": () => writeFile(path, gzipSync(text.replace('"table":"image"', '"table":"pg_authid"'))),
      "something else": () => writeFile(path, gzipSync('{"hello":"world"}\n')),
      "not gzip": () => writeFile(path, text),
      "not there": () => rm(path),
    };
    // A directory is held by its store: the lock would be the answer, so another one is asked.
    const target: StorePlace = "dir" in place() ? { dir: await mkdtemp(join(folder, "target-")) } : place();
    for (const [damage, make] of Object.entries(damages)) {
      await writeFile(path, whole);
      await make();
      await expect(restoreStore(target, path, options), damage).rejects.toMatchObject({ code: "BAD_BACKUP" });
    }
    expect(await dumpTables(store().engine)).toEqual(before);
  });

  it("is refused where a newer version made it, and that version is asked for", async () => {
    const path = join(folder, "newer.jsonl.gz");
    await backupStore(store(), path, clock.now());
    const lines = gunzipSync(await readFile(path))
      .toString()
      .split("\n")
      .slice(0, -2);
    const text = `${lines.join("\n")}\n`.replace('"0001-image"', '"0001-image","9999-of-tomorrow"');
    const rows = lines.slice(1).reduce((sum, line) => sum + (JSON.parse(line) as { rows: unknown[] }).rows.length, 0);
    const end = JSON.stringify({ end: true, rows, sha256: sha256(text).slice("sha256:".length) });
    await writeFile(path, gzipSync(`${text}${end}\n`));
    const before = await dumpTables(store().engine);
    const target: StorePlace = "dir" in place() ? { dir: await mkdtemp(join(folder, "target-")) } : place();
    await expect(restoreStore(target, path, options)).rejects.toMatchObject({
      code: "BAD_BACKUP",
      message: expect.stringContaining("9999-of-tomorrow") as string,
    });
    expect(await dumpTables(store().engine)).toEqual(before);
  });
});

describe.each(storeKinds)("saveSnapshot ($name)", (kind) => {
  const it = needs(kind.missing);

  it("keeps the newest five where recovery looks for them, and nothing with PostgreSQL", async () => {
    const { place, remove } = await kind.createPlace();
    const store: Store = await openStore(place, options);
    try {
      await saveFleet(store);
      const made = [];
      for (let day = 1; day <= 7; day += 1) made.push(await saveSnapshot(store, testStart + day * 86_400_000));
      if ("databaseUrl" in place) {
        expect(made.every((one) => one === undefined)).toBe(true);
        return;
      }
      const kept = await readdir(join(place.dir, "snapshots"));
      expect(kept.toSorted()).toEqual(
        [8, 9, 10, 11, 12].map((day) => `2026-01-${String(day).padStart(2, "0")}T09-00-00.000Z.jsonl.gz`),
      );
    } finally {
      await store.close();
      await remove();
    }
  });
});
