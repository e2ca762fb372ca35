import type { StanzaIndex } from "./stanza-index.ts";

/** The fields in which a package can be mentioned, in the order in which apt reads them within a stanza. */
const fieldRanks: ReadonlyMap<string, number> = new Map(
  [
    "Package",
    "Pre-Depends",
    "Depends",
    "Conflicts",
    "Breaks",
    "Recommends",
    "Suggests",
    "Replaces",
    "Enhances",
    "Provides",
  ].map((field, rank) => [field, rank]),
);
const stanzaWeight = 2 ** 28;
const rankWeight = 2 ** 24;
const nameBytes = new Set(Buffer.from("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-_~"));
const newline = 10;
const colon = 58;
const space = 32;

/**
 * Where `name` is first mentioned in the indices, as a number that grows with the place; Infinity where it never is. apt
 * numbers packages in the order in which it first hears of them and prefers, all else equal, the provider with the highest
 * number. `architecture` is the one whose qualified mentions (`name:amd64`) count.
 */
export function firstMention(indices: readonly StanzaIndex[], name: string, architecture: string): number {
  const needle = Buffer.from(name, "latin1");
  let before = 0;
  for (const index of indices) {
    for (let at = index.bytes.indexOf(needle); at !== -1; at = index.bytes.indexOf(needle, at + 1)) {
      const stanza = stanzaAt(index, at);
      const place = mentionAt(index, stanza, at, needle.length, architecture);
      if (place === undefined) continue;
      const first = Math.min(place, firstWithin(index, stanza, at, needle, architecture));
      return (before + stanza) * stanzaWeight + first;
    }
    before += index.count;
  }
  return Infinity;
}

/** The first mention in the stanza's fields as apt reads them, after the one at `from` as they are written. */
function firstWithin(index: StanzaIndex, stanza: number, from: number, needle: Buffer, architecture: string): number {
  const rest = index.bytes.subarray(0, startOf(index, stanza + 1));
  let first = Infinity;
  for (let at = rest.indexOf(needle, from + 1); at !== -1; at = rest.indexOf(needle, at + 1)) {
    first = Math.min(first, mentionAt(index, stanza, at, needle.length, architecture) ?? Infinity);
  }
  return first;
}

/** Place within the stanza, or undefined where the bytes at `at` are not the name in a field that mentions packages. */
function mentionAt(
  index: StanzaIndex,
  stanza: number,
  at: number,
  length: number,
  architecture: string,
): number | undefined {
  const { bytes } = index;
  if (nameBytes.has(bytes[at - 1] ?? newline) || !endsName(bytes, at + length, architecture)) return undefined;
  let lineStart = bytes.lastIndexOf(newline, at) + 1;
  while (bytes[lineStart] === space && lineStart > 0) lineStart = bytes.lastIndexOf(newline, lineStart - 2) + 1;
  const colonAt = bytes.indexOf(colon, lineStart);
  if (colonAt === -1 || colonAt >= at) return undefined;
  const rank = fieldRanks.get(bytes.toString("latin1", lineStart, Math.min(colonAt, lineStart + 32)));
  if (rank === undefined) return undefined;
  // a name within parentheses would be a version
  const open = bytes.lastIndexOf(40, at);
  if (open > lineStart && bytes.lastIndexOf(41, at) < open) return undefined;
  return rank * rankWeight + Math.min(at - startOf(index, stanza), rankWeight - 1);
}

function endsName(bytes: Buffer, at: number, architecture: string): boolean {
  const next = bytes[at] ?? newline;
  if (nameBytes.has(next)) return false;
  if (next !== colon) return true;
  const qualifier = bytes.toString("latin1", at + 1, at + 1 + Math.max(architecture.length, 6));
  return qualifier.startsWith(architecture) || qualifier.startsWith("native");
}

function startOf(index: StanzaIndex, stanza: number): number {
  return index.starts[stanza] ?? index.bytes.length;
}

function stanzaAt(index: StanzaIndex, offset: number): number {
  let low = 0;
  let high = index.count - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (startOf(index, middle) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}
