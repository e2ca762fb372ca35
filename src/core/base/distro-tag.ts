import { isTag } from "../image/index.ts";
import { PatternError } from "./parse-pattern.ts";

/** The numbers of tags like `like`, in the same place, with the same text around; see FollowRule. Throws PatternError where `like` has no number or `series` is none of its own. */
export function readDistroTag(
  like: string,
  series: string | undefined,
): { readonly wants: string; readonly keyOf: (tag: string) => readonly number[] | undefined } {
  const parts = isTag(like) ? split(like) : undefined;
  if (parts === undefined) throw new PatternError(`"${like.slice(0, 140)}" is not a tag with a version in it`);
  const { before, numbers, after } = parts;
  const kept = series === undefined ? numbers.slice(0, -1) : readSeries(series);
  if (kept.length > numbers.length)
    throw new PatternError(`the series ${String(series)} has more numbers than ${like}`);
  const shown = numbers.map((_, index) => kept[index] ?? "*").join(".");
  return {
    wants: `${before}${shown}${after}`,
    keyOf: (tag) => {
      const found = split(tag);
      if (found === undefined || found.before !== before || found.after !== after) return undefined;
      if (found.numbers.length !== numbers.length) return undefined;
      return kept.every((number, index) => found.numbers[index] === number) ? found.numbers : undefined;
    },
  };
}

/** The first dotted run of numbers, and what stands around it. */
function split(tag: string): { before: string; numbers: readonly number[]; after: string } | undefined {
  const match = /^([^0-9]*)(\d{1,15}(?:\.\d{1,15}){0,9})(?![0-9])(.*)$/.exec(tag);
  if (match?.[1] === undefined || match[2] === undefined || match[3] === undefined) return undefined;
  return { before: match[1], numbers: match[2].split(".").map(Number), after: match[3] };
}

function readSeries(text: string): readonly number[] {
  if (text === "*") return [];
  if (!/^\d{1,15}(?:\.\d{1,15}){0,9}$/.test(text))
    throw new PatternError(`"${text.slice(0, 100)}" is no series: numbers with dots, or \`*\``);
  return text.split(".").map(Number);
}
