import { AppError, printable } from "../../lib/index.ts";

export class ManifestError extends AppError<
  /** It cannot be told what is to be changed, or what else would change with it: nothing was. */
  | "UNSURE"
  /** No file of a kind that is read, or one that is broken. */
  | "UNREADABLE"
  | "TOO_LARGE"
> {}

/** Says where in a file something stands. */
export interface Locate {
  (offset: number): { readonly line: number; readonly column: number };
}

/** Finds places in a text: line and column, both from 1, of an offset in characters. */
export function createLocate(text: string): Locate {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  };
}

/** What is wrong at a place of a file, by `offset` in characters. */
export function refuseAt(
  path: string,
  locate: Locate,
  offset: number,
  why: string,
  hint: string,
  code: "UNSURE" | "UNREADABLE" | "TOO_LARGE" = "UNSURE",
): ManifestError {
  const { line, column } = locate(offset);
  return new ManifestError(code, `${printable(path)}:${line}:${column}: ${why}`, { hint });
}
