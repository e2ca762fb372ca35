/** Up to this many minutes each has a bucket of its own; beyond, each is five in a hundred wider than the one before. */
const exactMinutes = 60;
const growth = 1.05;
const minute = 60_000;

/** The bucket of a length of time in milliseconds: lengths are counted in buckets, so that a year of a fleet is a few thousand numbers. Never negative. */
export function bucketOf(ms: number): number {
  const minutes = Math.max(0, Math.floor(ms / minute));
  if (minutes < exactMinutes) return minutes;
  return exactMinutes + Math.floor(Math.log(minutes / exactMinutes) / Math.log(growth));
}

/** The length in milliseconds that stands for a bucket: within three in a hundred of what was counted, or within a minute. */
export function lengthOf(bucket: number): number {
  if (bucket < exactMinutes) return bucket * minute;
  return Math.round(exactMinutes * growth ** (bucket - exactMinutes + 0.5)) * minute;
}

/** The length at a share of all, by nearest rank; null where there is none. `counts`: how many are in each bucket. */
export function percentile(counts: ReadonlyMap<number, number>, share: number): number | null {
  const sorted = [...counts].filter(([, n]) => n > 0).sort(([a], [b]) => a - b);
  const total = sorted.reduce((sum, [, n]) => sum + n, 0);
  if (total === 0) return null;
  let left = Math.max(1, Math.ceil(total * share));
  for (const [bucket, n] of sorted) {
    left -= n;
    if (left <= 0) return lengthOf(bucket);
  }
  return null;
}
