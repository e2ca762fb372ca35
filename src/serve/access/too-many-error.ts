import { ServeError } from "../error.ts";

/** TOO_MANY of one caller, with the time after which it may ask again. */
export class TooManyError extends ServeError {
  /** Whole seconds, for Retry-After. */
  readonly retryAfter: number;

  constructor(message: string, retryAfter: number) {
    super("TOO_MANY", message, { hint: `Ask again in ${retryAfter} s.`, retry: true });
    this.retryAfter = retryAfter;
  }
}
