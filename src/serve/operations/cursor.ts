import { z } from "zod";
import { OperationError } from "../../operation/index.ts";

/** Where a page ended, as text that callers hand back without reading it. */
export function formatCursor(place: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(place)).toString("base64url");
}

const rowPlace = z.tuple([z.number().int().min(-8.64e15).max(8.64e15), z.uuid()]);
const namePlace = z.tuple([z.string().min(1).max(255)]);

/** The moment and id of the row that a page ended with; undefined for the first page. Throws BAD_INPUT for what is no cursor of such a list. */
export function parseRowCursor(cursor: string | undefined): { createdAt: number; id: string } | undefined {
  if (cursor === undefined) return undefined;
  const parsed = rowPlace.safeParse(decode(cursor));
  if (!parsed.success) throw badCursor();
  const [createdAt, id] = parsed.data;
  return { createdAt, id };
}

/** The name that a page ended with. Throws BAD_INPUT likewise. */
export function parseNameCursor(cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined;
  const parsed = namePlace.safeParse(decode(cursor));
  if (!parsed.success) throw badCursor();
  return parsed.data[0];
}

function decode(cursor: string): unknown {
  if (!/^[A-Za-z0-9_-]+$/.test(cursor)) return undefined;
  try {
    return JSON.parse(Buffer.from(cursor, "base64url").toString("utf8")) as unknown;
  } catch {
    return undefined;
  }
}

function badCursor(): OperationError {
  return new OperationError("BAD_INPUT", "cursor: not the `next` of a page of this list", {
    hint: "Leave it out to begin at the first page.",
  });
}
