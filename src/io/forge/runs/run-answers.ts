import type { RunLater, StartedRun } from "../../../core/external/index.ts";
import { ForgeError } from "../error.ts";

/** What an API that could not be asked now says of a run; throws what is no failure of it, an abort among them. */
export function laterOr<T>(error: unknown, denied: (error: ForgeError) => T): RunLater | T {
  if (!(error instanceof ForgeError)) throw error;
  if (error.retry || error.code === "UNREACHABLE")
    return { kind: "later", reason: error.message, afterMs: error.afterMs };
  return denied(error);
}

/** What a start that an API refused comes to. `hint` is for tokens that may not. */
export function refusedStart(error: unknown, hint: string): Extract<StartedRun, { kind: "refused" | "later" }> {
  return laterOr(error, ({ code, message, hint: own }) => ({
    kind: "refused",
    reason: message,
    hint: code === "DENIED" || code === "UNKNOWN" ? hint : own,
  }));
}

/** Whether a text has the name of a run in it, as a word of its own: the name of one attempt begins that of the next. */
export function namesRun(text: string | null | undefined, name: string): boolean {
  const at = (text ?? "").indexOf(name);
  if (at < 0) return false;
  const isPart = (letter: string | undefined): boolean => letter !== undefined && /[\w-]/.test(letter);
  return !isPart(text?.[at - 1]) && !isPart(text?.[at + name.length]);
}
