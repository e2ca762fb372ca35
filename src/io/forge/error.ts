import { AppError, type ErrorDetail } from "../../lib/index.ts";

export class ForgeError extends AppError<
  /** It did not answer, or not as one. */
  | "UNREACHABLE"
  /** It wants a token, or another one. */
  | "DENIED"
  /** It has no such repository, or does not show it to this token. */
  | "UNKNOWN"
  /** It was asked too often. */
  | "RATE_LIMITED"
  /** It does not take what it was asked to do. */
  | "REFUSED"
> {
  /** How long the forge wants to be left alone, in milliseconds. */
  readonly afterMs: number | undefined;

  constructor(code: ForgeError["code"], message: string, detail: ErrorDetail & { readonly afterMs?: number } = {}) {
    super(code, message, detail);
    this.afterMs = detail.afterMs;
  }
}
