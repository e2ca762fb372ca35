import { holds, maxRangeLength, type Comparator, type Operator } from "./comparator.ts";
import { compareKeys } from "./key.ts";
import { npmVersion, type NpmVersion } from "./npm.ts";

/** What package.json says of a dependency. node-semver's ranges. */
export interface NpmRange {
  /** One of them must hold as a whole; an empty one takes every release. */
  readonly alternatives: readonly (readonly Comparator<NpmVersion>[])[];
  /** Without it a pre-release is in the range only where a comparator names one of the same three numbers. */
  readonly includePrerelease: boolean;
}

export interface NpmRangeOptions {
  /** Leading zeros, `1.2.3beta`, and comparators that are none are left out. Default true: npm reads dependencies so. */
  readonly loose?: boolean;
  readonly includePrerelease?: boolean;
}

/** The range in `text`; undefined where it is none: a tag, a URL, a path, or more than a range should be. */
export function parseNpmRange(text: string, options: NpmRangeOptions = {}): NpmRange | undefined {
  if (text.length > maxRangeLength) return undefined;
  const { loose = true, includePrerelease = false } = options;
  const reader: Reader = {
    grammar: loose ? looseGrammar : strictGrammar,
    loose,
    lowest: includePrerelease ? ["0"] : [],
  };
  const alternatives: Comparator<NpmVersion>[][] = [];
  for (const part of text.trim().replaceAll(/\s+/g, " ").split("||")) {
    const comparators = parseAlternative(part.trim(), reader);
    if (comparators === undefined) return undefined;
    if (comparators !== "nothing") alternatives.push(comparators);
  }
  if (alternatives.length === 0) return undefined;
  // Where one alternative takes everything, the others are dropped, and with them the pre-releases that they name.
  return { alternatives: alternatives.some((one) => one.length === 0) ? [[]] : alternatives, includePrerelease };
}

/** Whether a version is in a range. */
export function isInNpmRange(version: NpmVersion, range: NpmRange): boolean {
  return range.alternatives.some(
    (comparators) =>
      comparators.every((one) => holds(one.operator, compareKeys(version, one.version))) &&
      (!version.isPrerelease ||
        range.includePrerelease ||
        comparators.some((one) => one.version.isPrerelease && one.version.numbers === version.numbers)),
  );
}

interface Reader {
  readonly grammar: Grammar;
  readonly loose: boolean;
  /** The pre-release of a lower bound that names none. */
  readonly lowest: readonly string[];
}

interface Grammar {
  /** Operator, prefix, major, minor, patch, pre-release. */
  readonly comparator: RegExp;
  readonly hyphen: RegExp;
}

function grammarOf(numeric: string, dash: string): Grammar {
  const identifier = String.raw`(?:\d*[A-Za-z-][A-Za-z0-9-]*|${numeric})`;
  const version = String.raw`([v=\s]*)(${numeric}|[xX*])(?:\.(${numeric}|[xX*])(?:\.(${numeric}|[xX*])(?:${dash}(${identifier}(?:\.${identifier})*))?)?)?`;
  return {
    comparator: new RegExp(`^(~>?|\\^|[<>]?=?)${version}$`),
    hyphen: new RegExp(String.raw`^(${version})\s+-\s+(${version})$`),
  };
}

const strictGrammar = grammarOf(String.raw`(?:0|[1-9]\d*)`, "-");
const looseGrammar = grammarOf(String.raw`\d+`, "-?");
/** More digits than any number that is taken; they also keep the expressions from trying long texts in many ways. */
const tooManyDigits = /\d{257}/;

