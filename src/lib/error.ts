/** What an error carries beside its message. */
export interface ErrorDetail {
  /** What the reader can do about it, as a sentence. */
  readonly hint?: string;
  /** Whether doing the same again later may succeed. Only the queue reads it. */
  readonly retry?: boolean;
  readonly cause?: unknown;
}

/** An expected failure: a `code` from a closed union, the thing and place in the message, what to do in `hint`. */
export class AppError<Code extends string = string> extends Error {
  readonly code: Code;
  readonly hint: string | undefined;
  readonly retry: boolean;

  constructor(code: Code, message: string, detail: ErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = new.target.name;
    this.code = code;
    this.hint = detail.hint;
    this.retry = detail.retry ?? false;
  }
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
