import { AppError, type ErrorDetail } from "../../lib/index.ts";

export type RegistryCode =
  | "UNREACHABLE"
  | "UNAUTHORIZED"
  | "DENIED"
  | "NOT_FOUND"
  | "REFUSED_ADDRESS"
  | "REFUSED_REDIRECT"
  | "REFUSED_REALM"
  | "INSECURE"
  | "BAD_ANSWER"
  | "WRONG_BYTES"
  | "WRONG_SIZE"
  | "BLOB_UNKNOWN"
  | "TAG_MOVED"
  | "LOST_UPDATE"
  | "THROTTLED"
  | "SERVER_ERROR"
  | "REJECTED"
  | "TIMEOUT"
  | "BUDGET_SPENT"
  | "BAD_CREDENTIALS"
  | "BAD_LAYOUT"
  | "BAD_ARCHIVE"
  | "BAD_STORE"
  | "NO_PLATFORM";

/** What can go wrong with images outside: registries, layout folders, docker archives, the embedded registry's folder. */
export class RegistryError extends AppError<RegistryCode> {
  /** For how many milliseconds the registry wants to be left alone, where it said so. */
  readonly retryAfterMs: number | undefined;

  constructor(code: RegistryCode, message: string, detail: RegistryErrorDetail = {}) {
    super(code, message, detail);
    this.retryAfterMs = detail.retryAfterMs;
  }
}

interface RegistryErrorDetail extends ErrorDetail {
  readonly retryAfterMs?: number | undefined;
}
