import { DockerfileError } from "./error.ts";

interface Rule {
  readonly keeps: boolean;
  readonly shape: readonly string[];
}

const mostRules = 2000;
const largest = 262_144;

/**
 * Tells which paths of a context a `.dockerignore` leaves out: the last rule that fits a path or a folder above it
 * decides, `!` brings back, `**` stands for any number of folders. Paths have slashes and no leading one. Throws TOO_LARGE.
 * Docker build reference, .dockerignore files.
 */
export function parseIgnoreFile(text: string): (path: string) => boolean {
  if (text.length > largest) throw new DockerfileError("TOO_LARGE", `.dockerignore is larger than ${largest} bytes`);
  const rules = text
    .replace(/^\ufeff/, "")
    .split("\n")
    .flatMap((line) => readRule(line) ?? []);
  if (rules.length > mostRules)
    throw new DockerfileError("TOO_LARGE", `.dockerignore has more than ${mostRules} rules`);
  return (path) => {
    const parts = path.split("/");
    let ignored = false;
    for (const { keeps, shape } of rules)
      if (keeps === ignored && parts.some((_, depth) => fits(shape, parts.slice(0, depth + 1)))) ignored = !keeps;
    return ignored;
  };
}

function readRule(line: string): Rule | undefined {
  const trimmed = line.trim();
  if (trimmed === "" || line.startsWith("#")) return undefined;
  const keeps = trimmed.startsWith("!");
  const shape: string[] = [];
  for (const part of (keeps ? trimmed.slice(1).trim() : trimmed).split("/")) {
    if (part === "..") shape.pop();
    // `**` behind another stands for nothing more.
    else if (part !== "" && part !== "." && !(part === "**" && shape.at(-1) === "**")) shape.push(part);
  }
  return shape.length === 0 ? undefined : { keeps, shape };
}

/** Whether the parts of a path fit those of a rule, all of them. Each state is looked at once, so no rule takes long. */
function fits(shape: readonly string[], parts: readonly string[]): boolean {
  let reached = new Set([0]);
  for (const part of [...parts, undefined]) {
    for (const at of reached) if (shape[at] === "**") reached.add(at + 1);
    if (part === undefined) return reached.has(shape.length);
    const next = new Set<number>();
    for (const at of reached) {
      const pattern = shape[at];
      if (pattern === "**") next.add(at);
      else if (pattern !== undefined && fitsPart(pattern, part)) next.add(at + 1);
    }
    if (next.size === 0) return false;
    reached = next;
  }
  return false;
}

/** One part of a path by `*`, `?`, `[a-z]` and `\`, as Go's filepath.Match has it, and by `**` within a word as `*`. */
function fitsPart(pattern: string, part: string): boolean {
  let star: { readonly pattern: number; part: number } | undefined;
  let p = 0;
  let at = 0;
  while (at < part.length || p < pattern.length) {
    const character = pattern[p];
    if (character === "*") {
      star = { pattern: p, part: at };
      p += 1;
      continue;
    }
    const step = at < part.length && character !== undefined ? fitsOne(pattern, p, part[at] as string) : 0;
    if (step > 0) {
      p += step;
      at += 1;
    } else if (star !== undefined && star.part < part.length) {
      star.part += 1;
      at = star.part;
      p = star.pattern + 1;
    } else return false;
  }
  return true;
}

/** How many characters of the pattern fit the one character; 0 where they do not. */
function fitsOne(pattern: string, at: number, character: string): number {
  const first = pattern[at];
  if (first === "?") return 1;
  if (first === "\\" && at + 1 < pattern.length) return pattern[at + 1] === character ? 2 : 0;
  if (first !== "[") return first === character ? 1 : 0;
  const close = pattern.indexOf("]", at + 2);
  if (close < 0) return 0;
  const negated = pattern[at + 1] === "^";
  const inside = pattern.slice(at + (negated ? 2 : 1), close);
  let found = false;
  for (let i = 0; i < inside.length; i += 1) {
    const low = inside[i] as string;
    const range = inside[i + 1] === "-" && i + 2 < inside.length;
    const high = range ? (inside[i + 2] as string) : low;
    if (low <= character && character <= high) found = true;
    if (range) i += 2;
  }
  return found === negated ? 0 : close + 1 - at;
}
