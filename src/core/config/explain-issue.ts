import { closest } from "./closest.ts";
import type { Mistake } from "./mistake.ts";
import { configSchema } from "./schema.ts";

type Path = Mistake["path"];

/** What the schema's check says of one place. */
export interface Issue {
  readonly code?: string | undefined;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly keys?: readonly string[];
  readonly expected?: string;
  readonly values?: readonly unknown[];
  readonly origin?: string;
  readonly minimum?: number | bigint;
  readonly maximum?: number | bigint;
  readonly issues?: readonly { readonly message: string }[];
  /** Of a union: what each of its options says. */
  readonly errors?: readonly (readonly Issue[])[];
}

const kinds: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "`true` or `false`",
  array: "a list",
  object: "a mapping",
  record: "a mapping",
};

const units: Readonly<Record<string, string>> = { string: " characters", array: " entries" };

/** The mistakes behind an issue that the schema found in `value`, in plain words, with what was probably meant. */
export function explainIssue(issue: Issue, value: unknown): Mistake[] {
  const path = issue.path.map((key) => (typeof key === "symbol" ? String(key) : key));
  if (issue.code === "unrecognized_keys") {
    const known = Object.keys(shapeAt(path));
    return (issue.keys ?? []).map((key) => {
      const hint = known.length === 0 ? undefined : suggest(key, known, "Known here");
      return { path: [...path, key], message: `${quote(key)} is not known here`, hint };
    });
  }
  const found = valueAt(value, path);
  const meant = issue.code === "invalid_union" ? meantOption(issue, found) : undefined;
  if (meant !== undefined)
    return meant.flatMap((inner) => explainIssue({ ...inner, path: [...path, ...inner.path] }, value));
  if (issue.code === "invalid_key") {
    const why = issue.issues?.[0]?.message ?? issue.message;
    return [{ path, message: `${quote(String(path.at(-1)))} cannot stand here: ${why}` }];
  }
  const kind = issue.expected === undefined ? undefined : kinds[issue.expected];
  if (found === undefined && path.length > 0 && (kind !== undefined || issue.values !== undefined)) {
    const takes = kind ?? (issue.values ?? []).join(" or ");
    return [{ path, message: `\`${String(path.at(-1))}:\` is missing`, hint: `It takes ${takes}.` }];
  }
  if (issue.values !== undefined) {
    const known = issue.values.map(String);
    const hint = typeof found === "string" ? suggest(found, known, "Known") : undefined;
    const message = known.length === 1 ? `it can only be ${known.join()}` : `it is one of ${known.join(", ")}`;
    return [{ path, message, hint }];
  }
  if (issue.code === "invalid_type" && kind !== undefined) {
    const isBare = issue.expected === "string" && (typeof found === "number" || typeof found === "boolean");
    return [
      { path, message: `it takes ${kind}, not ${kindOf(found)}`, hint: isBare ? "Put it in quotes." : undefined },
    ];
  }
  if (issue.code === "too_small" || issue.code === "too_big") {
    const bound = issue.code === "too_small" ? `at least ${issue.minimum}` : `at most ${issue.maximum}`;
    return [{ path, message: `it takes ${bound}${units[issue.origin ?? ""] ?? ""}` }];
  }
  return [{ path, message: issue.message }];
}

/** What the one option of a union says that misses no key of a mapping: the keys tell which was meant. */
function meantOption({ errors = [] }: Issue, found: unknown): readonly Issue[] | undefined {
  if (typeof found !== "object" || found === null || Array.isArray(found)) return undefined;
  const isMissing = ({ path: [key, ...rest] }: Issue): boolean =>
    key === undefined ? true : rest.length === 0 && !Object.hasOwn(found, key);
  const isNamed = (issues: readonly Issue[]): boolean =>
    issues.every((inner) => inner.code === "unrecognized_keys" || !isMissing(inner));
  const options = errors.filter(isNamed);
  return options.length === 1 ? options[0] : undefined;
}

/** A hint at the name that was probably meant, or at those that there are. */
export function suggest(wrong: string, known: readonly string[], title: string): string {
  const meant = closest(wrong, known.slice(0, 2000));
  return meant === undefined ? `${title}: ${known.slice(0, 40).join(", ") || "none"}.` : `Did you mean \`${meant}\`?`;
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}

function kindOf(value: unknown): string {
  if (value === null) return "nothing";
  return kinds[Array.isArray(value) ? "array" : typeof value] ?? typeof value;
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (at, key) =>
      typeof at === "object" && at !== null && Object.hasOwn(at, key)
        ? (at as Record<string, unknown>)[key]
        : undefined,
    value,
  );
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
    if (def?.options !== undefined) return joined(def.options.map(unwrap));
    const inner = def?.innerType;
    if (inner === undefined) return at;
    at = inner;
  }
  return at;
}

/** What any option of a union knows; where two know a key, as the first has it. */
function joined(options: readonly unknown[]): unknown {
  const shapes = options.filter(isShaped).map(({ shape }) => shape);
  return shapes.length === 0 ? options[0] : { shape: Object.assign({}, ...shapes.reverse()) as object };
}

function isShaped(schema: unknown): schema is { readonly shape: Readonly<Record<string, unknown>> } {
  return typeof schema === "object" && schema !== null && "shape" in schema;
}
