import { statSync } from "node:fs";
import { advisoryKey, type Advisory } from "../../../core/advisory/index.ts";
import type { Instant } from "../../../lib/index.ts";
import { FeedError } from "../error.ts";
import { keyText, splitRows, type GenerationMeta } from "../generation/format.ts";
import { OpenGeneration } from "../generation/open-generation.ts";
import { RowSorter, type SortedRow } from "../generation/row-sorter.ts";
import { writeGeneration } from "../generation/write-generation.ts";
import type { FeedKind, FeedLimits } from "../types.ts";
import { ingestSignals } from "./ingest-signals.ts";
import { readRecords, type AdvisoryKind } from "./read-records.ts";

/** One making of a generation from files that are there. */
export interface IngestJob {
  readonly kind: FeedKind;
  /** How the feed is called in errors. */
  readonly what: string;
  readonly sources: readonly string[];
  /** Where the generation is written, and what it needs meanwhile. */
  readonly folder: string;
  readonly ecosystems?: readonly string[] | undefined;
  readonly limits: FeedLimits;
  readonly now: Instant;
  /** The generation in use: of a record that is bad now, what was good in it is kept. */
  readonly held?: string | undefined;
  /** Only these ids are in `sources`, or are gone: all else is taken over from `held`. */
  readonly changed?: readonly string[] | undefined;
  /** What the generation in use has, for telling whether this one lost too much. */
  readonly before?: Pick<GenerationMeta, "advisories" | "ecosystems"> | undefined;
}

export interface Ingested {
  readonly meta: GenerationMeta;
  /** Records that were read, those without anything of the ecosystems too. */
  readonly records: number;
  readonly bad: number;
  /** The first few records that were set aside, one sentence each. */
  readonly problems: readonly string[];
  /** The newest change: of the records, or of the file where records have no time. */
  readonly newest: Instant | undefined;
}

const maxProblems = 20;
/** More bad records than this share (and than ten) are no accident of the source: its schema changed. */
const maxBadShare = 0.1;
/** Ecosystems with fewer rows than this may shrink as they like. */
const fewRows = 100;

/**
 * Reads every record of the job and writes the generation. A record that breaks its schema is set aside and counted, and what was known of it stays; a feed that is torn, empty,
 * oversized, of another schema or half as large as it was throws, and nothing is written. A change that is dated after `now` counts for nothing: it would keep an old feed
 * young. Blocks its thread: for a worker.
 */
export function ingest(job: IngestJob): Ingested {
  const { kind } = job;
  return kind === "kev" || kind === "epss" ? ingestSignals(job) : ingestAdvisories(job, kind);
}

function ingestAdvisories(job: IngestJob, kind: AdvisoryKind): Ingested {
  const { limits, what, now, folder } = job;
  const sorter = new RowSorter(folder);
  const problems: string[] = [];
  const badIds = new Set<string>();
  let bad = 0;
  let records = 0;
  let newest: Instant | undefined;
  const options = {
    limits,
    ecosystems: job.ecosystems && new Set(job.ecosystems.map((name) => name.toLowerCase())),
  };
  try {
    for (const source of job.sources) {
      for (const parsed of readRecords(kind, source, options, what)) {
        if (parsed.kind === "bad") {
          bad += 1;
          if (parsed.id !== undefined) badIds.add(parsed.id);
          if (problems.length < maxProblems) problems.push(`${parsed.id ?? "a record without id"}: ${parsed.problem}`);
          continue;
        }
        const { advisory } = parsed;
        records += 1;
        if (records > limits.records)
          throw new FeedError("FEED_TOO_LARGE", `${what} has more than ${limits.records} records`);
        if (advisory.modified !== undefined && advisory.modified <= now)
          newest = Math.max(newest ?? 0, advisory.modified);
        addRows(sorter, advisory);
      }
    }
    if (job.changed === undefined) {
      if (records === 0 && bad === 0) throw new FeedError("FEED_EMPTY", `${what} is empty`, { retry: true });
      refuseBroken(job, { records, bad, rows: sorter.rows, problem: problems[0] });
    }
    const carried = carry(job, badIds);
    const meta = writeGeneration(
      folder,
      carried === undefined ? sorter.sorted() : merge(sorter.sorted(), carried),
      (one) => refuseShrunk(job, one),
    );
    newest ??= Math.max(...job.sources.map((path) => statSync(path).mtimeMs));
    return { meta, records, bad, problems, newest: Number.isFinite(newest) ? newest : undefined };
  } finally {
    sorter.close();
  }
}

