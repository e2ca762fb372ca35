import { holds, maxRangeLength, type Operator } from "./comparator.ts";
import { composerVersion, modifierPattern, normalise, type ComposerVersion, type Normalised } from "./composer.ts";
import { compareKeys } from "./key.ts";

/** What composer.json says of a dependency. `VersionParser::parseConstraints` of composer/semver. */
export interface ComposerRange {
  /** One of them must hold as a whole. */
  readonly alternatives: readonly (readonly Constraint[])[];
}

interface Constraint {
  readonly operator: Operator;
  readonly version: ComposerVersion;
}

/** The range in `text`: `^1.2`, `~1.2`, `1.2.*`, `1.0 - 2.0`, `>=1.0 <2.0 || 3.0.*`, `dev-main`, `@beta`. Undefined where it is none. */
export function parseComposerRange(text: string): ComposerRange | undefined {
  if (text.length > maxRangeLength) return undefined;
  const alternatives: Constraint[][] = [];
  for (const part of text.trim().split(/ ?\|\|? ?/)) {
    const constraints: Constraint[] = [];
    for (const one of part.replaceAll(/\s+/g, " ").split(between)) {
      const parsed = parseConstraint(one);
      if (parsed === undefined) return undefined;
      constraints.push(...parsed);
    }
    alternatives.push(constraints);
  }
  return { alternatives };
}

/** Whether a version is in a range. A branch is only where it is named. */
export function isInComposerRange(version: ComposerVersion, range: ComposerRange): boolean {
  return range.alternatives.some((constraints) => constraints.every((one) => isIn(version, one)));
}

function isIn(version: ComposerVersion, { operator, version: other }: Constraint): boolean {
  const order = compareKeys(version, other);
  if (version.isBranch || other.isBranch) return operator === "!=" ? order !== 0 : operator === "=" && order === 0;
  return holds(operator, order);
}

/** Spaces and commas between constraints; not those after an operator, around a hyphen or of an alias. */
const between = /(?<!^|as|[=>< ,]) *(?<!-)[, ](?!-) *(?!,|as|$)/;
const pattern = String.raw`v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:\.(\d+))?(?:${modifierPattern}|\.([x*][.-]?dev))(?:\+\S+)?`;
const tilde = new RegExp(`^~${pattern}$`, "i");
const caret = new RegExp(`^\\^${pattern}$`, "i");
const hyphen = new RegExp(`^(${pattern}) +- +(${pattern})$`, "i");
const wild = /^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:\.[xX*])+$/;
/** What a constraint may end with to name a stability, behind a hyphen. Composer looks for `RC` in what it made small before, and never finds it. */
const endsWithModifier = new RegExp(`-${modifierPattern}$`);

type Match = readonly (string | undefined)[];

/** The constraints that one word stands for: none where it takes everything, undefined where it is none. */
function parseConstraint(text: string): Constraint[] | undefined {
  const alias = /^([^,\s]+) +as +[^,\s]+$/.exec(text)?.[1] ?? text;
  const flagged = /^([^,\s]*?)@(stable|RC|beta|alpha|dev)$/i.exec(alias);
  const flag = flagged?.[2]?.toLowerCase() === "stable" ? undefined : flagged?.[2];
  const unflagged = flagged === null ? alias : flagged[1] === "" ? "*" : (flagged[1] ?? "");
  const constraint = /^(dev-[^,\s@]+?|[^,\s@]+?\.x-dev)#.+$/i.exec(unflagged)?.[1] ?? unflagged;
  const any = /^(v)?[x*](\.[x*])*$/i.exec(constraint);
  if (any !== null)
    return any[1] === undefined && any[2] === undefined ? [] : [fromParts(">=", ["0", "0", "0", "0", "dev"])];
  const bumped = tilde.exec(constraint) ?? caret.exec(constraint);
  if (bumped !== null) return parseBumped(constraint, bumped);
  const star = wild.exec(constraint);
  if (star !== null) return parseWild(star);
  const range = hyphen.exec(constraint);
  if (range !== null) return parseHyphen(range);
  return parseBasic(constraint, flag);
}

