import { setTimeout as delay } from "node:timers/promises";

/** A moment: milliseconds since 1970-01-01T00:00:00Z. */
export type Instant = number;

/** Where time comes from; passed in, so that tests own it. */
export interface Clock {
  now(): Instant;
  /** Resolves after `ms` milliseconds; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms, signal) => {
    await delay(ms, undefined, signal ? { signal } : {});
  },
};

/** A clock that stands still until it is told to move; `sleep` moves it and returns at once. */
export function manualClock(start: Instant): Clock & { advance(ms: number): void } {
  let current = start;
  return {
    now: () => current,
    advance: (ms) => {
      current += ms;
    },
    sleep: (ms) => {
      current += ms;
      return Promise.resolve();
    },
  };
}
