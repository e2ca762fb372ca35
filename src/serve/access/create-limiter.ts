import type { Clock } from "../../lib/index.ts";

export interface Limit {
  /** How many there may be in `perMs`; as many may come at once. */
  readonly count: number;
  readonly perMs: number;
}

/** Counts by key. */
export interface Limiter {
  /** Takes one; gives the whole seconds to wait where there is none left, else undefined. */
  readonly take: (key: string) => number | undefined;
  /** As take, without taking. */
  readonly look: (key: string) => number | undefined;
}

/** Keys that are remembered: whoever comes under ever new ones must not fill the memory. */
const maxKeys = 10_000;

/** A bucket of tokens for each key, filled evenly. Of too many keys the one that was asked for least recently is forgotten. */
export function createLimiter({ count, perMs }: Limit, clock: Pick<Clock, "now">): Limiter {
  const buckets = new Map<string, { left: number; at: number }>();
  const find = (key: string): { left: number; at: number } => {
    const now = clock.now();
    const known = buckets.get(key);
    if (known === undefined) return { left: count, at: now };
    // A clock that was set back fills nothing, and takes nothing away.
    const passed = Math.max(0, now - known.at);
    return { left: Math.min(count, known.left + (passed * count) / perMs), at: now };
  };
  const waitOf = (left: number): number | undefined => {
    // Fractions of a token do not add up exactly: half a millisecond is nothing to wait for.
    const ms = ((1 - left) * perMs) / count - 0.5;
    return ms <= 0 ? undefined : Math.ceil(ms / 1000);
  };
  return {
    look: (key) => waitOf(find(key).left),
    take: (key) => {
      const bucket = find(key);
      const wait = waitOf(bucket.left);
      if (wait === undefined) bucket.left -= 1;
      buckets.delete(key);
      buckets.set(key, bucket);
      if (buckets.size > maxKeys) buckets.delete(buckets.keys().next().value ?? "");
      return wait;
    },
  };
}
