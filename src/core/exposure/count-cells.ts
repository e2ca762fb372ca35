import { canonicalJson, type Instant } from "../../lib/index.ts";
import { bucketOf } from "./buckets.ts";
import { frameworks, type Framework } from "./slo-presets.ts";
import type { ExposureEnd } from "./types.ts";
import { isCure } from "./windows.ts";

/** One number of one day. */
export interface Cell {
  /** UTC, `2026-11-27`. */
  readonly day: string;
  /** Empty: of no environment. */
  readonly environment: string;
  /** Canonical JSON of the labels that reports group by. */
  readonly labels: string;
  readonly measure: string;
  readonly bucket: number;
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
export function cellsOf(row: CountedExposure): Cell[] {
  const { environment, detected, closed, endKind } = row;
  const labels = canonicalJson(row.labels);
  const cell = (at: Instant, measure: string, bucket = 0): Cell => ({
    day: dayOf(at),
    environment,
    labels,
    measure,
    bucket,
  });
  const cells = [cell(detected, "opened")];
  if (closed === null || endKind === null) return cells;
  // It ends no day before it began, whatever the clock said.
  const end = Math.max(closed, detected);
  cells.push(cell(end, `closed:${endKind}`));
  cells.push(closed < detected ? cell(end, "skewed") : cell(end, "exposed", bucketOf(closed - detected)));
  if (isCure(endKind) && row.fixAvailable !== null && closed >= detected)
    cells.push(cell(end, "fix", bucketOf(closed - Math.max(row.fixAvailable, detected))));
  for (const framework of frameworks) {
    const due = row.due[framework];
    if (due === undefined) continue;
    if (closed > due) cells.push(cell(end, `missed:${framework}`));
    else if (isCure(endKind)) cells.push(cell(end, `met:${framework}`));
  }
  return cells;
}

/** What a rebuild counts for, on the day when it ended. */
export function cellsOfRebuild({ state, finished, labels, closed }: CountedRebuild): Cell[] {
  const cell = { day: dayOf(finished), environment: "", labels: canonicalJson(labels), bucket: 0 };
  return [
    { ...cell, measure: `rebuild:${state}` },
    ...(closed === 0 ? [{ ...cell, measure: "rebuild-closed-nothing" }] : []),
  ];
}

/** How much each cell changes where some rows are there no more, and others came. */
export function countChanges(
  gone: readonly Cell[],
  came: readonly Cell[],
): { readonly cell: Cell; readonly n: number }[] {
  const changes = new Map<string, { cell: Cell; n: number }>();
  const add = (cell: Cell, by: number): void => {
    const key = canonicalJson(cell);
    const known = changes.get(key);
    if (known === undefined) changes.set(key, { cell, n: by });
    else known.n += by;
  };
  for (const cell of gone) add(cell, -1);
  for (const cell of came) add(cell, 1);
  return [...changes].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, change]) => (change.n === 0 ? [] : [change]));
}

/** The day of a moment, UTC. */
export function dayOf(at: Instant): string {
  return new Date(at).toISOString().slice(0, 10);
}
