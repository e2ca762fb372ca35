import type { CountedDay } from "./count-days.ts";
import { lengthsOf, type Lengths } from "./lengths.ts";
import { frameworks, type Framework } from "./slo-presets.ts";
import { exposureEnds, type ExposureEnd } from "./types.ts";

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

/** Adds the days up. They are of the span, the environment and the images that are meant. */
export function measure(days: readonly CountedDay[]): Measures {
  const sums = new Map<string, number>();
  for (const { counts } of days) for (const name in counts) sums.set(name, (sums.get(name) ?? 0) + (counts[name] ?? 0));
  const of = (name: string): number => sums.get(name) ?? 0;
  const total = [...sums].reduce((sum, [name, n]) => (name.startsWith("rebuild:") ? sum + n : sum), 0);
  return {
    opened: of("opened"),
    closed: record(exposureEnds, (end) => of(`closed:${end}`)),
    fixToProduction: lengthsOf(days.map(({ fix }) => fix)),
    exposed: lengthsOf(days.map(({ exposed }) => exposed)),
    skewed: of("skewed"),
    slo: record(frameworks, (name) => ({ met: of(`met:${name}`), missed: of(`missed:${name}`) })),
    rebuilds: { total, failed: of("rebuild:failed"), closedNothing: of("rebuild-closed-nothing") },
  };
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
