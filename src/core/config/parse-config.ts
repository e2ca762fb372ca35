import {
  LineCounter,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  parseDocument,
  visit,
  type Document,
  type Node,
  type YAMLMap,
} from "yaml";
import { tryShape } from "../../lib/index.ts";
import { checkReferences } from "./check-references.ts";
import { explainIssue } from "./explain-issue.ts";
import type { Mistake, Path } from "./mistake.ts";
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

const maxLength = 4_194_304;
const maxDepth = 64;
const maxProblems = 200;
/** `uniqueKeys` is off because that check takes minutes for a file of many keys: findDoubles does it. */
const yamlOptions = { uniqueKeys: false, prettyErrors: false, logLevel: "error" } as const;
const tooDeep = `it is nested deeper than ${maxDepth} levels`;
/** The only places where `${NAME}` stands for a variable: elsewhere it is text. A `*` is any name. */
export const variablePlaces: readonly (readonly string[])[] = [
  ["deployments", "*", "gitops", "live", "argocd", "token"],
  ["deployments", "*", "gitops", "live", "argocd", "url"],
  ["deployments", "*", "gitops", "live", "headers", "*"],
  ["deployments", "*", "gitops", "live", "url"],
  ["deployments", "*", "webhook", "url"],
  ["deployments", "*", "webhook", "secret"],
  ["deployments", "*", "webhook", "observe"],
  ["environments", "*", "checks", "*", "pipeline", "secret"],
  ["environments", "*", "checks", "*", "pipeline", "url"],
  ["environments", "*", "probes", "*", "http", "url"],
  ["environments", "*", "probes", "*", "http", "headers", "*"],
  ["images", "*", "checks", "*", "pipeline", "secret"],
  ["images", "*", "checks", "*", "pipeline", "url"],
  ["images", "*", "pipeline", "github", "token"],
  ["images", "*", "pipeline", "gitlab", "token"],
  ["images", "*", "pipeline", "gitlab", "trigger"],
  ["images", "*", "pipeline", "http", "secret"],
  ["images", "*", "pipeline", "http", "url"],
  ["notifications", "webhook", "url"],
  ["notifications", "webhook", "secret"],
  ["notifications", "receivers", "*", "webhook", "url"],
  ["notifications", "receivers", "*", "webhook", "secret"],
  ["notifications", "receivers", "*", "cloudevents", "url"],
  ["notifications", "receivers", "*", "cloudevents", "secret"],
  ["notifications", "receivers", "*", "slack", "url"],
  ["notifications", "receivers", "*", "teams", "url"],
  ["notifications", "receivers", "*", "email", "server"],
  ["server", "login", "clientSecret"],
  ["webhooks", "*", "secret"],
  ["webhooks", "*", "secret", "*"],
  ["upstreams", "*", "mirror"],
  ["upstreams", "*", "securityMirror"],
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
  const document = parseDocument(text.replace(/^\uFEFF/, ""), { ...yamlOptions, lineCounter: lines });
  if (document.errors.length > 0) return { kind: "invalid", problems: limit(explainErrors(document, lines)) };
  const doubles = findDoubles(document, lines);
  if (doubles.length > 0) return { kind: "invalid", problems: limit(doubles) };
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
  const parsed = tryShape(configSchema, value);
  if (!parsed.success) {
    const told = new Set(mistakes.map(({ path }) => path.join(".")));
    const found = parsed.issues.flatMap((issue) => explainIssue(issue, value));
    mistakes.push(...found.filter(({ path }) => !told.has(path.join("."))));
    return invalid(mistakes, document, lines);
  }
  mistakes.push(...checkReferences(parsed.data));
  if (mistakes.length > 0) return invalid(mistakes, document, lines);
  return { kind: "ok", config: parsed.data };
}

