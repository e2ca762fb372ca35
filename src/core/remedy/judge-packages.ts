import { keysOf, matchAdvisories, type AdvisoryIndex, type Finding } from "../advisory/index.ts";
import type { InstalledPackage, Inventory } from "../inventory/index.ts";
import type { PackageVersion, VersionWord } from "./facts.ts";
import type { Fix } from "./plan-source-cure.ts";

/** What advisories say of versions that an image does not hold yet. */
export interface PackageJudge {
  /** What the vulnerability of a finding is to another version of its package. */
  readonly judge: (finding: Finding, entry: InstalledPackage, version: PackageVersion) => VersionWord;
  /** What is, or may be, wrong with another version of a package. */
  readonly openAt: (entry: InstalledPackage, version: PackageVersion) => readonly Finding[];
  /** Versions of a package that its advisories call fixed. */
  readonly fixesOf: (entry: InstalledPackage) => readonly Fix[];
}

const mostRemembered = 10_000;

/**
 * A judge of versions of what `inventory` holds. It asks by the very matching that made the findings, of the source that the package came from: what it calls clear is found clear when it is
 * installed. Of a package that `index` was not asked about it knows nothing, so it is for packages that have a finding.
 */
export function createPackageJudge(inventory: Inventory, index: AdvisoryIndex, madeFrom?: string): PackageJudge {
  const remembered = new Map<string, readonly Finding[]>();
  const holding = (entry: InstalledPackage): Inventory => ({ ...inventory, packages: [entry] });
  const openAt = (entry: InstalledPackage, { version, sourceVersion }: PackageVersion): readonly Finding[] => {
    const key = JSON.stringify([entry.type, entry.name, entry.architecture, entry.source, version, sourceVersion]);
    const before = remembered.get(key);
    if (before !== undefined) return before;
    const { findings } = matchAdvisories(holding({ ...entry, version, sourceVersion }), index, madeFrom);
    if (remembered.size >= mostRemembered) remembered.clear();
    remembered.set(key, findings);
    return findings;
  };
  return {
    openAt,
    judge: (finding, entry, version) => {
      const names = new Set([finding.id, ...finding.aliases]);
      const open = openAt(entry, version).filter(({ id, aliases }) => [id, ...aliases].some((name) => names.has(name)));
      if (open.length === 0) return "clear";
      return open.some(({ state }) => state === "affected") ? "affected" : "unknown";
    },
    fixesOf: (entry) =>
      keysOf(holding(entry), madeFrom).flatMap(({ ecosystem, name }) =>
        index
          .find(ecosystem, name)
          .flatMap(({ advisory, affected }) =>
            affected.ranges.flatMap(({ fixed }) =>
              fixed === undefined ? [] : [{ version: fixed, from: advisory.id }],
            ),
          ),
      ),
  };
}
