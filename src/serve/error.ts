import { AppError } from "../lib/index.ts";

/** What asking over HTTP can fail with, beside the operations' own codes. */
export class ServeError extends AppError<
  /** No token, or not the right one. */
  | "UNAUTHORIZED"
  /** A Host or Origin that is not ours: another site's page, or a name that was made to point here. */
  | "FORBIDDEN"
  /** The caller's roles do not allow it. */
  | "ROLE_MISSING"
  /** The caller is limited to other images. */
  | "OUT_OF_SCOPE"
  /** No such path, or no such operation. */
  | "NO_SUCH_PATH"
  /** An Idempotency-Key that is none. */
  | "BAD_KEY"
  /** An Idempotency-Key that was used for something else. */
  | "KEY_REUSED"
  /** The first request with an Idempotency-Key goes on. */
  | "KEY_BUSY"
  /** The process that took a keyed request on ended before it answered. */
  | "OUTCOME_UNKNOWN"
  /** A keyed request was done, and its answer not kept. */
  | "ANSWER_NOT_KEPT"
  /** The request's body is larger than the limit. */
  | "TOO_LARGE"
  /** Too many listen already, or too much waits. */
  | "TOO_MANY"
  /** A delivery to a webhook that has not the form of its sender's events. */
  | "BAD_EVENT"
  /** A run of a pipeline has been answered for, or is not waited for any more. */
  | "ANSWERED"
  /** A body that did not come in time. */
  | "TOO_SLOW"
  /** Certificate and key of `server.tls` cannot be used. */
  | "BAD_CERTIFICATE"
  /** An address at which nothing can listen. */
  | "CANNOT_LISTEN"
  /** Others could reach an address, and read what goes there. */
  | "OPEN_ADDRESS"
  /** The server of the lock file does not answer. */
  | "SERVER_UNREACHABLE"
  /** The server answered what this version does not understand. */
  | "BAD_ANSWER"
> {}
