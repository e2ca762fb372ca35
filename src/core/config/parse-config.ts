import { LineCounter, isAlias, isMap, isScalar, parseDocument, visit, type Document, type Node } from "yaml";
import { checkReferences } from "./check-references.ts";
import { closest } from "./closest.ts";
import { configSchema, type Config } from "./schema.ts";

/** One mistake, where it stands, and what to do. Lines and columns count from 1. */
export interface ConfigProblem {
  readonly line: number;
  readonly column: number;
  readonly path: string;
  readonly message: string;
  readonly hint: string | undefined;
}

export type ParsedConfig =
  | { readonly kind: "ok"; readonly config: Config }
  | { readonly kind: "invalid"; readonly problems: readonly ConfigProblem[] };

type Path = readonly (string | number)[];

/** A mistake by its place in the document. */
export interface Mistake {
  readonly path: Path;
  readonly message: string;
  readonly hint?: string | undefined;
}

const maxLength = 1_048_576;
const maxDepth = 64;
/** The only places where `${NAME}` stands for a variable: elsewhere it is text. */
const variablePlaces: readonly RegExp[] = [
  /^notifications\.webhook\.(?:url|secret)$/,
  /^upstreams\.[^.]+\.(?:mirror|securityMirror)$/,
];

/**
 * Reads tidemill.yaml (YAML 1.2). Gives the configuration, or every mistake at once with its place. `env` is where declared `${NAME}` come from;
 * their values never appear in a message.
 */
export function parseConfig(text: string, env: Readonly<Record<string, string | undefined>>): ParsedConfig {
  const lines = new LineCounter();
  if (text.length > maxLength) {
    return invalid([{ path: [], message: `the file is larger than ${maxLength} characters` }], undefined, lines);
  }
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, maxAliasCount: 100 } as object);
  if (document.errors.length > 0) {
    const problems = document.errors.map((error) => {
      const at = lines.linePos(error.pos[0]);
      return { line: at.line, column: at.col, path: "", message: error.message.split("\n")[0] ?? "", hint: undefined };
    });
    return { kind: "invalid", problems };
  }
  const odd = findOdd(document);
  if (odd !== undefined) return invalid([odd], document, lines);
  const mistakes: Mistake[] = [];
  let plain: unknown;
  try {
    plain = document.toJS({ maxAliasCount: 100 });
  } catch {
    // Only aliases fail here: one of nothing, or ones that multiply.
    const hint = "Write out what the aliases stand for.";
    return invalid(
      [{ path: [], message: "an alias of it cannot be resolved, or they multiply", hint }],
      document,
      lines,
    );
  }
  const value = substitute(plain, [], env, mistakes);
  const parsed = configSchema.safeParse(value);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) mistakes.push(...explainIssue(issue));
    return invalid(mistakes, document, lines);
  }
  mistakes.push(...checkReferences(parsed.data));
  if (mistakes.length > 0) return invalid(mistakes, document, lines);
  return { kind: "ok", config: parsed.data };
}

/** Mistakes that only the outside world shows (a file that is not there), each with its place in `text`, which parseConfig has accepted. */
export function placeMistakes(text: string, mistakes: readonly Mistake[]): readonly ConfigProblem[] {
  const lines = new LineCounter();
  const placed = invalid(mistakes, parseDocument(text, { lineCounter: lines }), lines);
  return placed.kind === "invalid" ? placed.problems : [];
}

function invalid(mistakes: readonly Mistake[], document: Document | undefined, lines: LineCounter): ParsedConfig {
  const problems = mistakes.map(({ path, message, hint }) => {
    const at = placeOf(document, path, lines);
    return { ...at, path: path.join("."), message, hint };
  });
  return { kind: "invalid", problems: problems.sort((a, b) => a.line - b.line || a.column - b.column) };
}

