import { commandLines } from "../layer/index.ts";
import { compareDebText, isDebVersion } from "../version/index.ts";

/** How dpkg calls a maintainer script: `postinst configure 1.0-1`. Debian Policy 6.5. */
export interface ScriptCall {
  readonly action: "install" | "upgrade" | "configure";
  /** The other version: of `preinst` and `postinst` the one before, of `prerm` and `postrm` the one to come; undefined where there is none. */
  readonly version: string | undefined;
}

const maxDepth = 200;

interface Block {
  readonly kind: "if" | "case";
  /** Whether its present branch can be reached. */
  live: boolean;
  /** Of a case over the action: its labels are compared. */
  readonly byAction: boolean;
}

/**
 * The commands of a shell script, one a line, that `call` can reach: branches are left out whose condition says that they are for another action, or for an upgrade from before a version
 * that lies behind. Where the script's blocks cannot be told, all of it is live.
 */
export function liveLines(script: string, call: ScriptCall): string[] {
  const all = splitPieces(commandLines(script));
  const names = aliases(all);
  const blocks: Block[] = [];
  const live: string[] = [];
  let condition: string[] | undefined;
  const isLive = (): boolean => blocks.every((block) => block.live);
  for (const given of all) {
    const piece = given.replace(/\$\{?(\w+)\}?/g, (whole, name: string) => names.get(name) ?? whole);
    const word = /^(if|elif|then|else|fi|case|esac|;;)(?=\s|$)/.exec(piece)?.[1];
    const rest = word === undefined ? piece : piece.slice(word.length).trim();
    const block = blocks.at(-1);
    if (word === "if" || word === "elif") {
      if (word === "if") blocks.push({ kind: "if", live: true, byAction: false });
      else if (block?.kind === "if") block.live = true;
      else return all;
      condition = [rest];
    } else if (word === "then") {
      if (block?.kind !== "if" || condition === undefined) return all;
      // What a condition runs is run, whatever comes of it.
      if (isLive()) live.push(...condition);
      block.live = isPossible(condition.join(" "), call);
      condition = undefined;
      if (rest !== "" && isLive()) live.push(rest);
    } else if (condition !== undefined) condition.push(piece);
    else if (word === "else") {
      if (block?.kind !== "if") return all;
      block.live = true;
      if (rest !== "") live.push(rest);
    } else if (word === "fi" || word === "esac") {
      if (blocks.pop()?.kind !== (word === "fi" ? "if" : "case")) return all;
    } else if (word === "case") {
      const byAction = /^"?\$\{?1\}?"?\s+in\b/.test(rest);
      blocks.push({ kind: "case", live: true, byAction });
    } else if (word === ";;") {
      if (block?.kind !== "case") return all;
      block.live = true;
    } else {
      const label = block?.kind === "case" ? /^\(?([^()]{1,500}?)\)(.*)$/.exec(piece) : null;
      if (label !== null && block?.byAction === true) block.live = matchesLabel(label[1] ?? "", call.action);
      const command = label === null ? piece : (label[2] ?? "").trim();
      if (command !== "" && isLive()) live.push(command);
    }
    if (blocks.length > maxDepth) return all;
  }
  return blocks.length === 0 ? live : all;
}

const endOfBranch = "\u0003";

/** A piece with its texts in quotes put back. */
function withTexts(piece: string, texts: readonly string[]): string {
  const [first = "", ...rest] = piece.split("\u0001");
  return rest.reduce((whole, part) => {
    const end = part.indexOf("\u0002");
    return whole + (texts[Number(part.slice(0, end))] ?? "") + part.slice(end + 1);
  }, first);
}

/** Lines cut at semicolons, and after the words that begin a branch, text in quotes aside. */
function splitPieces(lines: readonly string[]): string[] {
  return lines.flatMap((line) => {
    const texts: string[] = [];
    const bare = line.replace(/"(?:[^"\\]|\\.)*"|'[^']*'/g, (text) => `\u0001${texts.push(text) - 1}\u0002`);
    return bare
      .replace(/(^|[\s;)])#.*$/, "$1")
      .replace(/;;&?|;&/g, `\n${endOfBranch}\n`)
      .replace(/(^|[\s;])(then|else|do)(?=\s)/g, "$1\n$2\n")
      .split(/[;\n]/)
      .map((piece) => withTexts(piece, texts).trim())
      .filter((piece) => piece !== "")
      .map((piece) => (piece === endOfBranch ? ";;" : piece));
  });
}

/** Variables that are given the script's first or second argument, and nothing else. */
function aliases(all: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const several = new Set<string>();
  for (const piece of all) {
    const [, name, argument] = /^(\w+)=(?:"?\$\{?([12])\}?"?$)?/.exec(piece) ?? [];
    if (name === undefined) continue;
    const value = argument === undefined ? "" : `$${argument}`;
    if (found.has(name) && found.get(name) !== value) several.add(name);
    found.set(name, value);
  }
  for (const [name, value] of found) if (value === "" || several.has(name)) found.delete(name);
  return found;
}

function matchesLabel(label: string, action: string): boolean {
  return label.split("|").some((one) => {
    const text = one.trim().replace(/^["']|["']$/g, "");
    return text === action || /[*?[$]/.test(text);
  });
}

/** False only where every alternative of the condition has a part that is false. */
function isPossible(condition: string, call: ScriptCall): boolean {
  if (/\$\(|`|\|(?!\|)/.test(condition.replaceAll("||", ""))) return true;
  const parts = condition.replace(/\s-o\s/g, " || ").replace(/\s-a\s/g, " && ");
  return parts.split("||").some((each) => each.split("&&").every((part) => isPossiblePart(part, call)));
}

function isPossiblePart(part: string, { action, version }: ScriptCall): boolean {
  const text = part
    .replace(/["']/g, "")
    .replace(/^[\s[{(]+|[\s\]})]+$/g, "")
    .replace(/^test\s+/, "");
  const [, first, operator, wanted] = /^(\w?)\$\{?1\}?\s+(!?==?)\s+\1([\w-]+)$/.exec(text) ?? [];
  if (first !== undefined && wanted !== undefined)
    return operator?.startsWith("!") === true ? wanted !== action : wanted === action;
  if (/^-z\s+\$\{?2\}?$/.test(text) || /^(\w?)\$\{?2\}?\s+==?\s*\1$/.test(text)) return version === undefined;
  if (/^-n\s+\$\{?2\}?$/.test(text)) return version !== undefined;
  const [, relation, other] =
    /^dpkg\s+--compare-versions\s+(?:--\s+)?\$\{?2\}?\s+(lt|le|eq)(?:-nl)?\s+(\S+)$/.exec(text) ?? [];
  const plain = other?.replaceAll("\\", "");
  if (relation === undefined || plain === undefined || version === undefined || !isDebVersion(plain)) return true;
  const order = compareDebText(version, plain);
  return relation === "lt" ? order < 0 : relation === "le" ? order <= 0 : order === 0;
}
