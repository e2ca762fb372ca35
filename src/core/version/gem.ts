import { compareKeys, joinKey, numberKey, type Keyed } from "./key.ts";

/** A version of a Ruby gem. `Gem::Version` of RubyGems. */
export interface GemVersion extends Keyed {
  /** Numbers and words; a hyphen was read as `.pre.`. */
  readonly segments: readonly string[];
  readonly isPrerelease: boolean;
}

const shape = /^\s*(?:\d+(?:\.[0-9A-Za-z]+)*(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?)?\s*$/;
/** Runs of zeros are counted in one character of a key, upwards and downwards from 255. */
const maxLength = 250;

const word = "\u0001";
const end = "\u0002";
const positive = "\u0003";

/** The version in `text`, undefined where it is none; an empty one is 0. */
export function parseGem(text: string): GemVersion | undefined {
  if (text.length > maxLength || !shape.test(text)) return undefined;
  const segments = text.replaceAll("-", ".pre.").match(/\d+|[A-Za-z]+/g) ?? ["0"];
  return gemVersion(segments);
}

/** A version from its segments. */
export function gemVersion(segments: readonly string[]): GemVersion {
  const firstWord = segments.findIndex(isWord);
  const isPrerelease = firstWord >= 0;
  const numbers = isPrerelease ? segments.slice(0, firstWord) : segments;
  const rest = isPrerelease ? segments.slice(firstWord) : [];
  return { key: keyOf([...withoutZerosAtEnd(numbers), ...withoutZerosAtEnd(rest)]), segments, isPrerelease };
}

/** Order of two versions as RubyGems has it. */
export const compareGem: (a: GemVersion, b: GemVersion) => number = compareKeys;

/**
 * A version goes on with zeros for ever, and words are below zeros, other numbers above. So the end stands between both, and what
 * comes after a run of zeros is written with the length of the run: the sooner a word comes the lower, the sooner a number the higher.
 */
function keyOf(segments: readonly string[]): string {
  const key: string[] = [];
  let zeros = 0;
  for (const segment of segments) {
    if (/^0+$/.test(segment)) {
      zeros += 1;
      continue;
    }
    if (isWord(segment)) key.push(word, String.fromCharCode(1 + zeros), segment);
    else key.push(positive, String.fromCharCode(255 - zeros), numberKey(segment));
    zeros = 0;
  }
  key.push(end);
  return joinKey(key);
}

function isWord(segment: string): boolean {
  return /^[A-Za-z]/.test(segment);
}

function withoutZerosAtEnd(segments: readonly string[]): readonly string[] {
  let to = segments.length;
  while (to > 0 && /^0+$/.test(segments[to - 1] ?? "")) to -= 1;
  return segments.slice(0, to);
}
