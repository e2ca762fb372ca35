import { isCargoNumber, prereleaseOf, type CargoVersion } from "./cargo.ts";
import { maxRangeLength } from "./comparator.ts";
import { numberKey } from "./key.ts";

/** What Cargo.toml says of a dependency: all must hold. `VersionReq` of the `semver` crate. */
export type CargoRange = readonly Requirement[];

type Operator = "=" | ">" | ">=" | "<" | "<=" | "~" | "^";

/** Numbers as keys; those that were left out take every one. */
interface Requirement {
  readonly operator: Operator;
  readonly major: string;
  readonly minor: string | undefined;
  readonly patch: string | undefined;
  readonly prerelease: CargoVersion["prerelease"];
  readonly namesPrerelease: boolean;
}

const number = String.raw`(?:0|[1-9]\d{0,19})`;
const identifiers = String.raw`[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*`;
const shape = new RegExp(
  String.raw`^(=|>=|>|<=|<|~|\^)? *(${number})(?:\.(${number}|[*xX])(?:\.(${number}|[*xX])(?:-(${identifiers}))?(?:\+${identifiers})?)?)? *$`,
);
/** As many as the crate takes. */
const maxRequirements = 32;
const zero = numberKey("0");

/** The range in `text`: `1.2`, `^1.2`, `~1.2`, `1.*`, `>=1.2, <1.5`, `*`. Undefined where it is none. */
export function parseCargoRange(text: string): CargoRange | undefined {
  if (text.length > maxRangeLength) return undefined;
  if (/^[*xX]$/.test(text.trim())) return [];
  const parts = text.split(",");
  if (parts.length > maxRequirements) return undefined;
  const requirements: Requirement[] = [];
  for (const [at, part] of parts.entries()) {
    // A comma may end it.
    if (at > 0 && at === parts.length - 1 && part.trim() === "") break;
    const requirement = parseRequirement(part);
    if (requirement === undefined) return undefined;
    requirements.push(requirement);
  }
  return requirements;
}

/** Whether a version is in a range: a pre-release only where a requirement names one of the same three numbers. */
export function isInCargoRange(version: CargoVersion, range: CargoRange): boolean {
  return (
    range.every((one) => matches(version, one)) &&
    (!version.isPrerelease ||
      range.some(
        (one) =>
          one.namesPrerelease &&
          one.major === version.major &&
          one.minor === version.minor &&
          one.patch === version.patch,
      ))
  );
}

function parseRequirement(text: string): Requirement | undefined {
  const match = shape.exec(text.replace(/^ +/, ""));
  if (match === null) return undefined;
  const [, operator, major = "", minor, patch, prerelease] = match;
  const isWild = [minor, patch].some((part) => part !== undefined && isAny(part));
  // Nothing comes after a star but another one, and no pre-release.
  if (isWild && ((isAny(minor) && patch !== undefined && !isAny(patch)) || prerelease !== undefined)) return undefined;
  const ids = prerelease?.split(".") ?? [];
  const numbers = [major, minor, patch].map((part) => (part === undefined || isAny(part) ? undefined : part));
  if (numbers.some((part) => part !== undefined && !isCargoNumber(part)) || ids.some((id) => /^0\d+$/.test(id)))
    return undefined;
  const [, minorNumber, patchNumber] = numbers;
  return {
    operator: (operator as Operator | undefined) ?? (isWild ? "=" : "^"),
    major: numberKey(major),
    minor: minorNumber === undefined ? undefined : numberKey(minorNumber),
    patch: patchNumber === undefined ? undefined : numberKey(patchNumber),
    prerelease: prereleaseOf(ids),
    namesPrerelease: ids.length > 0,
  };
}

function isAny(part: string | undefined): boolean {
  return part === "*" || part === "x" || part === "X";
}

function matches(version: CargoVersion, one: Requirement): boolean {
  switch (one.operator) {
    case "=":
      return isExact(version, one);
    case ">":
      return beyond(version, one) > 0;
    case ">=":
      return isExact(version, one) || beyond(version, one) > 0;
    case "<":
      return beyond(version, one) < 0;
    case "<=":
      return isExact(version, one) || beyond(version, one) < 0;
    case "~":
      return isTilde(version, one);
    case "^":
      return isCaret(version, one);
  }
}

function isExact(version: CargoVersion, { major, minor, patch, prerelease }: Requirement): boolean {
  return (
    version.major === major &&
    (minor === undefined || version.minor === minor) &&
    (patch === undefined || version.patch === patch) &&
    version.prerelease === prerelease
  );
}

/** Order by the numbers that a requirement has: 0 where they are equal and one was left out. */
function beyond(version: CargoVersion, { major, minor, patch, prerelease }: Requirement): number {
  if (version.major !== major) return version.major > major ? 1 : -1;
  if (minor === undefined) return 0;
  if (version.minor !== minor) return version.minor > minor ? 1 : -1;
  if (patch === undefined) return 0;
  if (version.patch !== patch) return version.patch > patch ? 1 : -1;
  return version.prerelease === prerelease ? 0 : version.prerelease > prerelease ? 1 : -1;
}

function isTilde(version: CargoVersion, { major, minor, patch, prerelease }: Requirement): boolean {
  if (version.major !== major || (minor !== undefined && version.minor !== minor)) return false;
  if (patch !== undefined && version.patch !== patch) return version.patch > patch;
  return version.prerelease >= prerelease;
}

function isCaret(version: CargoVersion, { major, minor, patch, prerelease }: Requirement): boolean {
  if (version.major !== major) return false;
  if (minor === undefined) return true;
  if (patch === undefined) return major === zero ? version.minor === minor : version.minor >= minor;
  if (version.minor !== minor) return major !== zero && version.minor > minor;
  if (version.patch !== patch) return (major !== zero || minor !== zero) && version.patch > patch;
  return version.prerelease >= prerelease;
}