/** Where the value of `path` stands; for a key that is too much, the key; else the nearest thing that is there. */
function placeOf(document: Document | undefined, path: Path, lines: LineCounter): { line: number; column: number } {
  if (document === undefined) return { line: 1, column: 1 };
  for (let depth = path.length; depth >= 0; depth -= 1) {
    const parent = document.getIn(path.slice(0, depth - 1), true);
    const key = path[depth - 1];
    const pair =
      depth > 0 && isMap(parent) ? parent.items.find((one) => isScalar(one.key) && one.key.value === key) : undefined;
    const node = (pair?.key ?? document.getIn(path.slice(0, depth), true)) as Node | undefined;
    const start = node?.range?.[0];
    if (start !== undefined) {
      const at = lines.linePos(start);
      return { line: at.line, column: at.col };
    }
  }
  return { line: 1, column: 1 };
}

function findOdd(document: Document): Mistake | undefined {
  let found: Mistake | undefined;
  let aliases = 0;
  visit(document, {
    Node: (_key, node, ancestors) => {
      if (isAlias(node)) aliases += 1;
      if (ancestors.length > maxDepth) found = { path: [], message: `it is nested deeper than ${maxDepth} levels` };
      if (aliases > 100) found = { path: [], message: "it has more than 100 aliases" };
      return found === undefined ? undefined : visit.BREAK;
    },
  });
  if (found === undefined && !isMap(document.contents)) {
    return {
      path: [],
      message: "it is not a mapping",
      hint: "The first lines are usually `version: 1` and `upstreams:`.",
    };
  }
  return found;
}

function substitute(
  value: unknown,
  path: Path,
  env: Readonly<Record<string, string | undefined>>,
  mistakes: Mistake[],
): unknown {
  if (typeof value === "string" && variablePlaces.some((place) => place.test(path.join(".")))) {
    return value.replaceAll(/\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (_whole, name: string) => {
      const found = env[name];
      if (found === undefined || found === "") {
        mistakes.push({
          path,
          message: `the variable ${name} is not set`,
          hint: `Set ${name} in the environment of Tidemill.`,
        });
      }
      return found ?? "";
    });
  }
  if (Array.isArray(value)) return value.map((item, at) => substitute(item, [...path, at], env, mistakes));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, substitute(inner, [...path, key], env, mistakes)]),
  );
}

interface Issue {
  readonly code?: string | undefined;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly keys?: readonly string[];
}

function explainIssue(issue: Issue): Mistake[] {
  const path = issue.path.map((key) => (typeof key === "symbol" ? String(key) : key));
  if (issue.code === "unrecognized_keys") {
    const known = Object.keys(shapeAt(path));
    return (issue.keys ?? []).map((key) => {
      const meant = closest(key, known);
      const hint =
        meant === undefined
          ? known.length === 0
            ? undefined
            : `Known here: ${known.join(", ")}.`
          : `Did you mean \`${meant}\`?`;
      return { path: [...path, key], message: `"${key.slice(0, 100)}" is not known here`, hint };
    });
  }
  return [{ path, message: issue.message }];
}

/** The keys that the schema knows at `path`, found by asking it: an unknown key's neighbours. */
function shapeAt(path: Path): Readonly<Record<string, unknown>> {
  let at: unknown = configSchema;
  for (const key of path) at = stepInto(unwrap(at), key);
  const shape = unwrap(at);
  return isShaped(shape) ? shape.shape : {};
}

function stepInto(schema: unknown, key: string | number): unknown {
  if (isShaped(schema)) return schema.shape[String(key)];
  const def = (schema as { def?: { valueType?: unknown; element?: unknown; options?: readonly unknown[] } } | undefined)
    ?.def;
  return def?.valueType ?? def?.element;
}

function unwrap(schema: unknown): unknown {
  let at = schema;
  for (let depth = 0; depth < 8; depth += 1) {
    const def = (at as { def?: { innerType?: unknown; options?: readonly unknown[] } } | undefined)?.def;
    const inner = def?.innerType ?? def?.options?.[0];
    if (inner === undefined) return at;
    at = inner;
  }
  return at;
}

function isShaped(schema: unknown): schema is { readonly shape: Readonly<Record<string, unknown>> } {
  return typeof schema === "object" && schema !== null && "shape" in schema;
}