function addRows(sorter: RowSorter, advisory: Advisory): void {
  const { affected, withdrawn, ...rest } = advisory;
  if (affected.length === 0) return;
  // Withdrawal first: the writer of the file counts by it.
  const head = withdrawn === undefined ? JSON.stringify(rest) : JSON.stringify({ withdrawn, ...rest });
  for (const one of affected) {
    const key = advisoryKey(one.ecosystem, one.name);
    sorter.add(keyText(key), { id: advisory.id, head, affected: JSON.stringify(one) });
  }
}

/** Rows of the generation in use that stay: all but the changed ones, and those of records that are bad now. Undefined where there are none. */
function carry(job: IngestJob, badIds: ReadonlySet<string>): Generator<SortedRow> | undefined {
  const { held, changed } = job;
  if (held === undefined || (changed === undefined && badIds.size === 0)) return undefined;
  const replaced = changed === undefined ? undefined : new Set(changed);
  return carriedRows(held, (id, name) => {
    // The tracker's issues are bad by source and id, or by source.
    const isBad = badIds.has(id) || badIds.has(`${name} ${id}`) || (job.kind === "debian-tracker" && badIds.has(name));
    return isBad || (replaced !== undefined && !replaced.has(id));
  });
}

function* carriedRows(path: string, stays: (id: string, name: string) => boolean): Generator<SortedRow> {
  let generation: OpenGeneration;
  try {
    generation = new OpenGeneration(path);
  } catch (error) {
    // Damaged: what is read anew stands alone.
    if (error instanceof FeedError) return;
    throw error;
  }
  try {
    for (const { key, rows } of generation.groups()) {
      const name = key.slice(0, key.indexOf("\u0001"));
      for (const { id, bytes } of splitRows(rows)) if (stays(id, name)) yield { key, id, bytes };
    }
  } finally {
    generation.close();
  }
}

/** Two sequences that are in order, as one. */
function* merge(a: Iterator<SortedRow>, b: Iterator<SortedRow>): Generator<SortedRow> {
  let [left, right] = [a.next(), b.next()];
  while (left.done !== true || right.done !== true) {
    if (right.done === true || (left.done !== true && isBefore(left.value, right.value))) {
      if (left.done !== true) yield left.value;
      left = a.next();
    } else {
      yield right.value;
      right = b.next();
    }
  }
}

function isBefore(a: SortedRow, b: SortedRow): boolean {
  return a.key < b.key || (a.key === b.key && a.id <= b.id);
}

function refuseBroken(
  { what }: IngestJob,
  read: { readonly records: number; readonly bad: number; readonly rows: number; readonly problem: string | undefined },
): void {
  const { records, bad, rows, problem } = read;
  if (rows === 0 && records > 0)
    throw new FeedError("FEED_EMPTY", `none of its ${records} records is about an ecosystem of this fleet`, {
      hint: `Are the ecosystems of ${what} those that the configuration names?`,
    });
  if (rows === 0 || (bad > 10 && bad > maxBadShare * (records + bad)))
    throw new FeedError("FEED_BROKEN", `${bad} of ${records + bad} records break the schema: ${problem ?? ""}`, {
      hint: "The feed may have changed its format. What was known before stays in use.",
    });
}

function refuseShrunk({ before }: IngestJob, now: GenerationMeta): void {
  if (before === undefined) return;
  const hint = "If that is right, remove the feed's folder in the cache to start anew.";
  if (now.advisories < before.advisories / 2)
    throw new FeedError(
      "FEED_SHRUNK",
      `it has ${now.advisories} advisories, the last good one had ${before.advisories}`,
      {
        hint,
      },
    );
  const [was, is] = [rowsByBase(before.ecosystems), rowsByBase(now.ecosystems)];
  for (const [base, rows] of was)
    if (rows >= fewRows && (is.get(base) ?? 0) < rows / 2)
      throw new FeedError(
        "FEED_SHRUNK",
        `it says ${is.get(base) ?? 0} things of ${base}, the last good one said ${rows}`,
        { hint },
      );
}

function rowsByBase(ecosystems: Readonly<Record<string, number>>): Map<string, number> {
  const rows = new Map<string, number>();
  for (const [ecosystem, count] of Object.entries(ecosystems)) {
    const base = ecosystem.split(":")[0] ?? ecosystem;
    rows.set(base, (rows.get(base) ?? 0) + count);
  }
  return rows;
}
