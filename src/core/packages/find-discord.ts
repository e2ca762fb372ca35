import { catalogueOf, type Group, type Rejection, type VersionNode } from "./catalogue.ts";
import type { PackageRecord, PackageUniverse } from "./types.ts";

/** A relation of a package of a set that does not hold among that set. */
export interface Discord {
  readonly owner: PackageRecord;
  readonly kind: Group["kind"] | Rejection["kind"];
  /** As its control file has it: `libssl3 (>= 3.0.17) | libssl1.1`. */
  readonly relation: string;
  /** The names in it. */
  readonly names: readonly string[];
  /** Every version that would do, the first alternative first; of a rejection the packages of the set that are rejected. */
  readonly fitting: readonly PackageRecord[];
}

/**
 * What is amiss among `packages`, one version each, all of them records of `universe`: dependencies that none of them meets, and those that stand beside what
 * they reject by Conflicts or Breaks. Debian Policy 7. Throws BAD_RELATION for a malformed relation.
 */
export function findDiscord(packages: readonly PackageRecord[], universe: PackageUniverse): Discord[] {
  const catalogue = catalogueOf(universe);
  const present = new Set<VersionNode>(packages.map((record) => catalogue.version(record)));
  const found: Discord[] = [];
  for (const version of present) {
    const { record: owner } = version;
    for (const { kind, atoms } of version.depends) {
      if (atoms.some(({ fitting }) => fitting.some((each) => present.has(each)))) continue;
      found.push({
        owner,
        kind,
        relation: atoms.map(({ text }) => text).join(" | "),
        names: atoms.map(({ target }) => target.name),
        fitting: atoms.flatMap(({ fitting }) => fitting.map(({ record }) => record)),
      });
    }
    for (const { kind, atom } of version.rejects) {
      const others = atom.fitting.filter((each) => each.package !== version.package && present.has(each));
      if (others.length === 0) continue;
      const fitting = others.map(({ record }) => record);
      found.push({ owner, kind, relation: atom.text, names: [atom.target.name], fitting });
    }
  }
  return found;
}
