import { formatSeconds } from "../../lib/index.ts";
import { GitError } from "./error.ts";

/** Does `work` with a signal that also fires after `ms`; that is then thrown as TIMED_OUT, naming `what`. */
export async function withDeadline<T>(
  signal: AbortSignal,
  ms: number,
  what: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = AbortSignal.timeout(ms);
  try {
    return await work(AbortSignal.any([signal, deadline]));
  } catch (error) {
    if (signal.aborted || !deadline.aborted || error !== deadline.reason) throw error;
    throw new GitError("TIMED_OUT", `${what} took longer than ${formatSeconds(ms / 1000)}`, { retry: true });
  }
}
