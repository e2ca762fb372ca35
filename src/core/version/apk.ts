import { compareKeys, joinKey, maxVersionLength, numberKey, type Keyed } from "./key.ts";

/** An apk version: `1.2.3b_rc1_p2~abcdef-r4`. As apk-tools 3 has it (doc/apk-package.5, src/version.c); 2 differs in broken versions only. */
export interface ApkVersion extends Keyed {
  /** Whether apk takes it as a version. */
  readonly isWhole: boolean;
}

/**
 * What can come at a place of a version, lowest first: a version that goes on with a suffix of pre-releases is below one that ends,
 * one that goes on with anything else is above. Each mark is below every character that may stand in a text of digits or hex digits.
 */
const marks = {
  preSuffix: "\u0001",
  broken: "\u0002",
  end: "\u0003",
  revision: "\u0004",
  commit: "\u0005",
  suffixNumber: "\u0006",
  postSuffix: "\u0007",
  letter: "\u0008",
  number: "\u0009",
} as const;

/** Numbers with a leading zero are ordered as texts, all of them below the others. */
const asText = "\u0001";
const asNumber = "\u0002";

const suffixes: ReadonlyMap<string, string> = new Map(
  ["alpha", "beta", "pre", "rc", "cvs", "svn", "git", "hg", "p"].map((name, at) => [
    name,
    `${at < 4 ? marks.preSuffix : marks.postSuffix}${String.fromCharCode(at + 1)}`,
  ]),
);

const token = /\.?(\d+)|([a-z])|_([a-z]+)(\d*)|~([0-9a-f]+)|-r(\d+)/y;

/**
 * The version in `text`; undefined where it is empty or too long. What apk does not take is taken: packages of old releases have
 * such versions. Two that break at the same place are equal to apk; here their rests decide, for equal would mean fixed.
 */
export function parseApk(text: string): ApkVersion | undefined {
  if (text === "" || text.length > maxVersionLength) return undefined;
  const first = /^\d+/.exec(text)?.[0];
  if (first === undefined) return { key: joinKey([marks.broken, ...brokenRest(text)]), isWhole: false };
  const key: string[] = [marks.number, numberKey(first)];
  let at = first.length;
  // Numbers, a letter, suffixes, a commit, a revision: what comes must not be before what came.
  let stage = 0;
  while (at < text.length) {
    token.lastIndex = at;
    const match = token.exec(text);
    if (match === null) break;
    const [all, number, letter, suffix, suffixNumber = "", commit, revision] = match;
    if (number !== undefined) {
      if (stage > 0) break;
      key.push(marks.number, number.startsWith("0") ? asText + number : asNumber + numberKey(number));
    } else if (letter !== undefined) {
      if (stage > 0) break;
      stage = 1;
      key.push(marks.letter, letter);
    } else if (suffix !== undefined) {
      const rank = suffixes.get(suffix);
      if (stage > 2 || rank === undefined) break;
      stage = 2;
      key.push(rank);
      if (suffixNumber !== "") key.push(marks.suffixNumber, numberKey(suffixNumber));
    } else if (commit !== undefined) {
      if (stage > 2) break;
      stage = 3;
      key.push(marks.commit, commit);
    } else {
      if (stage > 3) break;
      stage = 4;
      key.push(marks.revision, numberKey(revision ?? ""));
    }
    at += all.length;
  }
  const isWhole = at === text.length;
  if (isWhole) key.push(marks.end);
  else key.push(marks.broken, ...brokenRest(text.slice(at)));
  return { key: joinKey(key), isWhole };
}

/** Runs of digits by their value, after all other characters. A broken revision decides nothing. */
function brokenRest(text: string): string[] {
  if (text.startsWith("-")) return [];
  return (text.match(/\d+|\D+/g) ?? []).map((run) => (/^\d/.test(run) ? `\uffff${numberKey(run)}` : run));
}

/** Order of two versions as apk has it. */
export const compareApk: (a: ApkVersion, b: ApkVersion) => number = compareKeys;
