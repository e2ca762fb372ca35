/** What one character of a text may be: by its code, up to 127. */
export type CharacterSet = readonly boolean[];

/** A pattern as a tree. */
export type PatternNode =
  | { readonly kind: "set"; readonly set: CharacterSet }
  | { readonly kind: "all"; readonly nodes: readonly PatternNode[] }
  | { readonly kind: "any"; readonly nodes: readonly PatternNode[] }
  | { readonly kind: "group"; readonly name: string | undefined; readonly node: PatternNode }
  | { readonly kind: "repeat"; readonly node: PatternNode; readonly least: number; readonly most: number | undefined };

/** Why a pattern is not taken. */
export class PatternError extends Error {}

const maxPattern = 256;
const maxRepeat = 128;
const maxDepth = 20;
const classes: Readonly<Record<string, string>> = { d: "0-9", w: "0-9A-Za-z_" };

/**
 * The tree of a pattern in the part of JavaScript's syntax that can be matched in linear time: literals, `.`, classes, `\d`, `\w`, groups (named too),
 * `|`, and the repetitions. The whole text must match, with or without `^` and `$`. Throws PatternError, also for back-references and look-arounds.
 */
export function parsePattern(pattern: string): PatternNode {
  if (pattern.length > maxPattern) throw new PatternError(`it is longer than ${maxPattern} characters`);
  const start = pattern.startsWith("^") ? 1 : 0;
  const end = /(?:^|[^\\])(?:\\\\)*\$$/.test(pattern) ? pattern.length - 1 : pattern.length;
  const reader = { text: pattern.slice(0, end), at: start, names: new Set<string>() };
  const node = parseAny(reader, 0);
  if (reader.at < reader.text.length) throw new PatternError("a `)` closes nothing");
  return node;
}

interface Reader {
  readonly text: string;
  at: number;
  readonly names: Set<string>;
}

function parseAny(reader: Reader, depth: number): PatternNode {
  if (depth > maxDepth) throw new PatternError(`groups are nested deeper than ${maxDepth}`);
  const nodes = [parseAll(reader, depth)];
  while (reader.text[reader.at] === "|") {
    reader.at += 1;
    nodes.push(parseAll(reader, depth));
  }
  return nodes.length === 1 && nodes[0] !== undefined ? nodes[0] : { kind: "any", nodes };
}

function parseAll(reader: Reader, depth: number): PatternNode {
  const nodes: PatternNode[] = [];
  for (let next = reader.text[reader.at]; next !== undefined && next !== "|" && next !== ")";) {
    nodes.push(parseRepeat(reader, parseAtom(reader, depth)));
    next = reader.text[reader.at];
  }
  return { kind: "all", nodes };
}

function parseRepeat(reader: Reader, node: PatternNode): PatternNode {
  const match = /^(?:([*+?])|\{(\d{1,3})(?:(,)(\d{1,3})?)?\})/.exec(reader.text.slice(reader.at, reader.at + 12));
  if (match === null) return node;
  reader.at += match[0].length;
  if (/[*+?{]/.test(reader.text[reader.at] ?? "")) throw new PatternError("a repetition is repeated");
  const [, sign, low, comma, high] = match;
  if (sign !== undefined)
    return { kind: "repeat", node, least: sign === "+" ? 1 : 0, most: sign === "?" ? 1 : undefined };
  const least = Number(low);
  const most = comma === undefined ? least : high === undefined ? undefined : Number(high);
  if (least > maxRepeat || (most !== undefined && (most > maxRepeat || most < least)))
    throw new PatternError(`{${low}${comma ?? ""}${high ?? ""}} is no number of repetitions up to ${maxRepeat}`);
  return { kind: "repeat", node, least, most };
}

function parseAtom(reader: Reader, depth: number): PatternNode {
  const first = reader.text[reader.at] ?? "";
  reader.at += 1;
  if (first === "(") return parseGroup(reader, depth);
  if (first === "[") return { kind: "set", set: parseClass(reader) };
  if (first === "\\") return { kind: "set", set: setOf(parseEscape(reader)) };
  if (first === ".") return { kind: "set", set: setOf(() => true) };
  if (/[*+?{}^$\]]/.test(first))
    throw new PatternError(
      `\`${first}\` stands where nothing can be ${first === "^" || first === "$" ? "anchored" : "repeated"}`,
    );
  const code = codeOf(first);
  return { kind: "set", set: setOf((each) => each === code) };
}

function parseGroup(reader: Reader, depth: number): PatternNode {
  const opening = /^\?(?::|<([A-Za-z][A-Za-z0-9]{0,30})>)/.exec(reader.text.slice(reader.at, reader.at + 40));
  if (opening === null && reader.text[reader.at] === "?")
    throw new PatternError("only plain groups can be matched in linear time: no look-around, no back-reference");
  const name = opening?.[1];
  if (name !== undefined && reader.names.has(name)) throw new PatternError(`two groups are called ${name}`);
  if (name !== undefined) reader.names.add(name);
  reader.at += opening?.[0].length ?? 0;
  const node = parseAny(reader, depth + 1);
  if (reader.text[reader.at] !== ")") throw new PatternError("a `(` is not closed");
  reader.at += 1;
  return { kind: "group", name, node };
}

type Test = (code: number) => boolean;

function parseEscape(reader: Reader): Test {
  const next = reader.text[reader.at] ?? "";
  reader.at += 1;
  const ranges = classes[next.toLowerCase()];
  if (ranges !== undefined) {
    const known = new RegExp(`^[${ranges}]$`);
    const wanted = next === next.toLowerCase();
    return (code) => known.test(String.fromCharCode(code)) === wanted;
  }
  if (next === "" || /[0-9A-Za-z]/.test(next)) throw new PatternError(`\`\\${next}\` is not understood`);
  const code = codeOf(next);
  return (each) => each === code;
}

function parseClass(reader: Reader): CharacterSet {
  const isNegated = reader.text[reader.at] === "^";
  if (isNegated) reader.at += 1;
  const tests: Test[] = [];
  for (;;) {
    const first = reader.text[reader.at];
    reader.at += 1;
    if (first === undefined) throw new PatternError("a `[` is not closed");
    if (first === "]") break;
    if (first === "\\") tests.push(parseEscape(reader));
    else tests.push(parseClassRange(reader, first));
  }
  return setOf((code) => tests.some((test) => test(code)) !== isNegated);
}

function parseClassRange(reader: Reader, first: string): Test {
  const low = codeOf(first);
  const end = reader.text[reader.at + 1];
  if (reader.text[reader.at] !== "-" || end === undefined || end === "]") return (code) => code === low;
  if (end === "\\") throw new PatternError("a range in `[…]` ends in an escape");
  reader.at += 2;
  const high = codeOf(end);
  if (high < low) throw new PatternError(`the range ${first}-${end} is backwards`);
  return (code) => code >= low && code <= high;
}

/** Tags are ASCII: nothing else could ever match. */
function codeOf(character: string): number {
  const code = character.charCodeAt(0);
  if (code < 32 || code > 126) throw new PatternError("it has characters that no tag has");
  return code;
}

function setOf(test: Test): CharacterSet {
  return Array.from({ length: 128 }, (_, code) => test(code));
}
