import { DockerfileError } from "./error.ts";
import type { Instruction, ReadDockerfile } from "./read-instructions.ts";

/** One `--name=value` before an instruction's arguments, and where its value stands in the instruction's text. */
export interface Flag {
  readonly name: string;
  readonly value: string;
  readonly at: number;
}

/** The flags of an instruction, and where its arguments start in `text`, from `from` on. */
export function readFlags(text: string, from = 0): { readonly flags: readonly Flag[]; readonly rest: number } {
  const flags: Flag[] = [];
  const word = /\s*(--[a-z][\w-]*)(=((?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s"'])*))?(?=\s|$)\s*/uy;
  let rest = from;
  for (word.lastIndex = from; ;) {
    const match = word.exec(text);
    if (match === null) return { flags, rest };
    const [whole, name = "", assigned = "", value = ""] = match;
    flags.push({
      name: name.slice(2),
      value,
      at: match.index + whole.indexOf(name) + name.length + (assigned === "" ? 0 : 1),
    });
    rest = word.lastIndex;
  }
}

/** Another image or stage that an instruction takes files from, as it is written. */
export interface Source {
  readonly kind: "copy" | "add" | "mount";
  readonly written: string;
  readonly at: number;
}

/** `--from=` of COPY and ADD, `from=` of the mounts of RUN. Throws BAD_DOCKERFILE where one is written in a way that cannot be replaced. */
export function readSources(instruction: Instruction, file: ReadDockerfile): Source[] {
  const { keyword, text } = triggerOf(instruction);
  const { flags } = readFlags(text, triggerOf(instruction).at);
  if (keyword === "COPY" || keyword === "ADD")
    return flags
      .filter(({ name, value }) => name === "from" && value !== "")
      .map(({ value, at }) => ({ kind: keyword === "COPY" ? "copy" : "add", written: value, at }));
  if (keyword !== "RUN") return [];
  return flags
    .filter(({ name }) => name === "mount")
    .flatMap(({ value, at }) => {
      const place = file.placeOf(instruction.offset(at));
      if (/["']/.test(value) && /from/i.test(value))
        throw new DockerfileError(
          "BAD_DOCKERFILE",
          "a mount with from= is written with quotes",
          place,
          "Leave them out.",
        );
      let begin = at;
      return value.split(",").flatMap((field): Source[] => {
        const here = begin;
        begin += field.length + 1;
        const equals = field.indexOf("=");
        if (equals < 0 || field.slice(0, equals).toLowerCase() !== "from" || equals === field.length - 1) return [];
        return [{ kind: "mount", written: field.slice(equals + 1), at: here + equals + 1 }];
      });
    });
}

/** The instruction itself, or what an ONBUILD keeps for the stages on top of it. */
function triggerOf({ keyword, text }: Instruction): { keyword: string; text: string; at: number } {
  if (keyword !== "ONBUILD") return { keyword, text, at: 0 };
  const [head = "", name = ""] = /^\s*(\S*)\s*/.exec(text) ?? [];
  return { keyword: name.toUpperCase(), text, at: head.length };
}
