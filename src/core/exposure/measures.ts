import { percentile } from "./buckets.ts";
import type { Cell } from "./count-cells.ts";
import { frameworks, type Framework } from "./slo-presets.ts";
import { exposureEnds, type ExposureEnd } from "./types.ts";

/** A cell with its number. */
export interface CountedCell extends Cell {
  readonly n: number;
}

/** Some lengths of time, in milliseconds; null where there is none. */
export interface Lengths {
  readonly count: number;
  readonly median: number | null;
  readonly p95: number | null;
}

/** What is measured of a fleet, or a part of it, in a span of days. */
export interface Measures {
  readonly opened: number;
  readonly closed: Readonly<Record<ExposureEnd, number>>;
  /** From fix available (or detected, where that came later) to the end by a cure. */
  readonly fixToProduction: Lengths;
  /** From detected to closed, however it ended. */
  readonly exposed: Lengths;
  /** Ends of which nobody knows how long it took: the clock was set. */
  readonly skewed: number;
  readonly slo: Readonly<Record<Framework, { readonly met: number; readonly missed: number }>>;
  readonly rebuilds: { readonly total: number; readonly failed: number; readonly closedNothing: number };
}

/** Adds the cells up. They are of the span, the environment and the images that are meant. */
export function measure(cells: readonly CountedCell[]): Measures {
  const sums = new Map<string, number>();
  const fix = new Map<number, number>();
  const exposed = new Map<number, number>();
  for (const { measure: name, bucket, n } of cells) {
    sums.set(name, (sums.get(name) ?? 0) + n);
    const lengths = name === "fix" ? fix : name === "exposed" ? exposed : undefined;
    lengths?.set(bucket, (lengths.get(bucket) ?? 0) + n);
  }
  const of = (name: string): number => sums.get(name) ?? 0;
  const total = [...sums].reduce((sum, [name, n]) => (name.startsWith("rebuild:") ? sum + n : sum), 0);
  return {
    opened: of("opened"),
    closed: record(exposureEnds, (end) => of(`closed:${end}`)),
    fixToProduction: lengthsOf(fix),
    exposed: lengthsOf(exposed),
    skewed: of("skewed"),
    slo: record(frameworks, (name) => ({ met: of(`met:${name}`), missed: of(`missed:${name}`) })),
    rebuilds: { total, failed: of("rebuild:failed"), closedNothing: of("rebuild-closed-nothing") },
  };
}

function lengthsOf(counts: ReadonlyMap<number, number>): Lengths {
  const count = [...counts.values()].reduce((sum, n) => sum + n, 0);
  return { count, median: percentile(counts, 0.5), p95: percentile(counts, 0.95) };
}

function record<Key extends string, Value>(keys: readonly Key[], of: (key: Key) => Value): Record<Key, Value> {
  return Object.fromEntries(keys.map((key) => [key, of(key)])) as Record<Key, Value>;
}

/** The Monday of a day's week, UTC. ISO 8601. */
export function weekOf(day: string): string {
  const at = Date.parse(`${day}T00:00:00Z`);
  const sinceMonday = (new Date(at).getUTCDay() + 6) % 7;
  return new Date(at - sinceMonday * 86_400_000).toISOString().slice(0, 10);
}

/** Of a share in hundredths; null where there is nothing to share. */
export function percentWithin(met: number, missed: number): number | null {
  return met + missed === 0 ? null : Math.round((1000 * met) / (met + missed)) / 10;
}
