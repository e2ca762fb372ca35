import { compareKeys, joinKey, maxVersionLength, numberKey, type Keyed } from "./key.ts";

/** A version of a Composer package, normalised as composer/semver does (`VersionParser::normalize`), then ordered as PHP's `version_compare`. */
export interface ComposerVersion extends Keyed {
  /** `dev-main`: it equals itself only, and no constraint but that has it. */
  readonly isBranch: boolean;
}

/** Ranks of `version_compare`. Where one version ends and the other goes on with a word, the end stands where numbers stand, lowest. */
const ranks: Readonly<Record<string, string>> = {
  dev: "\u0002",
  alpha: "\u0003",
  beta: "\u0004",
  RC: "\u0005",
  patch: "\u0008",
};
const end = "\u0006";
const number = "\u0007";
const branch = "\u0001";

const stabilities: ReadonlyMap<string, string> = new Map([
  ["alpha", "alpha"],
  ["a", "alpha"],
  ["beta", "beta"],
  ["b", "beta"],
  ["rc", "RC"],
  ["patch", "patch"],
  ["pl", "patch"],
  ["p", "patch"],
]);

const modifier = String.raw`[._-]?(?:(stable|beta|b|RC|alpha|a|patch|pl|p)((?:[.-]?\d+)*)?)?([.-]?dev)?`;
const classical = new RegExp(String.raw`^v?(\d{1,5})(\.\d+)?(\.\d+)?(\.\d+)?${modifier}$`, "i");
const dated = new RegExp(String.raw`^v?(\d{4}(?:[.:-]?\d{2}){1,6}(?:[.:-]?\d{1,3}){0,2})${modifier}$`, "i");
const numericBranch = /^v?(\d+)(\.(?:\d+|[x*]))?(\.(?:\d+|[x*]))?(\.(?:\d+|[x*]))?$/i;
/** What composer/semver puts in the place of `x` in a branch. */
const anyNumber = "9999999";

/** A version in Composer's own spelling: numbers, then words with numbers of their own. */
export interface NormalisedVersion {
  readonly numbers: readonly string[];
  /** `alpha`, `beta`, `RC`, `patch`; empty for none. */
  readonly stability: string;
  readonly stabilityNumbers: readonly string[];
  readonly isDev: boolean;
}

/** The version in `text`, undefined where it is none. */
export function parseComposer(text: string): ComposerVersion | undefined {
  if (text.length > maxVersionLength) return undefined;
  const version = withoutExtras(text.trim());
  if (["master", "trunk", "default"].includes(version)) return branchVersion(version);
  if (/^dev-/i.test(version)) return branchVersion(version.slice(4));
  const normalised = normalise(version.replace(/^([^,\s+]+)\+\S+$/, "$1"));
  return normalised && composerVersion(normalised);
}

/** Order of two versions as Composer has it; branches are below all others, by their names. */
export const compareComposer: (a: ComposerVersion, b: ComposerVersion) => number = compareKeys;

/** A version from its parts. */
export function composerVersion({ numbers, stability, stabilityNumbers, isDev }: NormalisedVersion): ComposerVersion {
  const key = [
    ...numbers,
    ...(stability === "" ? [] : [stability, ...stabilityNumbers]),
    ...(isDev ? ["dev"] : []),
  ].map((part) => ranks[part] ?? number + numberKey(clamped(part)));
  return { key: joinKey([...key, end]), isBranch: false };
}

/** The parts of a version that is no branch: `1.2-beta1` is 1.2.0.0, beta, 1. */
export function normalise(version: string): NormalisedVersion | undefined {
  const match = classical.exec(version);
  if (match !== null) {
    const [, first = "", second = ".0", third = ".0", fourth = ".0", ...rest] = match;
    return withModifier([first, second.slice(1), third.slice(1), fourth.slice(1)], rest);
  }
  const date = dated.exec(version);
  if (date !== null) return withModifier((date[1] ?? "").split(/\D/), date.slice(2));
  return /dev$/i.test(version) ? normaliseBranch(version.slice(0, -3).replace(/[.-]$/, "")) : undefined;
}

function withoutExtras(version: string): string {
  const alias = /^([^,\s]+) +as +[^,\s]+$/.exec(version)?.[1] ?? version;
  return alias.replace(/@(?:stable|RC|beta|alpha|dev)$/i, "");
}

function withModifier(numbers: readonly string[], modifiers: readonly (string | undefined)[]): NormalisedVersion {
  const [word = "", trailing = "", dev] = modifiers;
  const stability = stabilities.get(word.toLowerCase()) ?? "";
  // `1.0-stable-dev` is 1.0.
  const isDev = dev !== undefined && word.toLowerCase() !== "stable";
  return { numbers, stability, stabilityNumbers: stability === "" ? [] : (trailing.match(/\d+/g) ?? []), isDev };
}

function normaliseBranch(name: string): NormalisedVersion | undefined {
  const match = numericBranch.exec(name.trim());
  if (match === null) return undefined;
  const numbers = [1, 2, 3, 4]
    .map((at) => match[at]?.replace(/^\./, "") ?? "x")
    .map((part) => (/^\d/.test(part) ? part : anyNumber));
  return { numbers, stability: "", stabilityNumbers: [], isDev: true };
}

function branchVersion(name: string): ComposerVersion {
  return { key: branch + name, isBranch: true };
}

/** PHP compares numbers as signed 64 bits, and what is more as the highest of these. */
function clamped(digits: string): string {
  if (digits.length < 19) return digits;
  const value = BigInt(digits);
  const highest = 2n ** 63n - 1n;
  return String(value < highest ? value : highest);
}
