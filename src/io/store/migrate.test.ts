import { describe, expect } from "vitest";
import { createEmptyDir, describeStores, postgresKind, storeKinds, testStart } from "../../../test/fakes/stores.ts";
import { needs } from "../../../test/needs.ts";
import { manualClock, silentLogger } from "../../lib/index.ts";
import { applyMigrations, readMigrations } from "./migrate.ts";
import { openStore, type Store } from "./open-store.ts";
import { withConnection } from "./sql-engine.ts";

const options = { clock: manualClock(testStart), log: silentLogger() };

async function rowsOf(store: Store, query: string): Promise<Record<string, unknown>[]> {
  return withConnection(store.engine, async (session) => (await session.query(query)).rows);
}

describeStores("applyMigrations", ({ it, store, place }) => {
  it("has applied every file, each once, in order", async () => {
    const known = await readMigrations();
    expect(known.length).toBeGreaterThan(0);
    expect(known.map(({ name }) => name)).toEqual(known.map(({ name }) => name).toSorted());
    expect(await rowsOf(store(), "select name from migration order by name")).toEqual(
      known.map(({ name }) => ({ name })),
    );
    expect(await applyMigrations(store().engine, known)).toBe(0);
  });

  it("applies what is new, and all of it or nothing", async () => {
    const known = await readMigrations();
    const good = { name: "9998-good", text: "create table good (id int)" };
    const bad = { name: "9999-bad", text: "create table bad (id int); select no_such_function();" };
    await expect(applyMigrations(store().engine, [...known, good, bad])).rejects.toMatchObject({ code: "QUERY" });
    expect(await rowsOf(store(), "select to_regclass('good') as good, to_regclass('bad') as bad")).toEqual([
      { good: null, bad: null },
    ]);
    expect(await applyMigrations(store().engine, known)).toBe(0);
  });

  it("refuses one that was edited after it had been applied", async () => {
    const [first, ...others] = await readMigrations();
    if (first === undefined) throw new Error("there is no migration");
    const edited = { ...first, text: `${first.text}\n` };
    await expect(applyMigrations(store().engine, [edited, ...others])).rejects.toMatchObject({
      code: "BAD_MIGRATION",
      message: `the migration ${first.name} was edited after it had been applied`,
    });
  });

  it("refuses to open what a newer version wrote, and leaves it as it is", async () => {
    await rowsOf(store(), "insert into migration (name, checksum) values ('9999-of-tomorrow', 'x')");
    try {
      await expect(applyMigrations(store().engine, await readMigrations())).rejects.toMatchObject({
        code: "BAD_MIGRATION",
        message: "the database has the migration 9999-of-tomorrow, which this version does not know",
      });
      if ("databaseUrl" in place()) {
        await expect(openStore(place(), options)).rejects.toMatchObject({ code: "BAD_MIGRATION" });
      }
    } finally {
      await rowsOf(store(), "delete from migration where name = '9999-of-tomorrow'");
    }
  });
});

describe.each(storeKinds)("an empty $name", (kind) => {
  const it = needs(kind.missing);

  it("gets its tables when it is opened, and keeps what is in them when it is opened again", async () => {
    const { place, remove } =
      kind.name === "PGlite" ? { place: { dir: await createEmptyDir() }, remove: undefined } : await kind.createPlace();
    try {
      const first = await openStore(place, options);
      await first.saveAudit("ann", "noted", { once: true });
      await first.close();
      const second = await openStore(place, options);
      expect(await second.loadAudit()).toMatchObject([{ seq: 1, action: "noted", detail: { once: true } }]);
      expect(second.recovery).toEqual([]);
      await second.close();
    } finally {
      await remove?.();
    }
  });
});

describe("many processes that start at once on one empty PostgreSQL", () => {
  const it = needs(postgresKind.missing);

  it("migrate it once", async () => {
    const { place, remove } = await postgresKind.createPlace();
    try {
      const stores = await Promise.all(Array.from({ length: 5 }, () => openStore(place, options)));
      const count = (await readMigrations()).length;
      expect(await rowsOf(stores[0] as Store, "select count(*) as count from migration")).toEqual([{ count }]);
      for (const store of stores) await store.close();
    } finally {
      await remove();
    }
  });
});
