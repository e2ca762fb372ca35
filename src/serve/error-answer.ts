import { AppError } from "../lib/index.ts";

/** HTTP status by error code, here and nowhere else. A code that is not named is a failure of the server's work: 500. */
const statusOfCode: Readonly<Record<string, number>> = {
  BAD_INPUT: 400,
  BAD_REFERENCE: 400,
  BAD_PLATFORM: 400,
  BAD_DIGEST: 400,
  BAD_EVENT: 400,
  CONFIG_MISSING: 400,
  CONFIG_INVALID: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  ROLE_MISSING: 403,
  OUT_OF_SCOPE: 403,
  NOT_FOUND: 404,
  IMAGE_NOT_FOUND: 404,
  NO_SUCH_PATH: 404,
  NO_SUCH_IMAGE: 404,
  REFUSED: 409,
  BUSY: 409,
  LOCKED: 409,
  TOO_SLOW: 408,
  TOO_LARGE: 413,
  UNSATISFIABLE: 422,
  TOO_MANY: 429,
  UNSUPPORTED: 501,
  UNAVAILABLE: 503,
  NO_MIRROR: 503,
  NO_PACKAGES: 503,
};

/** An error as it is answered. */
export interface ErrorAnswer {
  readonly status: number;
  readonly body: { readonly error: { readonly code: string; readonly message: string; readonly hint: string | null } };
}

/** `thrown` as an answer. What was not expected is only told to the log: its message may hold anything. */
export function errorAnswer(thrown: unknown): ErrorAnswer {
  if (!(thrown instanceof AppError)) {
    const hint = "The server's log says more.";
    return { status: 500, body: { error: { code: "INTERNAL", message: "something unexpected happened", hint } } };
  }
  const status = statusOfCode[thrown.code] ?? 500;
  return { status, body: { error: { code: thrown.code, message: thrown.message, hint: thrown.hint ?? null } } };
}
