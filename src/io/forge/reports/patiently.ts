import { setTimeout as sleep } from "node:timers/promises";
import { ForgeError } from "../error.ts";

const pausesMs = [1000, 4000, 15_000] as const;
const longestMs = 90_000;

/**
 * Does what may be done twice until it succeeds: again after a failure that says so, no sooner than the forge asks for (RFC 9110, 10.2.3), and only while that is within 90 seconds of the start. Throws the failure
 * that was last.
 */
export async function patiently<T>(effect: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
  const end = performance.now() + longestMs;
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await effect(signal);
    } catch (error) {
      const pause = pausesMs[attempt];
      if (!(error instanceof ForgeError) || !error.retry || pause === undefined) throw error;
      const wait = Math.max(pause, error.afterMs ?? 0);
      if (performance.now() + wait > end) throw error;
      await sleep(wait, undefined, { signal });
    }
  }
}
