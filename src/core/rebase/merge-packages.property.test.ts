import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { emptyTree } from "../inventory/index.ts";
import { compareBases } from "./bases.ts";
import { parseStanzas } from "./dpkg-database.ts";
import { mergePackages, type Stanzas } from "./merge-packages.ts";
import { mergeRows } from "./merge-rows.ts";
import { configOf, statusOf } from "./testdata/made-rebase.ts";

const side = { tree: emptyTree, config: configOf({}, []) };
const trees = { bases: compareBases(side, side), image: emptyTree, result: emptyTree };
const database = fc
  .dictionary(fc.constantFrom("a", "b", "c", "d", "e"), fc.constantFrom("1", "2", "3"))
  .map((versions): Stanzas => {
    const file = parseStanzas(
      statusOf(...Object.entries(versions).map(([name, version]) => `${name} ${version}`)),
      "x",
    );
    if (file.kind !== "read") throw new Error(file.problem);
    return file.stanzas;
  });
const merge = (old: Stanzas, base: Stanzas, own: Stanzas) => mergePackages(old, base, own, trees);
const plain = (stanzas: Stanzas): Record<string, string> =>
  Object.fromEntries([...stanzas].map(([key, { version }]) => [key, version]));

describe("mergePackages", () => {
  it("gives the new base where the application changed nothing", () =>
    fc.assert(
      fc.property(database, database, (old, base) => {
        const merged = merge(old, base, old);
        expect(plain(merged.stanzas)).toEqual(plain(base));
        expect(merged).toMatchObject({ own: [], baseIsWhole: true, refusals: [] });
      }),
    ));

  it("gives the application where the base changed nothing", () =>
    fc.assert(
      fc.property(database, database, (old, own) => {
        const merged = merge(old, old, own);
        expect(plain(merged.stanzas)).toEqual(plain(own));
        expect(merged.refusals).toEqual([]);
      }),
    ));

  it("names no version that neither side has, and refuses where both changed a package to different ones", () =>
    fc.assert(
      fc.property(database, database, database, (old, base, own) => {
        const merged = merge(old, base, own);
        for (const [key, { version }] of merged.stanzas)
          expect([base.get(key)?.version, own.get(key)?.version]).toContain(version);
        for (const key of new Set([...old.keys(), ...base.keys(), ...own.keys()])) {
          const [was, now, mine] = [old, base, own].map((each) => each.get(key)?.version);
          if (now === was && mine !== was) expect(merged.stanzas.get(key)?.version).toBe(mine);
          if (mine === was) expect(merged.stanzas.get(key)?.version).toBe(now);
          const isOlder = now !== undefined && mine !== undefined && now !== was && mine !== was && mine < now;
          if (isOlder) expect(merged.refusals.map((each) => each.package)).toContain(key.split(":")[0]);
        }
      }),
    ));

  it("changes nothing when it is done again", () =>
    fc.assert(
      fc.property(database, database, database, (old, base, own) => {
        const once = merge(old, base, own).stanzas;
        expect(plain(merge(base, base, once).stanzas)).toEqual(plain(once));
      }),
    ));
});

describe("mergeRows", () => {
  const table = fc
    .dictionary(fc.constantFrom("x", "y", "z"), fc.integer({ min: 0, max: 3 }))
    .map((rows) => new Map(Object.entries(rows)));
  it("is the same for both sides wherever there is no conflict", () =>
    fc.assert(
      fc.property(table, table, table, (old, base, own) => {
        const one = mergeRows(old, base, own, Object.is);
        const other = mergeRows(old, own, base, Object.is);
        expect([...one.conflicts].sort()).toEqual([...other.conflicts].sort());
        if (one.conflicts.length === 0) expect(Object.fromEntries(one.rows)).toEqual(Object.fromEntries(other.rows));
      }),
    ));
});
