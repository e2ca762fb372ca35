import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { madeUniverse, type MadePackage } from "../../../test/apt/packages-text.ts";
import { parseControl } from "./control.ts";
import { parseRelations, type Relation } from "./relation.ts";
import { resolvePackages } from "./resolve-packages.ts";
import type { PackageRecord, PackageUniverse } from "./types.ts";

const realNames = ["a", "b", "c", "d", "e", "f", "g"];
const names = [...realNames, "v", "w"];
const version = fc.constantFrom("1", "2", "3");
const name = fc.constantFrom(...names);
const relation = fc
  .tuple(name, fc.option(fc.tuple(fc.constantFrom("<<", "<=", "=", ">=", ">>"), version), { nil: undefined }))
  .map(([target, constraint]) => (constraint === undefined ? target : `${target} (${constraint.join(" ")})`));
const group = fc.array(relation, { minLength: 1, maxLength: 3 }).map((items) => items.join(" | "));
const provided = fc
  .tuple(fc.constantFrom("v", "w"), fc.option(version, { nil: undefined }))
  .map(([target, number]) => (number === undefined ? target : `${target} (= ${number})`));

function field(items: fc.Arbitrary<string>, maxLength: number): fc.Arbitrary<string | undefined> {
  return fc.array(items, { maxLength }).map((list) => (list.length > 0 ? list.join(", ") : undefined));
}

const made: fc.Arbitrary<MadePackage> = fc
  .record({
    name: fc.constantFrom(...realNames),
    version,
    Depends: field(group, 3),
    "Pre-Depends": field(group, 1),
    Conflicts: field(relation, 1),
    Breaks: field(relation, 1),
    Provides: field(provided, 2),
    Priority: fc.constantFrom("required", "optional", "extra"),
  })
  .map(({ name, version, ...rest }) => ({
    name,
    version,
    fields: Object.fromEntries(
      Object.entries(rest).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
    ),
  }));
const packages = fc.uniqueArray(made, {
  selector: (item) => `${item.name}=${item.version}`,
  minLength: 1,
  maxLength: 12,
});
const roots = fc.uniqueArray(fc.constantFrom(...realNames), { minLength: 1, maxLength: 3 });

function relationsOf(record: PackageRecord, ...fields: readonly string[]): (readonly Relation[])[] {
  const stanza = parseControl(record.stanza)[0];
  return fields.flatMap((key) => parseRelations(stanza?.get(key) ?? ""));
}

function fits(relation: Relation, offered: string | undefined): boolean {
  if (relation.version === undefined) return true;
  if (offered === undefined) return false;
  const order = Number(offered) - Number(relation.version);
  return { "<<": order < 0, "<=": order <= 0, "=": order === 0, ">=": order >= 0, ">>": order > 0 }[
    relation.operator ?? "="
  ];
}

function serves(record: PackageRecord, relation: Relation): boolean {
  if (record.name === relation.name && fits(relation, record.version)) return true;
  return relationsOf(record, "provides").some(([item]) => item?.name === relation.name && fits(relation, item.version));
}

/** What is wrong with a set, by the letter of the policy; undefined where nothing is. */
function faultOf(set: readonly PackageRecord[]): string | undefined {
  if (new Set(set.map((record) => record.name)).size < set.length) return "two versions of one package";
  for (const record of set) {
    for (const alternatives of relationsOf(record, "pre-depends", "depends")) {
      if (!alternatives.some((item) => set.some((other) => serves(other, item))))
        return `${record.name} lacks something`;
    }
    for (const [item] of relationsOf(record, "conflicts", "breaks")) {
      const other = set.find((one) => one !== record && item !== undefined && serves(one, item));
      if (other !== undefined) return `${record.name} rejects ${other.name}`;
    }
  }
  return undefined;
}

/** Whether any set of candidates that holds the roots is without fault. */
function isSolvable(universe: PackageUniverse, wanted: readonly string[]): boolean {
  const candidates = realNames.flatMap((one) => universe.versions(one)[0] ?? []);
  for (let bits = 0; bits < 2 ** candidates.length; bits += 1) {
    const set = candidates.filter((_, at) => (bits >> at) % 2 === 1);
    if (wanted.every((root) => set.some((record) => record.name === root)) && faultOf(set) === undefined) return true;
  }
  return false;
}

/** Whether a name that no package has is among the roots: such a root is another question. */
function areReal(universe: PackageUniverse, wanted: readonly string[]): boolean {
  return wanted.every((root) => universe.versions(root).length > 0);
}

describe("resolvePackages, over made-up universes", () => {
  it("gives closed sets without conflicts that hold the roots, and finds one wherever one exists", () => {
    fc.assert(
      fc.property(packages, roots, (items, wanted) => {
        const universe = madeUniverse({ main: items });
        fc.pre(areReal(universe, wanted));
        const resolution = resolvePackages({ roots: wanted }, universe);
        if (resolution.kind === "resolved") {
          expect(faultOf(resolution.packages)).toBeUndefined();
          expect(resolution.packages.map((record) => record.name)).toEqual(expect.arrayContaining(wanted));
          for (const record of resolution.packages) expect(record).toBe(universe.versions(record.name)[0]);
        } else {
          expect(resolution.chain.length).toBeGreaterThan(1);
          expect(isSolvable(universe, wanted)).toBe(false);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("says the same whatever the order of the roots and of what was asked before", () => {
    fc.assert(
      fc.property(packages, roots, roots, fc.boolean(), (items, wanted, earlier, recommends) => {
        const universe = madeUniverse({ main: items });
        const answer = resolvePackages({ roots: wanted, recommends }, universe);
        const other = madeUniverse({ main: items });
        resolvePackages({ roots: earlier }, other);
        expect(resolvePackages({ roots: wanted.toReversed(), recommends }, other)).toEqual(answer);
      }),
      { numRuns: 500 },
    );
  });

  it("never takes what is excluded, and takes held versions", () => {
    fc.assert(
      fc.property(packages, roots, fc.constantFrom(...realNames), (items, wanted, one) => {
        const universe = madeUniverse({ main: items });
        const held = universe.versions(one).at(-1)?.version ?? "1";
        const without = resolvePackages({ roots: wanted, exclude: [one] }, universe);
        if (without.kind === "resolved") expect(without.packages.map((record) => record.name)).not.toContain(one);
        const pinned = resolvePackages({ roots: wanted, pins: { [one]: held } }, universe);
        if (pinned.kind === "resolved") {
          expect(faultOf(pinned.packages)).toBeUndefined();
          for (const record of pinned.packages) if (record.name === one) expect(record.version).toBe(held);
        }
      }),
      { numRuns: 500 },
    );
  });
});
