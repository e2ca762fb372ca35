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