/** Comparators that must all hold; "nothing" where a loose reader found none at all; undefined where one is wrong. */
function parseAlternative(text: string, reader: Reader): Comparator<NpmVersion>[] | "nothing" | undefined {
  const plain = text.replaceAll(/\+[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*/g, "");
  if (tooManyDigits.test(plain)) return undefined;
  const joined = withoutHyphen(plain, reader)
    .replaceAll(/(\s?)([<>]?=?)\s?([v=\s]{0,16}[\dxX*][0-9A-Za-z.+*-]*)/g, "$1$2$3")
    .replaceAll(/~>?\s/g, "~")
    .replaceAll(/\^\s/g, "^");
  const tokens = joined.split(" ");
  const parsed: Comparator<NpmVersion>[] = [];
  let found = 0;
  for (const token of tokens) {
    const comparators = parseToken(token, reader);
    if (comparators === "out-of-bounds" || (comparators === undefined && !reader.loose)) return undefined;
    if (comparators === undefined) continue;
    found += 1;
    parsed.push(...comparators);
  }
  return found === 0 ? "nothing" : parsed;
}

/** `1.2 - 1.4` as a lower and an upper bound. */
function withoutHyphen(text: string, { grammar, lowest }: Reader): string {
  const match = grammar.hyphen.exec(text);
  if (match === null) return text;
  const [, from = "", , fromMajor, fromMinor, fromPatch, fromPre, to = "", , toMajor, toMinor, toPatch, toPre] = match;
  const pre = lowest.length > 0 ? "-0" : "";
  const low = isAny(fromMajor)
    ? ""
    : isAny(fromMinor)
      ? `>=${fromMajor}.0.0${pre}`
      : isAny(fromPatch)
        ? `>=${fromMajor}.${fromMinor}.0${pre}`
        : `>=${from}${fromPre === undefined ? pre : ""}`;
  const high = isAny(toMajor)
    ? ""
    : isAny(toMinor)
      ? `<${next(toMajor)}.0.0-0`
      : isAny(toPatch)
        ? `<${toMajor}.${next(toMinor)}.0-0`
        : toPre !== undefined
          ? `<=${toMajor}.${toMinor}.${toPatch}-${toPre}`
          : pre === ""
            ? `<=${to}`
            : `<${toMajor}.${toMinor}.${next(toPatch)}-0`;
  return `${low} ${high}`.trim();
}

type Parsed = readonly Comparator<NpmVersion>[] | "out-of-bounds" | undefined;

/** The comparators that one word stands for: none where it takes everything, undefined where it is none. */
function parseToken(token: string, reader: Reader): Parsed {
  const match = reader.grammar.comparator.exec(token);
  const [, operator = "", prefix = "", major, minor, patch, pre] = match ?? [];
  if (operator.startsWith("~") || operator === "^") {
    return match === null ? undefined : bumped(operator === "^", major, minor, patch, pre?.split(".") ?? [], reader);
  }
  if (match === null || isMisplaced(major, minor, patch)) {
    // node-semver takes one star away wherever it stands, and looks again for a whole version.
    const rest = token.replace(/[<>]?=?\*/, "");
    if (rest === "") return [];
    return rest !== token && isWhole(rest, reader) ? parseToken(rest, reader) : undefined;
  }
  if (isAny(major)) {
    return operator === ">" || operator === "<" ? comparator("<", "0", "0", "0", ["0"]) : [];
  }
  if (isAny(minor) || isAny(patch)) return bounded(operator, major, isAny(minor) ? undefined : minor, reader);
  if (!reader.loose && prefix !== "" && prefix !== "v") return undefined;
  const prerelease = pre?.split(".") ?? [];
  const isEverything = operator === ">=" && isZero(major, minor, patch) && samePrerelease(prerelease, reader.lowest);
  return isEverything
    ? []
    : comparator(operator === "" ? "=" : (operator as Operator), major, minor, patch, prerelease);
}

/** `~` and `^`. */
function bumped(
  isCaret: boolean,
  major: string | undefined,
  minor: string | undefined,
  patch: string | undefined,
  prerelease: readonly string[],
  { lowest }: Reader,
): Parsed {
  if (isAny(major)) return [];
  if (isAny(minor)) return between([major, "0", "0"], lowest, [next(major), "0", "0"]);
  const isFree = isCaret && major !== "0";
  const nextMinor = isFree ? ([next(major), "0", "0"] as const) : ([major, next(minor), "0"] as const);
  if (isAny(patch)) return between([major, minor, "0"], lowest, nextMinor);
  const isPinned = isCaret && major === "0" && minor === "0";
  return between([major, minor, patch], prerelease, isPinned ? [major, minor, next(patch)] : nextMinor);
}

/** A version of one or two numbers, with an operator or without. */
function bounded(operator: string, major: string, minor: string | undefined, { lowest }: Reader): Parsed {
  const low = [major, minor ?? "0", "0"] as const;
  const high = minor === undefined ? ([next(major), "0", "0"] as const) : ([major, next(minor), "0"] as const);
  switch (operator) {
    case ">":
      return comparator(">=", ...high, lowest);
    case ">=":
      return isZero(...low) ? [] : comparator(">=", ...low, lowest);
    case "<=":
      return comparator("<", ...high, ["0"]);
    case "<":
      return comparator("<", ...low, ["0"]);
    default:
      return between(low, lowest, high);
  }
}

type Numbers = readonly [string, string, string];

function between(low: Numbers, prerelease: readonly string[], high: Numbers): Parsed {
  const upper = comparator("<", ...high, ["0"]);
  const lower = isZero(...low) && prerelease.length === 0 ? [] : comparator(">=", ...low, prerelease);
  return Array.isArray(lower) && Array.isArray(upper) ? [...lower, ...upper] : "out-of-bounds";
}

function comparator(
  operator: Operator,
  major: string,
  minor: string,
  patch: string,
  prerelease: readonly string[],
): Comparator<NpmVersion>[] | "out-of-bounds" {
  if ([major, minor, patch].some((number) => Number(number) > Number.MAX_SAFE_INTEGER)) return "out-of-bounds";
  return [{ operator, version: npmVersion(major, minor, patch, prerelease) }];
}

function isAny(part: string | undefined): part is undefined | "x" | "X" | "*" {
  return part === undefined || part === "x" || part === "X" || part === "*";
}

/** Whether three numbers are given, with an order before them at most. */
function isWhole(token: string, { grammar }: Reader): boolean {
  const [, operator = "", , ...numbers] = grammar.comparator.exec(token) ?? [];
  return /^[<>=]*$/.test(operator) && numbers.length > 0 && !numbers.slice(0, 3).some(isAny);
}

/** `x.1` and `1.x.1` mean nothing. */
function isMisplaced(major: string | undefined, minor: string | undefined, patch: string | undefined): boolean {
  return (isAny(major) && !isAny(minor)) || (isAny(minor) && !isAny(patch));
}

function isZero(...numbers: readonly string[]): boolean {
  return numbers.every((number) => number === "0");
}

function samePrerelease(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((id, at) => id === b[at]);
}

function next(number: string | undefined): string {
  return String(Number(number) + 1);
}
