import { printable } from "../../lib/index.ts";
import { DockerfileError, type Place } from "./error.ts";
import { readHeredocNames } from "./heredoc.ts";

/** One instruction as builders see it: one logical line, and the documents that hang on it. */
export interface Instruction {
  /** In upper case. */
  readonly keyword: string;
  /** What follows the keyword, with continuation lines joined and their comments gone. */
  readonly text: string;
  readonly heredocs: readonly string[];
  /** Offset in the file at which the instruction starts, and that behind its last character. */
  readonly start: number;
  readonly end: number;
  /** The file's offset of the character at `at` of `text`. */
  offset(at: number): number;
}

/** What precedes the instructions. */
export interface Directives {
  readonly escape: "\\" | "`";
  /** The image of the frontend, and its offset in the file. */
  readonly syntax?: { readonly name: string; readonly start: number };
}

export interface ReadDockerfile {
  readonly directives: Directives;
  readonly instructions: readonly Instruction[];
  /** The place of an offset. */
  placeOf(offset: number): Place;
}

/** Builders refuse a line over 64 KiB; a file of a megabyte is no Dockerfile. */
export const dockerfileLimit = 1_048_576;
const mostInstructions = 20_000;

const keywords = new Set(
  (
    "ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL STOPSIGNAL USER VOLUME " +
    "WORKDIR"
  ).split(" "),
);
const withHeredocs = /^(?:ONBUILD\s+)?(?:ADD|COPY|RUN)$/;
const known = new Set(["escape", "syntax", "check"]);
const directive = /^\s*#\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(.+?)\s*$/;

interface Line {
  /** Without its line break. */
  readonly text: string;
  readonly start: number;
}

/**
 * The instructions of a Dockerfile, cut exactly as BuildKit cuts them: continuation lines by the escape character unless it
 * is escaped itself, comments and blank lines between them, heredocs by the words of the whole logical line. What it would
 * not accept is refused with its place. Dockerfile reference, Format, Parser directives and Here-Documents.
 */
