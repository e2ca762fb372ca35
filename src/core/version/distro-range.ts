import { compareApk, parseApk, type ApkVersion } from "./apk.ts";
import { holds, type Operator } from "./comparator.ts";
import { compareDeb, isDebVersion, parseDeb, type DebVersion } from "./deb.ts";
import { compareRpm, parseRpm, type RpmVersion } from "./rpm.ts";

/** What a package of a distribution says of the version of another. */
export interface DistroRange<V> {
  readonly operator: Operator;
  readonly version: V;
  /** apk's `~`: whatever begins with the version. */
  readonly isFuzzy: boolean;
}

const debOperators: ReadonlyMap<string, Operator> = new Map([
  ["<<", "<"],
  ["<=", "<="],
  // What these two mean was never what they say. Debian Policy 7.1.
  ["<", "<="],
  ["=", "="],
  [">", ">="],
  [">=", ">="],
  [">>", ">"],
]);
const plainOperators: ReadonlyMap<string, Operator> = new Map(
  ["<", "<=", "=", ">=", ">"].map((one) => [one, one as Operator]),
);
const fuzzyOperators: ReadonlyMap<string, Operator> = new Map([
  ["~", "="],
  ["=~", "="],
  ["~=", "="],
  [">~", ">="],
  [">=~", ">="],
  ["<~", "<="],
  ["<=~", "<="],
]);

/** The range in `text`: an operator and a version, as `>= 1.2`. Debian Policy 7.1. Undefined where it is none. */
export function parseDebRange(text: string): DistroRange<DebVersion> | undefined {
  const [operator, written] = split(text);
  const known = debOperators.get(operator);
  return known === undefined || !isDebVersion(written)
    ? undefined
    : { operator: known, version: parseDeb(written), isFuzzy: false };
}

export function isInDebRange(version: DebVersion, range: DistroRange<DebVersion>): boolean {
  return holds(range.operator, compareDeb(version, range.version));
}

/** The range in `text`: `>=1.2`, `~1.2`. apk-world(5). Undefined where it is none. */
export function parseApkRange(text: string): DistroRange<ApkVersion> | undefined {
  const [operator, written] = split(text);
  const fuzzy = fuzzyOperators.get(operator);
  const known = fuzzy ?? plainOperators.get(operator);
  const version = parseApk(written);
  return known === undefined || version?.isWhole !== true
    ? undefined
    : { operator: known, version, isFuzzy: fuzzy !== undefined };
}

export function isInApkRange(
  version: ApkVersion,
  { operator, version: other, isFuzzy }: DistroRange<ApkVersion>,
): boolean {
  return holds(operator, isFuzzy && beginsWith(version, other) ? 0 : compareApk(version, other));
}

/** The range in `text`: `>= 1:1.2-3`. rpm-dependencies(7). Undefined where it is none. */
export function parseRpmRange(text: string): DistroRange<RpmVersion> | undefined {
  const [operator, written] = split(text);
  const known = plainOperators.get(operator);
  const version = parseRpm(written);
  return known === undefined || version === undefined ? undefined : { operator: known, version, isFuzzy: false };
}

/** Whether a version is in a range. Where one of both has no release, releases do not count. */
export function isInRpmRange(version: RpmVersion, { operator, version: other }: DistroRange<RpmVersion>): boolean {
  if (version.hasRelease && other.hasRelease) return holds(operator, compareRpm(version, other));
  const order = version.versionKey === other.versionKey ? 0 : version.versionKey < other.versionKey ? -1 : 1;
  return holds(operator, order);
}

/** Whether all that `prefix` is made of is what `version` begins with. What comes next is a mark, which is no digit and no letter. */
function beginsWith(version: ApkVersion, prefix: ApkVersion): boolean {
  const length = prefix.key.length - 1;
  return version.key.startsWith(prefix.key.slice(0, length)) && version.key.charCodeAt(length) < 48;
}

function split(text: string): [operator: string, version: string] {
  const [, operator = "", version = ""] = /^([<>=~]*) *(\S+)$/.exec(text.trim()) ?? [];
  return [operator, version];
}
