/** Lengths of time in whole seconds, in no order. */
export type Seconds = readonly number[];

/** The longest that is told apart: what a database keeps in four bytes, 68 years. */
const longest = 2 ** 31 - 1;

/** A length of time in milliseconds as whole seconds; never negative. */
export function secondsOf(ms: number): number {
  return Math.min(longest, Math.max(0, Math.floor(ms / 1000)));
}

/** Some lengths of time, in seconds; null where there is none. */
export interface Lengths {
  readonly count: number;
  readonly median: number | null;
  readonly p95: number | null;
}

/** Median and 95th percentile of all of them, by nearest rank, to the second. */
export function lengthsOf(all: Iterable<Seconds>): Lengths {
  const parts = [...all];
  const sorted = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) for (const seconds of part) sorted[at++] = seconds;
  sorted.sort();
  return { count: sorted.length, median: nearestRank(sorted, 0.5), p95: nearestRank(sorted, 0.95) };
}

function nearestRank(sorted: Int32Array, share: number): number | null {
  return sorted[Math.max(1, Math.ceil(sorted.length * share)) - 1] ?? null;
}