export function readInstructions(text: string): ReadDockerfile {
  if (text.length > dockerfileLimit)
    throw new DockerfileError("TOO_LARGE", `it is larger than ${dockerfileLimit} bytes`);
  const lines = splitLines(text);
  const placeOf = (offset: number): Place => findPlace(lines, offset);
  const strange = /\0|\r(?!\n)|\p{Cs}|\ufffd/u.exec(text);
  if (strange !== null) {
    const what = printable(strange[0]);
    throw new DockerfileError("NOT_TEXT", `it holds ${what}, which no text has`, placeOf(strange.index));
  }
  const directives = readDirectives(lines);
  const continued = continuation(directives.escape);
  const instructions: Instruction[] = [];

  for (let at = 0; at < lines.length;) {
    const first = lines[at] as Line;
    if (/^\s*(?:#|$)/.test(first.text)) {
      at += 1;
      continue;
    }
    const joined = joinLines(lines, at, continued);
    at = joined.next;
    const { keyword, rest } = splitKeyword(joined.text);
    const start = joined.offset(joined.text.search(/\S/));
    if (!keywords.has(keyword))
      throw new DockerfileError(
        "BAD_DOCKERFILE",
        `unknown instruction ${printable(keyword.slice(0, 40))}`,
        placeOf(start),
        "Is a line before it continued by mistake, or not continued?",
      );
    let end = joined.end;
    const heredocs: string[] = [];
    const carrier = keyword === "ONBUILD" ? `ONBUILD ${splitKeyword(joined.text.slice(rest)).keyword}` : keyword;
    for (const { name, tabs } of withHeredocs.test(carrier) ? readHeredocNames(joined.text) : []) {
      const found = findTerminator(lines, at, name, tabs);
      if (found === undefined)
        throw new DockerfileError(
          "BAD_DOCKERFILE",
          `the heredoc ${printable(name.slice(0, 40))} has no end`,
          placeOf(start),
          `A line that holds only ${printable(name.slice(0, 40))} ends it.`,
        );
      heredocs.push(
        lines
          .slice(at, found)
          .map((line) => line.text)
          .join("\n"),
      );
      at = found + 1;
      end = lineEnd(lines[found] as Line);
    }
    const whole = joined.text;
    instructions.push({
      keyword,
      text: whole.slice(rest),
      heredocs,
      start,
      end,
      offset: (index) => joined.offset(rest + index),
    });
    if (instructions.length > mostInstructions)
      throw new DockerfileError("TOO_LARGE", `it has more than ${mostInstructions} instructions`, placeOf(start));
  }
  return { directives, instructions, placeOf };
}

function splitLines(text: string): Line[] {
  const lines: Line[] = [];
  for (let start = text.startsWith("\ufeff") ? 1 : 0; start < text.length;) {
    const feed = text.indexOf("\n", start);
    const end = feed < 0 ? text.length : feed;
    lines.push({ text: text.slice(start, text[end - 1] === "\r" && end > start ? end - 1 : end), start });
    start = end + 1;
  }
  return lines;
}

function lineEnd(line: Line): number {
  return line.start + line.text.length;
}

function findPlace(lines: readonly Line[], offset: number): Place {
  let low = 0;
  for (let high = lines.length - 1; low < high;) {
    const middle = (low + high + 1) >> 1;
    if ((lines[middle] as Line).start <= offset) low = middle;
    else high = middle - 1;
  }
  return { line: low + 1, column: Math.max(1, offset - (lines[low]?.start ?? 0) + 1) };
}

/**
 * `# escape=` and `# syntax=`, before anything else. BuildKit looks for the latter on its own: behind a first line `#!…`,
 * where an escape has no meaning any more, and only as long as no blank stands before a directive.
 */
function readDirectives(lines: readonly Line[]): Directives {
  let escape: "\\" | "`" = "\\";
  let syntax: Directives["syntax"];
  const shebang = lines[0]?.text.startsWith("#!") === true;
  let flush = true;
  const seen = new Set<string>();
  for (const [index, line] of lines.entries()) {
    if (index === 0 && shebang) continue;
    const match = directive.exec(line.text);
    if (match === null) break;
    const [whole, named = "", value = ""] = match;
    const name = named.toLowerCase();
    const place = { line: index + 1, column: 1 };
    if (seen.has(name)) throw new DockerfileError("BAD_DOCKERFILE", `a second ${name} directive`, place);
    seen.add(name);
    flush &&= whole.startsWith("#");
    if (name === "escape" && !shebang) {
      if (value !== "\\" && value !== "`")
        throw new DockerfileError("BAD_DOCKERFILE", `the escape character is \\ or \`, not ${printable(value)}`, place);
      escape = value;
    } else if (name === "syntax" && flush) {
      const [image = ""] = value.split(" ", 1);
      syntax = { name: image, start: line.start + whole.indexOf(value, whole.indexOf("=") + 1) };
    } else if (!known.has(name)) break;
  }
  return { escape, ...(syntax === undefined ? {} : { syntax }) };
}

function continuation(escape: "\\" | "`"): RegExp {
  const it = escape === "\\" ? "\\\\" : "`";
  return new RegExp(`(?<!${it})${it}[ \\t]*$`);
}

interface Joined {
  readonly text: string;
  readonly next: number;
  readonly end: number;
  readonly offset: (at: number) => number;
}

function joinLines(lines: readonly Line[], first: number, continued: RegExp): Joined {
  const parts: string[] = [];
  const starts: { readonly at: number; readonly from: number }[] = [];
  let length = 0;
  let end = 0;
  let at = first;
  for (; at < lines.length; at += 1) {
    const line = lines[at] as Line;
    if (at > first && /^\s*(?:#|$)/.test(line.text)) continue;
    const stop = line.text.search(continued);
    const part = stop < 0 ? line.text : line.text.slice(0, stop);
    starts.push({ at: length, from: line.start });
    parts.push(part);
    length += part.length;
    end = lineEnd(line);
    if (stop < 0) {
      at += 1;
      break;
    }
  }
  const offset = (index: number): number => {
    const start = starts.findLast((each) => each.at <= index) ?? { at: 0, from: 0 };
    return start.from + index - start.at;
  };
  return { text: parts.join(""), next: at, end, offset };
}

/** The first word in upper case, and where what follows it starts. */
function splitKeyword(text: string): { readonly keyword: string; readonly rest: number } {
  const [head = "", word = ""] = /^\s*([^\t\v\f\r ]*)[\t\v\f\r ]*/.exec(text) ?? [];
  return { keyword: word.toUpperCase(), rest: head.length };
}

function findTerminator(lines: readonly Line[], from: number, name: string, tabs: boolean): number | undefined {
  for (let at = from; at < lines.length; at += 1) {
    const { text } = lines[at] as Line;
    if ((tabs ? text.replace(/^\t+/, "") : text) === name) return at;
  }
  return undefined;
}
