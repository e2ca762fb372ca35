import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** A moment: milliseconds since 1970-01-01T00:00:00Z. */
export type Instant = number;

/** Where time comes from; passed in, so that tests own it. */
export interface Clock {
  now(): Instant;
  /** Resolves after `ms` milliseconds; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** A clock that nobody sets, where there is one: without it `now` is believed. */
  steady?(): SteadyMoment;
}

/** Milliseconds that a machine has run, and since which start. Moments of one start can be told apart whatever the time of day was set to meanwhile. */
export interface SteadyMoment {
  readonly start: string;
  readonly ms: number;
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms, signal) => {
    await delay(ms, undefined, signal ? { signal } : {});
  },
  // The kernel's own count: what containers are shown as their uptime differs between those of one machine.
  steady: () => ({ start: (machineStart ??= readMachineStart()), ms: Number(process.hrtime.bigint() / 1_000_000n) }),
};

let machineStart: string | undefined;

function readMachineStart(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    // Where machines do not say, each process is a start of its own.
    return `${process.pid}-${Date.now()}`;
  }
}

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
