import type { Instant } from "../../lib/index.ts";
import { PatternError } from "./parse-pattern.ts";

const widths: Readonly<Record<string, number>> = { YYYY: 4, MM: 2, DD: 2, HH: 2 };
const maxCounter = 9;

type Piece =
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "field"; readonly name: string; readonly width: number }
  | { readonly kind: "counter" };

/** The moment and counter of tags that are dates of this format; see FollowRule. Tags of a day after `until`, or of one that no calendar has, do not fit. Throws PatternError for a format without a year, or with one field twice. */
export function readDateTag(
  format: string,
  until: Instant,
): { readonly wants: string; readonly keyOf: (tag: string) => readonly number[] | undefined } {
  const pieces = parseFormat(format);
  return {
    wants: format,
    keyOf: (tag) => {
      const fields = readPieces(pieces, tag);
      if (fields === undefined) return undefined;
      const [month = 1, day = 1, hour = 0] = ["MM", "DD", "HH"].map((name) => fields.get(name));
      const year = fields.get("YYYY") ?? 0;
      const date = new Date(Date.UTC(year, month - 1, day, hour));
      const isReal = date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
      if (!isReal || hour > 23 || date.getTime() > until) return undefined;
      return [date.getTime(), fields.get("#") ?? -1];
    },
  };
}

function parseFormat(format: string): readonly Piece[] {
  if (format.length > 128) throw new PatternError("the format of dates is longer than a tag can be");
  const pieces = [...format.matchAll(/YYYY|MM|DD|HH|#|[A-Za-z0-9._-]/g)].map(([text]): Piece => {
    const width = widths[text];
    if (width !== undefined) return { kind: "field", name: text, width };
    return text === "#" ? { kind: "counter" } : { kind: "literal", text };
  });
  const names = pieces.flatMap((piece) =>
    piece.kind === "field" ? [piece.name] : piece.kind === "counter" ? ["#"] : [],
  );
  const length = pieces.reduce((sum, piece) => sum + lengthOf(piece), 0);
  if (length !== format.length) throw new PatternError(`"${format.slice(0, 128)}" has characters that no tag has`);
  if (
    !names.includes("YYYY") ||
    new Set(names).size !== names.length ||
    (names.includes("DD") && !names.includes("MM"))
  )
    throw new PatternError(
      `"${format.slice(0, 128)}" is no format of dates: YYYY once, and MM, DD, HH and # once at most`,
    );
  return pieces;
}

function lengthOf(piece: Piece): number {
  return piece.kind === "field" ? piece.width : 1;
}

function readPieces(pieces: readonly Piece[], tag: string): ReadonlyMap<string, number> | undefined {
  const fields = new Map<string, number>();
  let at = 0;
  for (const piece of pieces) {
    if (piece.kind === "literal") {
      if (tag[at] !== piece.text) return undefined;
      at += 1;
      continue;
    }
    const most = piece.kind === "field" ? piece.width : maxCounter;
    let end = at;
    while (end < at + most && isDigit(tag, end)) end += 1;
    if (end === at || (piece.kind === "field" && end - at !== most)) return undefined;
    fields.set(piece.kind === "field" ? piece.name : "#", Number(tag.slice(at, end)));
    at = end;
  }
  return at === tag.length ? fields : undefined;
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 48 && code <= 57;
}
