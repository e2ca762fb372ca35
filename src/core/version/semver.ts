import { compareKeys, type Keyed } from "./key.ts";
import { numbersKey, semverKey } from "./semver-key.ts";

/** A version as tags and runtimes write it. Semantic Versioning 2.0.0, but one or two numbers and a leading `v` are taken too. */
export interface Semver extends Keyed {
  /** Major, minor, patch; what was left out is 0. */
  readonly numbers: readonly [number, number, number];
  /** How many of them were written: 1 to 3. */
  readonly parts: number;
  readonly isPrerelease: boolean;
}

/** Bounds of one alternative of a range: `low <= version < high`, with pre-releases only where `low` is one of the same version. */
interface Bounds {
  readonly low: Semver;
  readonly lowIsIn: boolean;
  readonly high: Semver | undefined;
  readonly highIsIn: boolean;
}

/** A range, understood. Matching takes time by the number of its alternatives. */
export interface SemverRange {
  readonly alternatives: readonly Bounds[];
}

const shape =
  /^v?(\d{1,15})(?:\.(\d{1,15}))?(?:\.(\d{1,15}))?(?:-([0-9A-Za-z-]{1,60}(?:\.[0-9A-Za-z-]{1,60}){0,10}))?$/;
const maxText = 200;
const maxComparators = 20;

/** The version in `text`; undefined where it is none. Build metadata (`+…`) cannot stand in a tag and is not taken. */
export function parseSemver(text: string): Semver | undefined {
  const match = text.length > maxText ? null : shape.exec(text);
  if (match?.[1] === undefined) return undefined;
  const [, major, minor, patch, prerelease] = match;
  const written = [major, minor, patch].filter((part) => part !== undefined).map(Number);
  if (prerelease !== undefined && written.length < 3) return undefined;
  const [a = 0, b = 0, c = 0] = written;
  return semver([a, b, c], written.length, prerelease?.split(".") ?? []);
}

/** Order of two versions: -1, 0 or 1. `1.2` is `1.2.0`. Semantic Versioning 2.0.0, 11. */
export const compareSemver: (a: Semver, b: Semver) => number = compareKeys;

/**
 * The range in `text`: versions, `1.x`, `~1.2`, `^1.2`, `>=1.2 <2`, `1.2 - 1.4`, alternatives with `||`, `*` for all.
 * Undefined where it is none. As npm understands them; those that it would need a pre-release for are the same too.
 */
export function parseSemverRange(text: string): SemverRange | undefined {
  if (text.length > maxText) return undefined;
  const alternatives: Bounds[] = [];
  for (const part of text.split("||")) {
    const bounds = parseAlternative(part.trim());
    if (bounds === undefined) return undefined;
    alternatives.push(bounds);
  }
  return { alternatives };
}

/** Whether a version is in a range. A pre-release only where `prerelease` says so, or the range begins at one of the same version. */
export function isInRange(version: Semver, range: SemverRange, prerelease = false): boolean {
  return range.alternatives.some(({ low, lowIsIn, high, highIsIn }) => {
    const fromLow = compareSemver(version, low);
    if (fromLow < 0 || (fromLow === 0 && !lowIsIn)) return false;
    if (high !== undefined) {
      const toHigh = compareSemver(version, high);
      if (toHigh > 0 || (toHigh === 0 && !highIsIn)) return false;
      // 2.0.0-rc.1 is before 2.0.0, and yet nobody who wants less than 2 means it.
      if (version.isPrerelease && !high.isPrerelease && sameNumbers(version, high)) return false;
    }
    if (!version.isPrerelease || prerelease) return true;
    return low.isPrerelease && sameNumbers(version, low);
  });
}

function semver(numbers: Semver["numbers"], parts: number, prerelease: readonly string[]): Semver {
  const [major, minor, patch] = numbers;
  const key = semverKey(numbersKey(String(major), String(minor), String(patch)), prerelease);
  return { key, numbers, parts, isPrerelease: prerelease.length > 0 };
}

function sameNumbers(a: Semver, b: Semver): boolean {
  return a.numbers.every((number, at) => number === b.numbers[at]);
}

function parseAlternative(text: string): Bounds | undefined {
  const hyphen = /^(\S+)\s+-\s+(\S+)$/.exec(text);
  if (hyphen?.[1] !== undefined && hyphen[2] !== undefined) {
    const [from, to] = [parseComparator(`>=${hyphen[1]}`), parseComparator(`<=${hyphen[2]}`)];
    return from && to && narrow(from, to);
  }
  const comparators = text.replaceAll(/([<>=~^]+)\s+/g, "$1").split(/\s+/);
  if (comparators.length > maxComparators) return undefined;
  let bounds: Bounds | undefined = everything;
  for (const comparator of comparators) {
    const next = parseComparator(comparator);
    bounds = bounds && next && narrow(bounds, next);
  }
  return bounds;
}

const zero = semver([0, 0, 0], 3, []);
const everything: Bounds = { low: zero, lowIsIn: true, high: undefined, highIsIn: false };

function parseComparator(text: string): Bounds | undefined {
  const match = /^(>=|<=|>|<|=|~>?|\^)?(.*)$/.exec(text);
  const operator = match?.[1] ?? "";
  const wild = (match?.[2] ?? "").replace(/(?:(?:^|\.)[xX*])+$/, "");
  if (wild === "")
    return operator !== "" && (match?.[2] === "" || operator === "<" || operator === ">") ? undefined : everything;
  const version = parseSemver(wild);
  if (version === undefined) return undefined;
  const next = after(version, version.parts - 1);
  if (operator === ">=") return { ...everything, low: version };
  if (operator === ">")
    return version.parts === 3 ? { ...everything, low: version, lowIsIn: false } : { ...everything, low: next };
  if (operator === "<") return { ...everything, high: version };
  if (operator === "<=")
    return version.parts === 3 ? { ...everything, high: version, highIsIn: true } : { ...everything, high: next };
  if (operator.startsWith("~")) return between(version, after(version, Math.min(1, version.parts - 1)));
  if (operator === "^") {
    const first = version.numbers.findIndex((number) => number !== 0);
    return between(version, after(version, Math.min(first < 0 ? 2 : first, version.parts - 1)));
  }
  return version.parts === 3 ? { low: version, lowIsIn: true, high: version, highIsIn: true } : between(version, next);
}

function between(low: Semver, high: Semver): Bounds {
  return { low, lowIsIn: true, high, highIsIn: false };
}

/** The first version after all that share the numbers up to `at`. */
function after({ numbers }: Semver, at: number): Semver {
  const [a, b, c] = numbers.map((number, index) => (index < at ? number : index === at ? number + 1 : 0));
  return semver([a ?? 0, b ?? 0, c ?? 0], 3, []);
}

function narrow(a: Bounds, b: Bounds): Bounds {
  const lows = compareSemver(a.low, b.low);
  const low = lows > 0 || (lows === 0 && !a.lowIsIn) ? a : b;
  const high =
    a.high === undefined
      ? b
      : b.high === undefined ||
          compareSemver(a.high, b.high) < 0 ||
          (compareSemver(a.high, b.high) === 0 && !a.highIsIn)
        ? a
        : b;
  return { low: low.low, lowIsIn: low.lowIsIn, high: high.high, highIsIn: high.highIsIn };
}
