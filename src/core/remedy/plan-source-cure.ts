import type { Finding } from "../advisory/index.ts";
import type { PackageType } from "../inventory/index.ts";
import type { VersionScheme } from "../version/index.ts";
import type { Demand, Demands } from "./demands.ts";
import type { SourceCure } from "./facts.ts";
import type { Dependant } from "./types.ts";

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
  readonly demands: Demands;
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
 * The version that cures `finding`, of those that advisories name as fixed: the first in this order: what everyone who asks for the package takes, what leaves the fewest of its other findings, the
 * lowest. A pre-release only where no release does, or one is installed.
 */
export function planSourceCure(finding: Finding, facts: SourceFacts): SourceCure {
  const { newer, others } = candidatesOf(facts);
  const best = chooseVersion(newer, finding, facts);
  if (best === undefined) return { kind: "none", reason: describeNone(finding, newer, others) };
  const dependants = dependantsOf(best.version, facts);
  const { demands, file } = facts;
  const isCompatible = areCompatible(dependants, best.version, facts);
  const gap = demands.gap === undefined ? {} : { gap: demands.gap };
  const { version, from } = best;
  return { kind: "bump", version, from, since: undefined, file, dependants, isCompatible, ...gap };
}

/** What a person is shown of one who asks: only what is certain forbids. */
function dependantsOf(version: string, { demands, allows }: SourceFacts): Dependant[] {
  return demands.asked.map((one) => {
    const word = allows(one.range, version);
    return { ...one, allows: word === false && one.when !== undefined ? undefined : word };
  });
}

/** Whether everyone who asks for the package takes a version. Go asks for at least what is installed, whoever does: Go Modules Reference, Minimal version selection. */
function areCompatible(
  dependants: readonly Dependant[],
  version: string,
  { type, installed, allows, demands }: SourceFacts,
): boolean | undefined {
  if (type === "golang") return allows(installed, version);
  if (dependants.length === 0) return undefined;
  // Who does not take what is installed either is not obeyed: it was overridden, and so says nothing of the next version.
  const refusing = dependants.filter((one) => one.allows === false);
  if (refusing.some(({ range }) => allows(range, installed) !== false)) return false;
  return demands.gap === undefined && dependants.every((one) => one.allows === true) ? true : undefined;
}

interface Candidates {
  /** The lowest first. */
  readonly newer: readonly Fix[];
  /** How many more there are that are another module: Go gives each major version a name of its own. Go Modules Reference, Major version suffixes. */
  readonly others: number;
}

/** Fixed versions above the installed one. */
function candidatesOf({ type, installed, fixes, scheme, allows }: SourceFacts): Candidates {
  // Go's modules write `v1.2.3` where its advisories write `1.2.3`.
  const isMarked = type === "golang" && installed.startsWith("v");
  const base = scheme.parse(installed);
  if (base === undefined) return { newer: [], others: 0 };
  const found = new Map<string, { readonly fix: Fix; readonly parsed: unknown }>();
  let others = 0;
  for (const said of fixes) {
    const fix = isMarked && /^\d/.test(said.version) ? { ...said, version: `v${said.version}` } : said;
    const known = found.get(fix.version);
    if (known !== undefined && known.fix.from <= fix.from) continue;
    const parsed = known?.parsed ?? scheme.parse(fix.version);
    if (parsed === undefined || scheme.compare(parsed, base) <= 0) continue;
    if (type === "golang" && allows(installed, fix.version) === false) others += 1;
    else found.set(fix.version, { fix, parsed });
  }
  const newer = [...found.values()]
    .sort((a, b) => scheme.compare(a.parsed, b.parsed) || (a.fix.version < b.fix.version ? -1 : 1))
    .slice(-mostCandidates)
    .map(({ fix }) => fix);
  return { newer, others };
}

/** Of the candidates that are free of the finding, the best by who takes it, then by what it leaves, then the lowest. */
function chooseVersion(candidates: readonly Fix[], finding: Finding, facts: SourceFacts): Fix | undefined {
  const names = new Set([finding.id, ...finding.aliases]);
  const isOwn = ({ id, aliases }: Pick<Finding, "id" | "aliases">): boolean =>
    [id, ...aliases].some((name) => names.has(name));
  const shape = prerelease[facts.type];
  const isEarly = (version: string): boolean => shape?.test(version) === true;
  const releases = isEarly(facts.installed) ? candidates : candidates.filter(({ version }) => !isEarly(version));
  // Many ask for the same range.
  const demands = { ...facts.demands, asked: distinct(facts.demands.asked) };
  for (const some of [releases, candidates]) {
    let best: { readonly fix: Fix; readonly cost: number; readonly left: number } | undefined;
    for (const fix of some) {
      const open = facts.openAt(fix.version);
      if (open.some(isOwn)) continue;
      const narrow = { ...facts, demands };
      const cost = costs[String(areCompatible(dependantsOf(fix.version, narrow), fix.version, narrow))] ?? 1;
      if (best === undefined || cost < best.cost || (cost === best.cost && open.length < best.left))
        best = { fix, cost, left: open.length };
    }
    if (best !== undefined) return best.fix;
  }
  return undefined;
}

const costs: Readonly<Record<string, number>> = { true: 0, undefined: 1, false: 2 };

function distinct(asked: readonly Demand[]): Demand[] {
  return [...new Map(asked.map((one) => [JSON.stringify([one.range, one.when]), one])).values()];
}

function describeNone({ source, fixed, malicious }: Finding, candidates: readonly Fix[], others: number): string {
  if (malicious === true) return `${source} was published to do harm, and no version free of it is known: remove it`;
  if (fixed === undefined) return `no version of ${source} that cures it is known`;
  if (candidates.length === 0 && others > 0)
    return `${source} ${fixed} is said to cure it, and is another major version: to Go another module, which the source has to import by its own name`;
  return candidates.length === 0
    ? `${source} ${fixed} is said to cure it, and is not newer than what is installed`
    : `${source} ${fixed} is said to cure it, and another record says that it does not`;
}
