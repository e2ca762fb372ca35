import { AppError } from "../../lib/index.ts";

export class StoreError extends AppError<
  /** Another process holds the directory; the message names its pid and address. */
  | "LOCKED"
  /** The directory was taken over by another process while we stood still. */
  | "LOCK_LOST"
  /** A statement took longer than its bound. */
  | "TIMEOUT"
  /** The database cannot be reached, or its worker ended. */
  | "UNAVAILABLE"
  /** A migration that was applied has been edited, or a newer version wrote this database. */
  | "BAD_MIGRATION"
  /** The directory's files are torn and no snapshot can stand in. */
  | "DAMAGED"
  /** No space, or the directory cannot be written. */
  | "DISK"
  /** A backup is cut off, changed, or of a newer version. */
  | "BAD_BACKUP"
  /** A row that must be there is not. */
  | "NOT_FOUND"
  /** The statement was refused by the database: a mistake of ours. */
  | "QUERY"
> {}
