import { numberKey } from "./key.ts";

/**
 * A Maven version, split into its items once. `ComparableVersion` of maven-artifact 3 ("Version Order Specification" of the POM
 * reference). That order is not transitive (1 < 1.sp.1 < 1-alpha.1 < 1), so no key can have it: the items are compared.
 */
export interface MavenVersion {
  readonly items: readonly MavenItem[];
}

/** What stands between the dots; a list is what follows a hyphen, or a change between digits and letters. */
type MavenItem =
  | { readonly kind: "number"; readonly key: string }
  | { readonly kind: "text"; readonly key: string }
  | { readonly kind: "list"; readonly items: readonly MavenItem[] };

/** So long may a version be in maven-artifact 4; it also bounds how deep lists nest. */
const maxLength = 256;
const zero = { kind: "number", key: numberKey("0") } as const;
/** Maven keeps what does not fit 9, or 18, characters in larger types, and compares the types first: so it is with zeros, too. */
const longest = { int: 9, long: 18 };

const qualifiers = ["alpha", "beta", "milestone", "rc", "snapshot", "", "sp"];
const release = String(qualifiers.indexOf(""));
const aliases: ReadonlyMap<string, string> = new Map([
  ["ga", ""],
  ["final", ""],
  ["release", ""],
  ["cr", "rc"],
]);
const beforeDigits: ReadonlyMap<string, string> = new Map([
  ["a", "alpha"],
  ["b", "beta"],
  ["m", "milestone"],
]);

/** The version in `text`; undefined where it is empty or too long: Maven takes everything else. */
export function parseMaven(text: string): MavenVersion | undefined {
  if (text === "" || text.length > maxLength) return undefined;
  const root: MavenItem[] = [];
  const lists = [root];
  let list = root;
  const open = (): void => {
    const items: MavenItem[] = [];
    list.push({ kind: "list", items });
    lists.push(items);
    list = items;
  };
  const lower = text.toLowerCase();
  let from = 0;
  while (from < lower.length) {
    const first = lower.charCodeAt(from);
    if (first === dot || first === hyphen) {
      // Nothing before the separator is a zero.
      list.push(zero);
      if (first === hyphen) open();
      from += 1;
      continue;
    }
    const inDigits = isDigit(first);
    let end = from + 1;
    while (end < lower.length && !isSeparator(lower.charCodeAt(end)) && isDigit(lower.charCodeAt(end)) === inDigits)
      end += 1;
    const run = lower.slice(from, end);
    const next = end < lower.length ? lower.charCodeAt(end) : undefined;
    const goesOn = next !== undefined && !isSeparator(next);
    // A qualifier that digits follow, or that ends the version, begins a list of its own: `1.0.x1` is `1.0-x1`.
    if (!inDigits && (goesOn || next === undefined) && list.length > 0) open();
    list.push(inDigits ? { kind: "number", key: digitsKey(run) } : { kind: "text", key: textKey(run, goesOn) });
    if (goesOn || next === hyphen) open();
    from = goesOn || next === undefined ? end : end + 1;
  }
  for (const items of lists.toReversed()) dropNothings(items);
  return { items: root };
}

/** Order of two versions as Maven has it: negative, zero or positive. */
export function compareMaven(a: MavenVersion, b: MavenVersion): number {
  return compareLists(a.items, b.items);
}

const dot = 46;
const hyphen = 45;

function isSeparator(code: number): boolean {
  return code === dot || code === hyphen;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

function digitsKey(digits: string): string {
  if (digits.length <= longest.int || !/^0+$/.test(digits)) return numberKey(digits);
  return String.fromCharCode((digits.length <= longest.long ? longest.int : longest.long) + 2);
}

function textKey(text: string, digitsFollow: boolean): string {
  const full = (digitsFollow ? beforeDigits.get(text) : undefined) ?? text;
  const name = aliases.get(full) ?? full;
  const rank = qualifiers.indexOf(name);
  return rank < 0 ? `${qualifiers.length}-${name}` : String(rank);
}

/** Zeros, releases and empty lists count for nothing at the end of a list, and before the lists at its end. */
function dropNothings(items: MavenItem[]): void {
  for (let at = items.length - 1; at >= 0; at -= 1) {
    const item = items[at];
    if (item === undefined) break;
    if (item.kind === "list" ? item.items.length === 0 : isNothing(item)) items.splice(at, 1);
    else if (item.kind !== "list") break;
  }
}

function isNothing(item: MavenItem & { readonly key: string }): boolean {
  return item.kind === "number" ? item.key.length === 1 : item.key === release;
}

function compareLists(a: readonly MavenItem[], b: readonly MavenItem[]): number {
  const length = Math.max(a.length, b.length);
  for (let at = 0; at < length; at += 1) {
    const order = compareItems(a[at], b[at]);
    if (order !== 0) return order;
  }
  return 0;
}

function compareItems(a: MavenItem | undefined, b: MavenItem | undefined): number {
  if (a === undefined) return b === undefined ? 0 : -compareToNothing(b);
  if (b === undefined) return compareToNothing(a);
  if (a.kind === "list" && b.kind === "list") return compareLists(a.items, b.items);
  if (a.kind === "list") return b.kind === "number" ? -1 : 1;
  if (b.kind === "list") return a.kind === "number" ? 1 : -1;
  if (a.kind !== b.kind) return a.kind === "number" ? 1 : -1;
  return a.key === b.key ? 0 : a.key < b.key ? -1 : 1;
}

function compareToNothing(item: MavenItem): number {
  if (item.kind !== "list") {
    if (isNothing(item)) return 0;
    return item.kind === "text" && item.key < release ? -1 : 1;
  }
  for (const inner of item.items) {
    const order = compareToNothing(inner);
    if (order !== 0) return order;
  }
  return 0;
}
