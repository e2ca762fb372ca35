import type { Finding, IndexedAdvisory } from "../advisory/index.ts";
import type { PackageType } from "../inventory/index.ts";
import type { VersionScheme } from "../version/index.ts";
import type { SourceCure, VersionWord } from "./facts.ts";
import type { Dependant } from "./types.ts";

/** Who asks for a package, before it is known for which version. */
export type Demand = Omit<Dependant, "allows">;

/** What the source of a package of a language is cured from. */
export interface SourceFacts {
  readonly type: PackageType;
  readonly installed: string;
  /** All that is said of the package, of other vulnerabilities too: what cures one must not have another. */
  readonly rows: readonly IndexedAdvisory[];
  readonly scheme: VersionScheme;
  judge(version: string, row: IndexedAdvisory): VersionWord;
  /** Whether a version is in a range as the package's ecosystem writes them; undefined where the range cannot be read. */
  allows(range: string, version: string): boolean | undefined;
  /** What names the version that is installed. */
  readonly file: string | undefined;
  readonly demands: readonly Demand[];
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
  const names = new Set([finding.id, ...finding.aliases]);
  const own = facts.rows.filter(({ advisory }) => [advisory.id, ...advisory.aliases].some((name) => names.has(name)));
  const best = chooseVersion(candidates, own, facts);
  if (best === undefined) return { kind: "none", reason: describeNone(finding, candidates) };
  const dependants = facts.demands.map((one) => ({ ...one, allows: facts.allows(one.range, best.version) }));
  const isCompatible = dependants.some(({ allows }) => allows === false)
    ? false
    : dependants.length > 0 && dependants.every(({ allows }) => allows === true)
      ? true
      : undefined;
  const { version, from } = best;
  return { kind: "bump", version, from, since: undefined, file: facts.file, dependants, isCompatible };
}

interface Candidate {
  readonly version: string;
  /** Who names it. */
  readonly from: string;
}

/** Versions above the installed one that some advisory calls fixed, the lowest first. */
function candidatesOf({ installed, rows, scheme }: SourceFacts): Candidate[] {
  const base = scheme.parse(installed);
  if (base === undefined) return [];
  const found = new Map<string, { readonly candidate: Candidate; readonly parsed: unknown }>();
  for (const { advisory, affected } of rows)
    for (const { fixed } of affected.ranges) {
      if (fixed === undefined) continue;
      const known = found.get(fixed);
      if (known !== undefined && known.candidate.from <= advisory.id) continue;
      const parsed = known?.parsed ?? scheme.parse(fixed);
      if (parsed === undefined || scheme.compare(parsed, base) <= 0) continue;
      found.set(fixed, { candidate: { version: fixed, from: advisory.id }, parsed });
    }
  return [...found.values()]
    .sort((a, b) => scheme.compare(a.parsed, b.parsed) || (a.candidate.version < b.candidate.version ? -1 : 1))
    .slice(-mostCandidates)
    .map(({ candidate }) => candidate);
}

/** Of the candidates that are free of `own`, the lowest of those to which the fewest advisories apply. */
function chooseVersion(
  candidates: readonly Candidate[],
  own: readonly IndexedAdvisory[],
  facts: SourceFacts,
): Candidate | undefined {
  if (own.length === 0) return undefined;
  const shape = prerelease[facts.type];
  const isEarly = (version: string): boolean => shape?.test(version) === true;
  const releases = isEarly(facts.installed) ? candidates : candidates.filter(({ version }) => !isEarly(version));
  for (const some of [releases, candidates]) {
    let best: { readonly candidate: Candidate; readonly left: number } | undefined;
    for (const candidate of some) {
      const isTouched = (row: IndexedAdvisory): boolean => facts.judge(candidate.version, row) !== "clear";
      if (own.some(isTouched)) continue;
      const left = facts.rows.filter(isTouched).length;
      if (best === undefined || left < best.left) best = { candidate, left };
    }
    if (best !== undefined) return best.candidate;
  }
  return undefined;
}

function describeNone({ source, fixed, malicious }: Finding, candidates: readonly Candidate[]): string {
  if (malicious === true) return `${source} was published to do harm, and no version free of it is known: remove it`;
  if (fixed === undefined) return `no version of ${source} that cures it is known`;
  return candidates.length === 0
    ? `${source} ${fixed} is said to cure it, and is not newer than what is installed`
    : `${source} ${fixed} is said to cure it, and another record says that it does not`;
}
