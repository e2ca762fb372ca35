import { advisoryKey } from "../advisory/index.ts";
import { rangeSchemes, versionSchemes } from "../version/index.ts";

/** Whether something holds; undefined where that cannot be told. */
export type Truth = boolean | undefined;

/** What a variable of an environment may be: one value, or all that are possible; none where nothing is known of it. */
export type MarkerEnvironment = (variable: string) => readonly string[];

/** Under which circumstances a requirement is one. PyPA, Dependency specifiers, Environment markers. */
export type PythonMarker =
  | { readonly kind: "all" | "any"; readonly of: readonly PythonMarker[] }
  | { readonly kind: "compare"; readonly left: Operand; readonly operator: string; readonly right: Operand };

interface Operand {
  readonly isVariable: boolean;
  readonly text: string;
}

const longest = 1024;
const deepest = 50;

/** The names that setuptools and PEP 345 gave to variables. */
const elders: Readonly<Record<string, string>> = {
  "os.name": "os_name",
  "sys.platform": "sys_platform",
  "platform.version": "platform_version",
  "platform.machine": "platform_machine",
  "platform.python_implementation": "platform_python_implementation",
  python_implementation: "platform_python_implementation",
};
const variables = new Set([
  "implementation_name",
  "implementation_version",
  "os_name",
  "platform_machine",
  "platform_python_implementation",
  "platform_release",
  "platform_system",
  "platform_version",
  "python_full_version",
  "python_version",
  "sys_platform",
  "extra",
]);
const versions = new Set(["implementation_version", "platform_release", "python_full_version", "python_version"]);

const token =
  /\s*(?:([()])|(===|==|~=|!=|<=|>=|<|>)|not\s+(in)(?!\w)|(in|and|or)(?!\w)|([A-Za-z_][A-Za-z0-9_.]*)|'([^']*)'|"([^"]*)")\s*/y;

interface Token {
  readonly kind: "bracket" | "operator" | "word" | "variable" | "text";
  readonly text: string;
}

/** Reads a marker; undefined where it is none. Never throws. */
export function parsePythonMarker(text: string): PythonMarker | undefined {
  const tokens = text.length > longest ? undefined : tokensOf(text);
  if (tokens === undefined) return undefined;
  let at = 0;
  const next = (): Token | undefined => tokens[at];
  const is = (kind: Token["kind"], wanted: string): boolean => next()?.kind === kind && next()?.text === wanted;

  const operand = (): Operand | undefined => {
    const found = next();
    if (found?.kind !== "variable" && found?.kind !== "text") return undefined;
    at += 1;
    return { isVariable: found.kind === "variable", text: found.text };
  };
  const compare = (): PythonMarker | undefined => {
    const left = operand();
    const operator = next();
    if (left === undefined || operator?.kind !== "operator") return undefined;
    at += 1;
    const right = operand();
    // Two texts, or two variables, say nothing of an environment: nobody writes them, and tools differ.
    if (right === undefined || left.isVariable === right.isVariable) return undefined;
    return { kind: "compare", left, operator: operator.text, right };
  };
  const atom = (depth: number): PythonMarker | undefined => {
    if (!is("bracket", "(")) return compare();
    at += 1;
    const inner = depth >= deepest ? undefined : any(depth + 1);
    if (inner === undefined || !is("bracket", ")")) return undefined;
    at += 1;
    return inner;
  };
  const chain = (
    word: "and" | "or",
    kind: "all" | "any",
    part: (depth: number) => PythonMarker | undefined,
    depth: number,
  ): PythonMarker | undefined => {
    const of: PythonMarker[] = [];
    for (;;) {
      const one = part(depth);
      if (one === undefined) return undefined;
      of.push(one);
      if (!is("word", word)) break;
      at += 1;
    }
    const [only] = of;
    return of.length === 1 ? only : { kind, of };
  };
  const all = (depth: number): PythonMarker | undefined => chain("and", "all", atom, depth);
  const any = (depth: number): PythonMarker | undefined => chain("or", "any", all, depth);

  const marker = any(0);
  return at === tokens.length ? marker : undefined;
}

function tokensOf(text: string): Token[] | undefined {
  const tokens: Token[] = [];
  token.lastIndex = 0;
  while (token.lastIndex < text.length) {
    const [whole, bracket, operator, notIn, word, name, single, double] = token.exec(text) ?? [];
    if (whole === undefined) return undefined;
    if (bracket !== undefined) tokens.push({ kind: "bracket", text: bracket });
    else if (operator !== undefined) tokens.push({ kind: "operator", text: operator });
    else if (notIn !== undefined) tokens.push({ kind: "operator", text: "not in" });
    else if (word === "in") tokens.push({ kind: "operator", text: "in" });
    else if (word !== undefined) tokens.push({ kind: "word", text: word });
    else if (name !== undefined) {
      const variable = Object.hasOwn(elders, name) ? elders[name] : name;
      if (variable === undefined || !variables.has(variable)) return undefined;
      tokens.push({ kind: "variable", text: variable });
    } else tokens.push({ kind: "text", text: single ?? double ?? "" });
  }
  return tokens;
}

/** Whether a marker holds in an environment. PyPA, Dependency specifiers: versions are compared as such where both sides are some, all else as text, of which `<` and `>` say nothing. */
export function holdsIn(marker: PythonMarker, environment: MarkerEnvironment): Truth {
  if (marker.kind === "compare") return compareIn(marker, environment);
  const parts = marker.of.map((one) => holdsIn(one, environment));
  const decisive = marker.kind === "any";
  if (parts.includes(decisive)) return decisive;
  return parts.includes(undefined) ? undefined : !decisive;
}

function compareIn(
  { left, operator, right }: Extract<PythonMarker, { readonly kind: "compare" }>,
  environment: MarkerEnvironment,
): Truth {
  const variable = left.isVariable ? left.text : right.text;
  const values = environment(variable);
  let answer: Truth;
  for (const [at, value] of values.entries()) {
    const one = left.isVariable
      ? evaluate(variable, value, operator, right.text)
      : evaluate(variable, left.text, operator, value);
    if (one === undefined || (at > 0 && one !== answer)) return undefined;
    answer = one;
  }
  return answer;
}

function evaluate(variable: string, left: string, operator: string, right: string): Truth {
  if (variable === "extra") return compareTexts(normalName(left), operator, normalName(right));
  if (versions.has(variable)) {
    const range = rangeSchemes.pypi.parse(`${operator}${right}`);
    const version = versionSchemes.pypi.parse(left);
    if (range !== undefined && version !== undefined)
      return rangeSchemes.pypi.isIn({ ...version, isPrerelease: false }, range);
    // Tools differ in what they say of a version that is none.
    if (range !== undefined) return undefined;
  }
  return compareTexts(left, operator, right);
}

function compareTexts(left: string, operator: string, right: string): Truth {
  switch (operator) {
    case "in":
      return right.includes(left);
    case "not in":
      return !right.includes(left);
    case "==":
    case "<=":
    case ">=":
      return left === right;
    case "!=":
      return left !== right;
    case "<":
    case ">":
      return false;
    default:
      return undefined;
  }
}

/** The one spelling of a project's or an extra's name. PyPA, Names and normalization. */
export function normalName(name: string): string {
  return advisoryKey("pypi", name).name;
}