/** Mistakes that only the outside world shows (a file that is not there), each with its place in `text`, which parseConfig has accepted. */
export function placeMistakes(text: string, mistakes: readonly Mistake[]): readonly ConfigProblem[] {
  const lines = new LineCounter();
  const placed = invalid(
    mistakes,
    parseDocument(text.replace(/^\uFEFF/, ""), { ...yamlOptions, lineCounter: lines }),
    lines,
  );
  return placed.kind === "invalid" ? placed.problems : [];
}

function invalid(mistakes: readonly Mistake[], document: Document | undefined, lines: LineCounter): ParsedConfig {
  const problems = mistakes.slice(0, maxProblems).map(({ path, message, hint }) => {
    const at = placeOf(document, path, lines);
    return { ...at, path: path.join("."), message, hint };
  });
  problems.sort((a, b) => a.line - b.line || a.column - b.column);
  return { kind: "invalid", problems: limit(problems, mistakes.length) };
}

/** The first problems, and how many more there are. */
function limit(problems: readonly ConfigProblem[], count = problems.length): ConfigProblem[] {
  const last = problems[maxProblems - 1];
  if (count <= maxProblems || last === undefined) return [...problems];
  const message = `there are ${count - maxProblems} more mistakes`;
  return [...problems.slice(0, maxProblems), { ...last, path: "", message, hint: undefined }];
}

function explainErrors(document: Document, lines: LineCounter): ConfigProblem[] {
  const { errors } = document;
  // The parser calls itself for each level, and says so where it is stopped; what comes after is an echo.
  const deep = errors.findIndex(({ message }) => message.startsWith("Maximum call stack"));
  return errors.slice(0, deep < 0 ? errors.length : deep + 1).map(({ code, pos, message }, index) => {
    const { line, col } = lines.linePos(pos[0]);
    const at = { line, column: col, path: "", hint: undefined };
    if (index === deep) return { ...at, message: tooDeep };
    if (code !== "MULTIPLE_DOCS") return { ...at, message: message.split("\n")[0] ?? "" };
    return { ...at, message: "there is a second document", hint: "Leave out the `---` and what comes after it." };
  });
}

/** Keys that stand twice in one mapping, each where it stands again. */
function findDoubles(document: Document, lines: LineCounter): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  visit(document, {
    Map: (_key, map, ancestors) => (ancestors.length > 2 * maxDepth ? visit.BREAK : noteDoubles(map, lines, problems)),
  });
  return problems.sort((a, b) => a.line - b.line || a.column - b.column);
}

function noteDoubles(map: YAMLMap, lines: LineCounter, problems: ConfigProblem[]): void {
  const first = new Map<string, number>();
  for (const { key } of map.items) {
    const start = isScalar(key) ? key.range?.[0] : undefined;
    if (!isScalar(key) || start === undefined) continue;
    const name = String(key.value);
    const known = first.get(name);
    const { line, col } = lines.linePos(start);
    if (known === undefined) first.set(name, line);
    else {
      const message = `${JSON.stringify(name.slice(0, 100))} stands here twice`;
      problems.push({ line, column: col, path: name, message, hint: `It is said in line ${known} already.` });
    }
  }
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
      if (ancestors.length > maxDepth) found = { path: [], message: tooDeep };
      if (aliases > 100) found = { path: [], message: "it has more than 100 aliases" };
      if (isAlias(node) && ancestors.some((one) => isCollection(one) && one.anchor === node.source))
        found = { path: [], message: `the alias *${node.source} stands within what it names` };
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
  if (typeof value === "string" && variablePlaces.some((place) => isAt(path, place))) {
    return value.replaceAll(/\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (_whole, name: string) => {
      const found = Object.hasOwn(env, name) ? env[name] : undefined;
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
  // The schema passes over this key without a word.
  if (Object.hasOwn(value, "__proto__"))
    mistakes.push({ path: [...path, "__proto__"], message: '"__proto__" cannot be a key' });
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== "__proto__")
      .map(([key, inner]) => [key, substitute(inner, [...path, key], env, mistakes)]),
  );
}

function isAt(path: Path, place: Path): boolean {
  return path.length === place.length && place.every((key, at) => key === "*" || key === path[at]);
}
