import { compareKeys, joinKey, maxVersionLength, numberKey, type Keyed } from "./key.ts";

/** A version of a Composer package, normalised as composer/semver does (`VersionParser::normalize`), then ordered as PHP's `version_compare`. */
export interface ComposerVersion extends Keyed {
  /** `dev-main`: it equals itself only, and no constraint but that has it. */
  readonly isBranch: boolean;
}

/** A version in Composer's own spelling: numbers and words in turn (1, 2, 0, 0, beta, 1), or the name of a branch. */
export type Normalised =
  { readonly kind: "parts"; readonly parts: readonly string[] } | { readonly kind: "branch"; readonly name: string };

/** Ranks of `version_compare`. Where one version ends and the other goes on with a word, the end stands where numbers stand, lowest. */
const ranks: Readonly<Record<string, string>> = {
  // Written otherwise than in small letters, it is a word that PHP does not know.
  stable: "\u0001",
  dev: "\u0002",
  alpha: "\u0003",
  beta: "\u0004",
  RC: "\u0005",
  patch: "\u0008",
};
const end = "\u0006";
const number = "\u0007";
const branch = "\u0000";

const stabilities: ReadonlyMap<string, string> = new Map([
  ["alpha", "alpha"],
  ["a", "alpha"],
  ["beta", "beta"],
  ["b", "beta"],
  ["rc", "RC"],
  ["stable", "stable"],
  ["patch", "patch"],
  ["pl", "patch"],
  ["p", "patch"],
]);

/** What may follow the numbers: a stability, its numbers, `dev`. */
export const modifierPattern = String.raw`[._-]?(?:(stable|beta|b|RC|alpha|a|patch|pl|p)((?:[.-]?\d+)*)?)?([.-]?dev)?`;
const classical = new RegExp(String.raw`^v?(\d{1,5})(\.\d+)?(\.\d+)?(\.\d+)?${modifierPattern}$`, "i");
const dated = new RegExp(String.raw`^v?(\d{4}(?:[.:-]?\d{2}){1,6}(?:[.:-]?\d{1,3}){0,2})${modifierPattern}$`, "i");
const numericBranch = /^v?(\d+)(\.(?:\d+|[x*]))?(\.(?:\d+|[x*]))?(\.(?:\d+|[x*]))?$/i;
/** What composer/semver puts in the place of `x` in a branch. */
const anyNumber = "9999999";

/** The version in `text`, undefined where it is none. */
export function parseComposer(text: string): ComposerVersion | undefined {
  const normalised = normalise(text);
  return normalised && composerVersion(normalised);
}

/** Order of two versions as Composer has it; branches are below all others, by their names. */
export const compareComposer: (a: ComposerVersion, b: ComposerVersion) => number = compareKeys;

/** A version from its own spelling. */
export function composerVersion(normalised: Normalised): ComposerVersion {
  if (normalised.kind === "branch") return { key: branch + normalised.name, isBranch: true };
  const key = normalised.parts.map((part) => ranks[part] ?? number + numberKey(clamped(part)));
  return { key: joinKey([...key, end]), isBranch: false };
}

/** A version in Composer's own spelling, undefined where it is none. `VersionParser::normalize`. */
export function normalise(text: string): Normalised | undefined {
  if (text.length > maxVersionLength) return undefined;
  const version = withoutExtras(text.trim());
  if (["master", "trunk", "default"].includes(version)) return { kind: "branch", name: version };
  if (/^dev-/i.test(version)) return { kind: "branch", name: version.slice(4) };
  const parts = partsOf(version.replace(/^([^,\s+]+)\+\S+$/, "$1"));
  return parts && { kind: "parts", parts };
}

function withoutExtras(version: string): string {
  const alias = /^([^,\s]+) +as +[^,\s]+$/.exec(version)?.[1] ?? version;
  return alias.replace(/@(?:stable|RC|beta|alpha|dev)$/i, "");
}

function partsOf(version: string): string[] | undefined {
  const match = classical.exec(version);
  if (match !== null) {
    const [, first = "", second = ".0", third = ".0", fourth = ".0", ...modifiers] = match;
    return [first, second.slice(1), third.slice(1), fourth.slice(1), ...wordsOf(modifiers)];
  }
  const date = dated.exec(version);
  if (date !== null) return [...(date[1] ?? "").split(/\D/), ...wordsOf(date.slice(2))];
  return /dev$/i.test(version) ? numericBranchOf(version.slice(0, -3).replace(/[.-]$/, "")) : undefined;
}

/** The stability, its numbers, and `dev`. */
function wordsOf([word = "", trailing = "", dev]: readonly (string | undefined)[]): string[] {
  // `1.0-stable-dev` is 1.0.
  if (word === "stable") return [];
  const stability = stabilities.get(word.toLowerCase());
  return [
    ...(stability === undefined ? [] : [stability, ...(trailing.match(/\d+/g) ?? [])]),
    ...(dev === undefined ? [] : ["dev"]),
  ];
}

/** `1.x` as a branch: above every 1.y, and in development. */
function numericBranchOf(name: string): string[] | undefined {
  const match = numericBranch.exec(name.trim());
  if (match === null) return undefined;
  const numbers = match.slice(1).map((part: string | undefined) => part?.replace(/^\./, "") ?? "x");
  return [...numbers.map((part) => (/^\d/.test(part) ? part : anyNumber)), "dev"];
}

/** PHP compares numbers as signed 64 bits, and what is more as the highest of these. */
function clamped(digits: string): string {
  if (digits.length < 19) return digits;
  const value = BigInt(digits);
  const highest = 2n ** 63n - 1n;
  return String(value < highest ? value : highest);
}
