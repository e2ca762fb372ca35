import type { ColumnType } from "kysely";
import type { Instant } from "../../lib/index.ts";

/** timestamptz: read as an Instant, written by `timestamp()`. */
export type Time = ColumnType<Instant, string, string>;
export type MaybeTime = ColumnType<Instant | null, string | null | undefined, string | null>;
/** jsonb: read as a value, written by `json()`. */
export type Json<T> = ColumnType<T, string, string>;
/** A column with a default. */
export type Default<T> = ColumnType<T, T | undefined, T>;

/** Facts that are of use to their writer and to people, and to no query. */
export type Detail = Readonly<Record<string, unknown>>;

/** An error as it is kept in a row. */
export interface StoredError {
  readonly code: string;
  readonly message: string;
  readonly hint: string | null;
}
