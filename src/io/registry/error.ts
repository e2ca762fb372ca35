import { AppError } from "../../lib/index.ts";

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
export class RegistryError extends AppError<RegistryCode> {}
