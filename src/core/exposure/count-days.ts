import { canonicalJson, type Instant } from "../../lib/index.ts";
import { secondsOf, type Seconds } from "./lengths.ts";
import { frameworks, type Framework } from "./slo-presets.ts";
import type { ExposureEnd } from "./types.ts";
import { isCure } from "./windows.ts";

/** A day of one environment, and of the images that have the same labels. */
export interface Day {
  /** UTC, `2026-11-27`. */
  readonly day: string;
  /** Empty: of no environment. */
  readonly environment: string;
  /** Canonical JSON of the labels that reports group by. */
  readonly labels: string;
}

/** One thing that is counted on a day; or a length of time, in seconds. */
export interface Mark extends Day {
  readonly measure: string;
  readonly seconds?: number;
}

/** All that is counted on a day. */
export interface CountedDay extends Day {
  readonly counts: Readonly<Record<string, number>>;
  /** From fix available (or detected, where that came later) to the end by a cure. */
  readonly fix: Seconds;
  /** From detected to closed, however it ended. */
  readonly exposed: Seconds;
}

/** An exposure as far as it is counted. */
export interface CountedExposure {
  readonly environment: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly fixAvailable: Instant | null;
  readonly detected: Instant;
  readonly closed: Instant | null;
  readonly endKind: ExposureEnd | null;
  readonly due: Readonly<Partial<Record<Framework, Instant>>>;
}

export interface CountedRebuild {
  readonly state: string;
  readonly finished: Instant;
  readonly labels: Readonly<Record<string, string>>;
  readonly closed: number;
}

/**
 * What an exposure counts for: that it opened, on its first day; how it ended, how long it was and which deadlines it met, on its last. A length that the clock's setting made unknowable counts as `skewed`, in
 * no median.
 */
export function marksOf(row: CountedExposure): Mark[] {
  const { environment, detected, closed, endKind } = row;
  const labels = canonicalJson(row.labels);
  const mark = (at: Instant, measure: string): Mark => ({ day: dayOf(at), environment, labels, measure });
  const marks = [mark(detected, "opened")];
  if (closed === null || endKind === null) return marks;
  // It ends no day before it began, whatever the clock said.
  const end = Math.max(closed, detected);
  marks.push(mark(end, `closed:${endKind}`));
  if (closed < detected) marks.push(mark(end, "skewed"));
  else marks.push({ ...mark(end, "exposed"), seconds: secondsOf(closed - detected) });
  if (isCure(endKind) && row.fixAvailable !== null && closed >= detected)
    marks.push({ ...mark(end, "fix"), seconds: secondsOf(closed - Math.max(row.fixAvailable, detected)) });
  for (const framework of frameworks) {
    const due = row.due[framework];
    if (due === undefined) continue;
    if (closed > due) marks.push(mark(end, `missed:${framework}`));
    else if (isCure(endKind)) marks.push(mark(end, `met:${framework}`));
  }
  return marks;
}

/** What a rebuild counts for, on the day when it ended. */
export function marksOfRebuild({ state, finished, labels, closed }: CountedRebuild): Mark[] {
  const day = { day: dayOf(finished), environment: "", labels: canonicalJson(labels) };
  return [
    { ...day, measure: `rebuild:${state}` },
    ...(closed === 0 ? [{ ...day, measure: "rebuild-closed-nothing" }] : []),
  ];
}

/** How a day changes: by how much each count, and how many more or fewer of each length. */
export interface DayChange {
  readonly day: Day;
  readonly counts: ReadonlyMap<string, number>;
  readonly fix: ReadonlyMap<number, number>;
  readonly exposed: ReadonlyMap<number, number>;
}

/** How the days change where some marks are there no more, and others came; none of days that stay as they are. */
export function dayChanges(gone: Iterable<Mark>, came: Iterable<Mark>): DayChange[] {
  const changes = new Map<string, ReturnType<typeof newChange>>();
  const add = (mark: Mark, by: number): void => {
    const key = keyOf(mark);
    const change = changes.get(key) ?? newChange(mark);
    changes.set(key, change);
    if (mark.seconds === undefined) addTo(change.counts, mark.measure, by);
    else addTo(mark.measure === "fix" ? change.fix : change.exposed, mark.seconds, by);
  };
  for (const mark of gone) add(mark, -1);
  for (const mark of came) add(mark, 1);
  return [...changes]
    .filter(([, { counts, fix, exposed }]) => counts.size + fix.size + exposed.size > 0)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, change]) => change);
}

function newChange({ day, environment, labels }: Day) {
  return {
    day: { day, environment, labels },
    counts: new Map<string, number>(),
    fix: new Map<number, number>(),
    exposed: new Map<number, number>(),
  };
}

function addTo<Key>(counts: Map<Key, number>, key: Key, by: number): void {
  const sum = (counts.get(key) ?? 0) + by;
  if (sum === 0) counts.delete(key);
  else counts.set(key, sum);
}

/** A day after a change; `known` is what was counted on it. */
export function applyDayChange(known: CountedDay | undefined, change: DayChange): CountedDay {
  const counts = new Map(Object.entries(known?.counts ?? {}));
  for (const [measure, by] of change.counts) addTo(counts, measure, by);
  return {
    ...change.day,
    counts: Object.fromEntries(counts),
    fix: applyLengths(known?.fix ?? [], change.fix),
    exposed: applyLengths(known?.exposed ?? [], change.exposed),
  };
}

function applyLengths(known: Seconds, changes: ReadonlyMap<number, number>): number[] {
  const left = new Map(changes);
  const kept = known.filter((seconds) => {
    const change = left.get(seconds) ?? 0;
    if (change < 0) left.set(seconds, change + 1);
    return change >= 0;
  });
  for (const [seconds, more] of left) for (let count = more; count > 0; count -= 1) kept.push(seconds);
  return kept;
}

/** What tells a day from all others. */
export function keyOf({ day, environment, labels }: Day): string {
  return JSON.stringify([day, environment, labels]);
}

/** The day of a moment, UTC. */
function dayOf(at: Instant): string {
  return new Date(at).toISOString().slice(0, 10);
}
