import { STATUS_CODES } from "node:http";
import { AppError } from "../lib/index.ts";

/** HTTP status by error code, here and nowhere else. A code that is not named is a failure of the server's work: 500. */
const statusOfCode: Readonly<Record<string, number>> = {
  BAD_INPUT: 400,
  BAD_EVENT: 400,
  BAD_KEY: 400,
  BAD_REFERENCE: 400,
  BAD_PLATFORM: 400,
  BAD_DIGEST: 400,
  BAD_IDENTITY: 400,
  BAD_ROOT: 400,
  CONFIG_MISSING: 400,
  CONFIG_INVALID: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  REFUSED_ADDRESS: 403,
  ROLE_MISSING: 403,
  OUT_OF_SCOPE: 403,
  NOT_FOUND: 404,
  IMAGE_NOT_FOUND: 404,
  NO_SUCH_PATH: 404,
  NO_SUCH_IMAGE: 404,
  REFUSED: 409,
  BUSY: 409,
  LOCKED: 409,
  KEY_BUSY: 409,
  ANSWERED: 409,
  OUTCOME_UNKNOWN: 409,
  ANSWER_NOT_KEPT: 409,
  TOO_SLOW: 408,
  TOO_LARGE: 413,
  UNSATISFIABLE: 422,
  KEY_REUSED: 422,
  TOO_MANY: 429,
  UNSUPPORTED: 501,
  UNREACHABLE: 502,
  UNAVAILABLE: 503,
  ISSUER_UNAVAILABLE: 503,
  NO_MIRROR: 503,
  NO_PACKAGES: 503,
};

/** A failure as Problem Details (RFC 9457), with our code, and what to do, beside its own members. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly hint: string | null;
}

/** An error as it is answered. */
export interface ErrorAnswer {
  readonly status: number;
  readonly body: Problem;
}

export const problemType = "application/problem+json";

/** `thrown` as an answer. What was not expected is only told to the log: its message may hold anything. */
export function errorAnswer(thrown: unknown): ErrorAnswer {
  if (!(thrown instanceof AppError))
    return problem(500, "INTERNAL", "something unexpected happened", "The server's log says more.");
  return problem(statusOfCode[thrown.code] ?? 500, thrown.code, thrown.message, thrown.hint ?? null);
}

function problem(status: number, code: string, detail: string, hint: string | null): ErrorAnswer {
  const title = STATUS_CODES[status] ?? "Error";
  return { status, body: { type: `urn:tidemill:error:${code}`, title, status, detail, code, hint } };
}