/** `~1.2` and `^1.2`. A stability that is named is the lower bound; else development versions are taken, too. */
function parseBumped(constraint: string, match: Match): Constraint[] | undefined {
  const low = normalise(constraint.slice(1) + (namesStability(match, 5) ? "" : "-dev"));
  const [, major, minor, patch, revision] = match;
  const given = revision ? 4 : patch ? 3 : minor ? 2 : 1;
  const position = constraint.startsWith("~")
    ? Math.max(1, given + (match[8] === undefined ? 0 : 1) - 1)
    : major !== "0" || !minor
      ? 1
      : minor !== "0" || !patch
        ? 2
        : 3;
  return low && [toConstraint(">=", low), fromParts("<", [...bump(match, 1, position), "dev"])];
}

function parseWild(match: Match): Constraint[] {
  const position = match[3] === undefined ? (match[2] === undefined ? 1 : 2) : 3;
  const low = [1, 2, 3, 4].map((at) => (at > position ? "0" : (match[at] ?? "0")));
  const high = fromParts("<", [...bump(match, 1, position), "dev"]);
  return low.every((part) => part === "0") ? [high] : [fromParts(">=", [...low, "dev"]), high];
}

/** `1.0 - 2.0`: of a partial upper bound everything that begins with it is in. */
function parseHyphen(match: Match): Constraint[] | undefined {
  const [low, high] = [normalise(match[1] ?? ""), normalise(match[10] ?? "")];
  if (low === undefined || high === undefined) return undefined;
  const lower = toConstraint(">=", namesStability(match, 6) ? low : inDevelopment(low));
  const isWhole = (match[12] !== undefined && match[13] !== undefined) || namesStability(match, 15);
  const upper = isWhole
    ? toConstraint("<=", high)
    : fromParts("<", [...bump(match, 11, match[12] === undefined ? 1 : 2), "dev"]);
  return [lower, upper];
}

function parseBasic(text: string, flag: string | undefined): Constraint[] | undefined {
  const [, written = "", rest = ""] = /^(<>|!=|>=?|<=?|==?)?\s*(.*)/.exec(text) ?? [];
  const isBranch = rest.endsWith("-dev") && /^[0-9a-zA-Z\-./]+$/.test(rest);
  const version = normalise(rest) ?? (isBranch ? normalise(`dev-${rest.slice(0, -4)}`) : undefined);
  if (version === undefined) return undefined;
  const operator = written === "<>" ? "!=" : written === "" || written === "==" ? "=" : (written as Operator);
  if (operator !== "=" && flag !== undefined && isStable(version)) {
    return [toConstraint(operator, withWord(version, stabilityName(flag)))];
  }
  const isOpen =
    (operator === "<" || operator === ">=") && !endsWithModifier.test(rest.toLowerCase()) && !rest.startsWith("dev-");
  return [toConstraint(operator, isOpen ? inDevelopment(version) : version)];
}

function stabilityName(flag: string): string {
  return flag.toLowerCase() === "rc" ? "RC" : flag.toLowerCase();
}

/** Whether a stability, `dev` or `.x-dev` stands at the place of the match where they begin. */
function namesStability(match: Match, at: number): boolean {
  return [match[at], match[at + 2], match[at + 3]].some((part) => part !== undefined && part !== "");
}

/** The four numbers from `first` on, with the one at `position` raised and those after it 0. */
function bump(match: Match, first: number, position: number): string[] {
  return [1, 2, 3, 4].map((at) => {
    const part = match[first + at - 1] ?? "";
    return at > position ? "0" : at === position ? String(BigInt(part === "" ? "0" : part) + 1n) : part;
  });
}

function isStable(version: Normalised): boolean {
  return (
    version.kind === "parts" && version.parts.every((part) => /^\d/.test(part) || part === "patch" || part === "stable")
  );
}

function inDevelopment(version: Normalised): Normalised {
  return withWord(version, "dev");
}

function withWord(version: Normalised, word: string): Normalised {
  return version.kind === "parts"
    ? { kind: "parts", parts: [...version.parts, word] }
    : { kind: "branch", name: `${version.name}-${word}` };
}

function toConstraint(operator: Operator, version: Normalised): Constraint {
  return { operator, version: composerVersion(version) };
}

function fromParts(operator: Operator, parts: readonly string[]): Constraint {
  return toConstraint(operator, { kind: "parts", parts });
}
