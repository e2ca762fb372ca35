import { AppError } from "../lib/index.ts";

/** What asking for an operation can fail with; an operation's own failures keep the codes of their folders. */
export class OperationError extends AppError<
  /** The input breaks its schema. */
  | "BAD_INPUT"
  /** No such image, environment, digest or rebuild. */
  | "NOT_FOUND"
  /** A rule or policy forbids it. */
  | "REFUSED"
  /** Somebody else is at it, or it waits for something. */
  | "BUSY"
  /** It cannot be done here: no engine, no server, no such recipe yet. */
  | "UNSUPPORTED"
> {}
