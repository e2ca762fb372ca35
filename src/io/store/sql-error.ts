import { StoreError } from "./error.ts";

const unreachable = /^(?:08|57P0|53300)/;
const networkCodes = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "ENOENT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
]);
const lostConnection =
  /connection (?:terminated|ended|refused|timeout)|timeout expired|client has encountered|timeout exceeded when trying to connect/i;

/** A failure of either database as a StoreError; `code` is an SQLSTATE or a code of the network. */
export function sqlError(
  failure: { message: string; code?: string | undefined; detail?: string | undefined },
  cause?: unknown,
): StoreError {
  const { code, message } = failure;
  const text = failure.detail === undefined ? message : `${message} (${failure.detail})`;
  const more = cause === undefined ? {} : { cause };
  if (code === "57014" || /query read timeout/i.test(message)) {
    return new StoreError("TIMEOUT", `a statement took too long: ${text}`, { retry: true, ...more });
  }
  if (code === "53100" || code === "ENOSPC" || /no space left/i.test(message)) {
    return new StoreError("DISK", `the database cannot write: ${text}`, {
      retry: true,
      hint: "Free space on the disk; nothing is lost.",
      ...more,
    });
  }
  if ((code !== undefined && (unreachable.test(code) || networkCodes.has(code))) || lostConnection.test(message)) {
    return new StoreError("UNAVAILABLE", `the database cannot be reached: ${text}`, { retry: true, ...more });
  }
  const retry = code === "40001" || code === "40P01" || code === "55P03";
  return new StoreError("QUERY", code === undefined ? text : `${text} [${code}]`, { retry, ...more });
}
