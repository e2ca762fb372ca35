import type { Finding } from "../advisory/index.ts";
import type { PackageType } from "../inventory/index.ts";
import type { VersionScheme } from "../version/index.ts";
import type { SourceCure } from "./facts.ts";
import type { Dependant } from "./types.ts";

/** Who asks for a package, before it is known for which version. */
export type Demand = Omit<Dependant, "allows">;

/** What the source of a package of a language is cured from. */
export interface SourceFacts {
  readonly type: PackageType;
  readonly installed: string;
  /** Versions that advisories of the package call fixed, of other vulnerabilities too, each with who says so. */
  readonly fixes: readonly Fix[];
  readonly scheme: VersionScheme;
  /** What is, or may be, wrong with a version of the package: what cures one thing must not have another. */
  readonly openAt: (version: string) => readonly Pick<Finding, "id" | "aliases">[];
  /** Whether a version is in a range as the package's ecosystem writes them; undefined where the range cannot be read. */
  readonly allows: (range: string, version: string) => boolean | undefined;
  /** What names the version that is installed. */
  readonly file: string | undefined;
  readonly demands: readonly Demand[];
}

/** A version that an advisory calls fixed. */
export interface Fix {
  readonly version: string;
  readonly from: string;
}

/** Fixed versions that are tried, the highest: what is said of one package is never so long. */
const mostCandidates = 300;
/** Pre-releases, as each ecosystem marks them. */
const prerelease: Partial<Record<PackageType, RegExp>> = {
  npm: /^\d+\.\d+\.\d+-/,
  golang: /^v?\d+\.\d+\.\d+-/,
  pypi: /\d[-._]?(?:a|b|c|rc|alpha|beta|pre|preview|dev)[-._]?\d*/i,
  maven: /[-.](?:alpha|beta|milestone|m\d+|rc|cr|snapshot)/i,
};

/**
 * The lowest version that an advisory names as fixed and that cures all that can be cured of the package, with who stands in its way. Where no version cures all, the lowest of those that cure
 * `finding` and leave the least. A pre-release only where no release does, or one is installed.
 */
export function planSourceCure(finding: Finding, facts: SourceFacts): SourceCure {
  const candidates = candidatesOf(facts);
  const best = chooseVersion(candidates, finding, facts);
  if (best === undefined) return { kind: "none", reason: describeNone(finding, candidates) };
  const dependants = facts.demands.map((one) => ({ ...one, allows: facts.allows(one.range, best.version) }));
  const isCompatible = areCompatible(dependants, best.version, facts);
  const { version, from } = best;
  return { kind: "bump", version, from, since: undefined, file: facts.file, dependants, isCompatible };
}

/** Whether everyone who asks for the package allows a version. Go asks for at least what is installed, whoever does: Go Modules Reference, Minimal version selection. */
function areCompatible(
  dependants: readonly Dependant[],
  version: string,
  { type, installed, allows }: SourceFacts,
): boolean | undefined {
  if (dependants.length === 0) return type === "golang" ? allows(installed, version) : undefined;
  if (dependants.some((one) => one.allows === false)) return false;
  return dependants.every((one) => one.allows === true) ? true : undefined;
}

/** Fixed versions above the installed one, the lowest first. */
function candidatesOf({ type, installed, fixes, scheme }: SourceFacts): Fix[] {
  // Go's modules write `v1.2.3` where its advisories write `1.2.3`.
  const isMarked = type === "golang" && installed.startsWith("v");
  const base = scheme.parse(installed);
  if (base === undefined) return [];
  const found = new Map<string, { readonly fix: Fix; readonly parsed: unknown }>();
  for (const said of fixes) {
    const fix = isMarked && /^\d/.test(said.version) ? { ...said, version: `v${said.version}` } : said;
    const known = found.get(fix.version);
    if (known !== undefined && known.fix.from <= fix.from) continue;
    const parsed = known?.parsed ?? scheme.parse(fix.version);
    if (parsed !== undefined && scheme.compare(parsed, base) > 0) found.set(fix.version, { fix, parsed });
  }
  return [...found.values()]
    .sort((a, b) => scheme.compare(a.parsed, b.parsed) || (a.fix.version < b.fix.version ? -1 : 1))
    .slice(-mostCandidates)
    .map(({ fix }) => fix);
}

/** Of the candidates that are free of the finding, the lowest of those that have the fewest others. */
function chooseVersion(candidates: readonly Fix[], finding: Finding, facts: SourceFacts): Fix | undefined {
  const names = new Set([finding.id, ...finding.aliases]);
  const isOwn = ({ id, aliases }: Pick<Finding, "id" | "aliases">): boolean =>
    [id, ...aliases].some((name) => names.has(name));
  const shape = prerelease[facts.type];
  const isEarly = (version: string): boolean => shape?.test(version) === true;
  const releases = isEarly(facts.installed) ? candidates : candidates.filter(({ version }) => !isEarly(version));
  for (const some of [releases, candidates]) {
    let best: { readonly fix: Fix; readonly left: number } | undefined;
    for (const fix of some) {
      const open = facts.openAt(fix.version);
      if (open.some(isOwn)) continue;
      if (best === undefined || open.length < best.left) best = { fix, left: open.length };
    }
    if (best !== undefined) return best.fix;
  }
  return undefined;
}

function describeNone({ source, fixed, malicious }: Finding, candidates: readonly Fix[]): string {
  if (malicious === true) return `${source} was published to do harm, and no version free of it is known: remove it`;
  if (fixed === undefined) return `no version of ${source} that cures it is known`;
  return candidates.length === 0
    ? `${source} ${fixed} is said to cure it, and is not newer than what is installed`
    : `${source} ${fixed} is said to cure it, and another record says that it does not`;
}
