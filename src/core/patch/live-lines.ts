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

interface Piece {
  readonly text: string;
  /** Whether it is part of a function, whose arguments are not the script's. */
  readonly inFunction: boolean;
}

/**
 * The commands of a shell script, one a line, that `call` can reach: branches are left out whose condition says that they are for another action, or for an upgrade from before a version
 * that lies behind. Where the script's blocks cannot be told, or it gives itself other arguments, all of it is live.
 */
export function liveLines(script: string, call: ScriptCall): string[] {
  const texts = splitPieces(commandLines(script));
  const pieces = markFunctions(texts);
  if (pieces === undefined || pieces.some(setsArguments)) return texts;
  const names = aliases(pieces);
  const blocks: Block[] = [];
  const live: string[] = [];
  let condition: string[] | undefined;
  const add = (line: string): void => {
    if (line !== "" && blocks.every((block) => block.live)) live.push(line);
  };
  for (const { text, inFunction } of pieces) {
    const piece = text.replace(/\$\{?(\w+)\}?/g, (whole, name: string) => names.get(name) ?? whole);
    const word = /^(if|elif|then|else|fi|case|esac|;;)(?=\s|$)/.exec(piece)?.[1];
    const rest = word === undefined ? piece : piece.slice(word.length).trim();
    const block = blocks.at(-1);
    if (word === "if" || word === "elif") {
      if (word === "if") blocks.push({ kind: "if", live: true, byAction: false });
      else if (block?.kind === "if") block.live = true;
      else return texts;
      condition = rest === "" ? [] : [rest];
    } else if (word === "then") {
      if (block?.kind !== "if" || condition === undefined) return texts;
      // What a condition runs is run, whatever comes of it.
      for (const each of condition) add(each);
      block.live = inFunction || isPossible(condition.join(" "), call);
      condition = undefined;
      add(rest);
    } else if (condition !== undefined) condition.push(piece);
    else if (word === "else") {
      if (block?.kind !== "if") return texts;
      block.live = true;
      add(rest);
    } else if (word === "fi" || word === "esac") {
      if (blocks.pop()?.kind !== (word === "fi" ? "if" : "case")) return texts;
    } else if (word === "case") {
      add(piece);
      blocks.push({ kind: "case", live: true, byAction: !inFunction && /^"?\$\{?1\}?"?\s+in$/.test(rest) });
    } else if (word === ";;") {
      if (block?.kind !== "case") return texts;
      block.live = true;
    } else {
      const label = block?.kind === "case" ? /^\(?([^()]{1,500}?)\)(.*)$/.exec(piece) : null;
      if (label !== null && block?.byAction === true) block.live = matchesLabel(label[1] ?? "", call.action);
      add(label === null ? piece : (label[2] ?? "").trim());
    }
    if (blocks.length > maxDepth) return texts;
  }
  return blocks.length === 0 ? live : texts;
}

/** The pieces, those of functions marked; undefined where a function's end is not found. */
function markFunctions(texts: readonly string[]): Piece[] | undefined {
  const pieces: Piece[] = [];
  let depth = 0;
  let isHeaded = false;
  for (const text of texts) {
    const bare = text.replace(/"(?:[^"\\]|\\.)*"|'[^']*'/g, "_");
    const head = /^(?:function\s+)?[\w.+-]+\s*\(\s*\)\s*(.?)/.exec(bare);
    if (head !== null) {
      if (depth > 0 || (head[1] !== "" && head[1] !== "{")) return undefined;
      isHeaded = true;
    }
    pieces.push({ text, inFunction: depth > 0 || isHeaded });
    const braces =
      (bare.match(/(?:^|\s|\))\{(?=\s|$)/g)?.length ?? 0) -
      (bare.match(/(?:^|\s)\}(?=\s|$|\)|>|<|\||&)/g)?.length ?? 0);
    if (isHeaded || depth > 0) depth += braces;
    if (depth < 0) return undefined;
    if (depth > 0 || braces < 0 || /\{.*\}/.test(bare)) isHeaded = false;
  }
  return depth === 0 && !isHeaded ? pieces : undefined;
}

/** Whether the script's own arguments are others from here on. */
function setsArguments({ text, inFunction }: Piece): boolean {
  return !inFunction && /(?:^|[\s|&(])(?:set\s+(?:--|[^\s+-])|shift\b)/.test(text);
}

const endOfBranch = "\ue003";

/** Lines cut at semicolons, and after the words that begin a branch, text in quotes aside. */
function splitPieces(lines: readonly string[]): string[] {
  return lines.flatMap((line) => {
    const texts: string[] = [];
    const bare = line.replace(/"(?:[^"\\]|\\.)*"|'[^']*'/g, (text) => `\ue001${texts.push(text) - 1}\ue002`);
    return bare
      .replace(/;;&?|;&/g, `\n${endOfBranch}\n`)
      .replace(/(^|[\s;])(then|else|do)(?=\s)/g, "$1\n$2\n")
      .split(/[;\n]/)
      .flatMap(cutCase)
      .map((piece) => piece.replace(/\ue001(\d+)\ue002/g, (_, at: string) => texts[Number(at)] ?? "").trim())
      .filter((piece) => piece !== "")
      .map((piece) => (piece === endOfBranch ? ";;" : piece));
  });
}

/** `case X in` and what follows it on its line. */
function cutCase(piece: string): string[] {
  const end = /^\s*case\s/.test(piece) ? /\sin(?=\s)/.exec(piece) : null;
  return end === null ? [piece] : [piece.slice(0, end.index + 3), piece.slice(end.index + 3)];
}

/** Variables that are given the script's first or second argument, and nothing else anywhere. */
function aliases(pieces: readonly Piece[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { text, inFunction } of pieces)
    for (const [, name = "", value = ""] of text.matchAll(/(?:^|[\s;(])(\w+)=("[^"]*"|'[^']*'|\S*)/g)) {
      const [, argument] = /^"?\$\{?([12])\}?"?$/.exec(value) ?? [];
      const plain = argument === undefined || inFunction || !text.startsWith(name) ? "" : `$${argument}`;
      found.set(name, found.has(name) && found.get(name) !== plain ? "" : plain);
    }
  for (const [, name = ""] of pieces.flatMap(({ text }) => [
    ...text.matchAll(/\b(?:read|for|local)\s+(?:-\w+\s+)*(\w+)/g),
  ]))
    found.delete(name);
  for (const [name, value] of found) if (value === "") found.delete(name);
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
