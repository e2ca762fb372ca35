import { compareKeys, joinKey, numberKey, type Keyed } from "./key.ts";

/** A version of a Ruby gem. `Gem::Version` of RubyGems. */
export interface GemVersion extends Keyed {
  /** The version without its first word and what follows: 1.2 of 1.2.rc1. */
  readonly release: Keyed;
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
  const segments = segmentsOf(text);
  const numbers = numbersOf(segments);
  const release = { key: keyOf(withoutZerosAtEnd(numbers)) };
  if (numbers.length === segments.length) return { ...release, release };
  return { key: keyOf([...withoutZerosAtEnd(numbers), ...withoutZerosAtEnd(segments.slice(numbers.length))]), release };
}

/** The first release that `~>` and the version in `text` do not take: 1.3 for 1.2.9, 2 for 1.2. */
export function bumpGem(text: string): Keyed {
  const numbers = numbersOf(segmentsOf(text));
  const kept = numbers.length > 1 ? numbers.slice(0, -1) : numbers;
  return { key: keyOf(withoutZerosAtEnd([...kept.slice(0, -1), String(BigInt(kept.at(-1) ?? "0") + 1n)])) };
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

/** Numbers and words; a hyphen is read as `.pre.`. */
function segmentsOf(text: string): readonly string[] {
  return text.replaceAll("-", ".pre.").match(/\d+|[A-Za-z]+/g) ?? ["0"];
}

function numbersOf(segments: readonly string[]): readonly string[] {
  const firstWord = segments.findIndex(isWord);
  return firstWord < 0 ? segments : segments.slice(0, firstWord);
}

function isWord(segment: string): boolean {
  return /^[A-Za-z]/.test(segment);
}

function withoutZerosAtEnd(segments: readonly string[]): readonly string[] {
  let to = segments.length;
  while (to > 0 && /^0+$/.test(segments[to - 1] ?? "")) to -= 1;
  return segments.slice(0, to);
}
