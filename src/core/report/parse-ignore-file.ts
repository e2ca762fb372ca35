import { LineCounter, isAlias, isMap, isScalar, parseDocument, visit, type Document, type Node } from "yaml";
import { z } from "zod";
import { tryShape, type Instant } from "../../lib/index.ts";

/** What is set aside, until when, and why. */
export interface IgnoreEntry {
  /** Of the vulnerability: any of its names. */
  readonly id: string;
  /** Name of the installed package or of its source; of every package without it. */
  readonly package: string | undefined;
  /** Installed version; of every version without it. */
  readonly version: string | undefined;
  /** The file in the image that tells of the package, or a folder above it. */
  readonly path: string | undefined;
  readonly reason: string;
  /** The first moment at which it counts no more; for ever without it. */
  readonly until: Instant | undefined;
  /** Who says so: a person, or the file. */
  readonly by: string;
}

/** One mistake and where it stands; lines and columns count from 1. */
export interface IgnoreMistake {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export type ParsedIgnoreFile =
  | { readonly kind: "ok"; readonly entries: readonly IgnoreEntry[] }
  | { readonly kind: "invalid"; readonly mistakes: readonly IgnoreMistake[] };

const maxLength = 1_048_576;
const maxEntries = 10_000;
const maxDepth = 8;
const maxMistakes = 50;

const line = z
  .string()
  .min(1)
  .max(1000)
  .refine((text) => text.trim() !== "", "it is empty");
const entry = z.strictObject({
  id: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{2,127}$/, "the id of a vulnerability, as CVE-2026-1234"),
  package: line.optional(),
  version: line.optional(),
  path: line.optional(),
  reason: line,
  until: z
    .string()
    .regex(/^\d{4}-\d{2}-\d{2}$/, "a date as 2027-01-31")
    .refine((text) => Number.isFinite(Date.parse(text)), "there is no such date")
    .optional(),
  by: line.optional(),
});
const shape = z.strictObject({ version: z.literal(1), ignore: z.array(entry).max(maxEntries) });

/**
 * Reads an ignore file (YAML 1.2, `version: 1` and a list `ignore:` of `id`, `reason` and optionally `package`, `version`, `path`, `until`, `by`). `name` is what stands for its author where an entry
 * names none. Gives all entries, expired ones too, or every mistake with its place.
 */
export function parseIgnoreFile(text: string, name: string): ParsedIgnoreFile {
  const lines = new LineCounter();
  if (text.length > maxLength)
    return invalid([{ line: 1, column: 1, message: `it is larger than ${maxLength} bytes` }]);
  // Without the check of keys, which takes minutes for a mapping of many; the schema has no room for doubles to matter.
  const document = parseDocument(text.replace(/^\uFEFF/, ""), {
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: "error",
    lineCounter: lines,
    schema: "core",
  });
  if (document.errors.length > 0)
    return invalid(
      document.errors.map(({ pos, message }) => ({ ...at(lines, pos[0]), message: message.split("\n")[0] ?? "" })),
    );
  const odd = findOdd(document);
  if (odd !== undefined) return invalid([odd.node === undefined ? nowhere(odd.message) : place(odd.node, odd.message)]);
  const parsed = tryShape(shape, document.toJS({ maxAliasCount: 0 }));
  if (!parsed.success)
    return invalid(
      parsed.issues.map((issue) => {
        const path = issue.path.map((key) => (typeof key === "symbol" ? String(key) : key));
        const keys = issue.code === "unrecognized_keys" ? issue.keys : [];
        const unknown = keys[0] === undefined ? path : [...path, keys[0]];
        return { ...placeOf(document, unknown, lines), message: explain(issue, path, keys) };
      }),
    );
  return {
    kind: "ok",
    entries: parsed.data.ignore.map(({ id, reason, until, by, ...where }) => ({
      id,
      package: where.package,
      version: where.version,
      path: where.path?.replace(/^\/+|\/+$/g, ""),
      reason,
      until: until === undefined ? undefined : Date.parse(until),
      by: by ?? name,
    })),
  };

  function place(node: Node, message: string): IgnoreMistake {
    return { ...at(lines, node.range?.[0] ?? 0), message };
  }
}

function nowhere(message: string): IgnoreMistake {
  return { line: 1, column: 1, message };
}

function invalid(mistakes: readonly IgnoreMistake[]): ParsedIgnoreFile {
  const sorted = [...mistakes].sort((a, b) => a.line - b.line || a.column - b.column);
  return { kind: "invalid", mistakes: sorted.slice(0, maxMistakes) };
}

function explain(issue: z.core.$ZodIssue, path: readonly (string | number)[], keys: readonly string[]): string {
  const where = path.length === 0 ? "the file" : path.join(".");
  if (keys.length > 0) return `${keys.map((key) => JSON.stringify(key.slice(0, 100))).join(", ")} is not known here`;
  if (issue.code === "invalid_type" && issue.message.endsWith("received undefined")) return `${where} is missing`;
  return `${where}: ${issue.message}`;
}

/** What needs no schema to be refused: depth, aliases, keys that stand twice or that every object has. */
function findOdd(document: Document): { readonly node: Node | undefined; readonly message: string } | undefined {
  let found: { node: Node | undefined; message: string } | undefined;
  visit(document, {
    Node: (_key, node, ancestors) => {
      if (ancestors.length > 2 * maxDepth) found = { node, message: "it is nested too deeply" };
      else if (isAlias(node)) found = { node, message: "aliases are not read here" };
      else if (isMap(node)) {
        const seen = new Set<string>();
        for (const { key } of node.items) {
          const name = isScalar(key) ? String(key.value) : "";
          if (name === "__proto__" || !isScalar(key)) found = { node, message: "a key of it cannot be a key" };
          else if (seen.has(name)) found = { node: key, message: `${JSON.stringify(name.slice(0, 100))} stands twice` };
          seen.add(name);
        }
      }
      return found === undefined ? undefined : visit.BREAK;
    },
  });
  if (found === undefined && !isMap(document.contents))
    return { node: undefined, message: "it is no mapping: it begins with `version: 1` and `ignore:`" };
  return found;
}

function placeOf(document: Document, path: readonly (string | number)[], lines: LineCounter) {
  for (let depth = path.length; depth >= 0; depth -= 1) {
    const parent = document.getIn(path.slice(0, depth - 1), true);
    const key = path[depth - 1];
    const pair =
      depth > 0 && isMap(parent) ? parent.items.find((one) => isScalar(one.key) && one.key.value === key) : undefined;
    const node = (pair?.key ?? (depth === 0 ? document.contents : document.getIn(path.slice(0, depth), true))) as
      Node | undefined;
    const start = node?.range?.[0];
    if (start !== undefined) return at(lines, start);
  }
  return { line: 1, column: 1 };
}

function at(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line: row, col } = lines.linePos(offset);
  return { line: Math.max(1, row), column: Math.max(1, col) };
}
