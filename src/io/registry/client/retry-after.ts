import { RegistryError } from "../error.ts";
import type { Answer } from "./transport.ts";

/** Milliseconds; a registry that wants to be left alone for longer is left to the queue. */
const longestMs = 60_000;

/** For how many milliseconds an answer asks to be left alone; undefined where it does not say. RFC 9110, 10.2.3. */
export function retryAfterMs(answer: Answer, now: number): number | undefined {
  const said = answer.header("retry-after");
  if (said === undefined) return undefined;
  const seconds = /^\d{1,9}$/.test(said) ? Number(said) : (Date.parse(said) - now) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds * 1000) : undefined;
}

/** Whether the same may be tried again soon enough to wait for it. */
export function mayRepeat(error: unknown): error is RegistryError {
  return error instanceof RegistryError && error.retry && !isTooLong(error.retryAfterMs);
}

export function isTooLong(after: number | undefined): boolean {
  return after !== undefined && after > longestMs;
}
