import { mkdir, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { digestHex, sha256 } from "../../lib/index.ts";
import { downloadFeed, type Validators } from "./download-feed.ts";
import { FeedError } from "./error.ts";
import type { IngestJob } from "./ingest/ingest.ts";
import { runIngest } from "./ingest/run-ingest.ts";
import type { ReadingState, Taken } from "./read-new.ts";
import type { FeedConfig, FeedLimits } from "./types.ts";

/** What was seen of one ecosystem of a bucket. */
export interface BucketSource extends Validators {
  /** Digest of its list of changes, in hexadecimal: which records the generation in use has. */
  readonly list: string;
}

interface Listed {
  readonly ecosystem: string;
  readonly source: BucketSource;
  /** Ids that are new, changed or gone since the list that is held; undefined where all have to be read. */
  readonly changed: readonly string[] | undefined;
  /** Ids that are listed now. */
  readonly ids: ReadonlyMap<string, string>;
  readonly before: ReadonlyMap<string, string> | undefined;
}

/** With more changes than this in an ecosystem, its archive is quicker than each record by itself. */
const mostChanges = 500;
const atOnce = 6;
const ecosystemShape = /^[A-Za-z0-9][A-Za-z0-9 ._:-]{0,99}$/;
const lineShape = /^([^,\s]{1,64}),([A-Za-z0-9][A-Za-z0-9._:-]{0,127})$/;
const maxBadShare = 0.1;

/** Where the list of changes of this digest is kept. */
export function listFile(list: string): string {
  return `${list}.csv`;
}

/**
 * Reads a bucket as OSV's is laid out: of each ecosystem `modified_id.csv` (time and id of every record, newest first), `all.zip`, and each record as `ID.json`. Only what is listed
 * as changed is asked for where that is little.
 */
export async function readBucket(
  { location, ecosystems = [] }: FeedConfig,
  { home, held, limits, job }: ReadingState & { readonly job: Omit<IngestJob, "sources"> },
  signal: AbortSignal,
): Promise<Taken> {
  if (ecosystems.length === 0)
    throw new FeedError("FEED_BROKEN", `${location} is the root of a bucket, and no ecosystem of it is named`, {
      hint: "Name what the fleet is made of: `ecosystems: [Debian, npm]`.",
    });
  const listed: Listed[] = [];
  for (const ecosystem of ecosystems) {
    if (!ecosystemShape.test(ecosystem))
      throw new FeedError("FEED_BROKEN", `${ecosystem.slice(0, 100)} is no ecosystem's name`);
    const known = held?.sources?.[ecosystem];
    listed.push(await readList({ location, ecosystem, home, limits, known }, signal));
  }
  const isSame = listed.every(({ changed }) => changed?.length === 0);
  const before = Object.keys(held?.sources ?? {});
  if (held !== undefined && isSame && before.length === listed.length) return { kind: "unchanged" };

  const sources = Object.fromEntries(listed.map(({ ecosystem, source }) => [ecosystem, source]));
  const isWhole =
    held === undefined || listed.every(({ changed }) => changed === undefined) || before.length !== listed.length;
  const paths: string[] = [];
  const changed = new Set<string>();
  for (const [at, one] of listed.entries()) {
    const folder = `${location}${encodeURIComponent(one.ecosystem)}/`;
    const path = join(home, `changed-${at}.part`);
    const present = one.changed?.filter((id) => one.ids.has(id)) ?? [];
    if (!isWhole && one.changed !== undefined && (await fetchRecords(folder, present, path, limits, signal))) {
      if (present.length > 0) paths.push(path);
      for (const id of one.changed) changed.add(id);
    } else {
      const archive = join(home, `all-${at}.part`);
      await downloadFeed(`${folder}all.zip`, archive, {}, limits, signal);
      paths.push(archive);
      for (const id of [...one.ids.keys(), ...(one.before?.keys() ?? [])]) changed.add(id);
    }
  }
  const part = isWhole ? {} : { changed: [...changed] };
  return {
    kind: "taken",
    ingested: await runIngest({ ...job, sources: paths, ...part }, signal),
    sources,
    isPart: !isWhole,
  };
}

async function readList(
  from: {
    readonly location: string;
    readonly ecosystem: string;
    readonly home: string;
    readonly limits: FeedLimits;
    readonly known: BucketSource | undefined;
  },
  signal: AbortSignal,
): Promise<Listed> {
  const { location, ecosystem, home, limits, known } = from;
  const address = `${location}${encodeURIComponent(ecosystem)}/modified_id.csv`;
  const path = join(home, "list.part");
  const text = known && (await readFile(join(home, listFile(known.list)), "utf8").catch(() => undefined));
  const isUsable = known !== undefined && text !== undefined && digestHex(sha256(text)) === known.list;
  const before = isUsable ? parseList(text, address) : undefined;
  const download = await downloadFeed(address, path, isUsable ? known : {}, limits, signal);
  if (download.kind === "unchanged") {
    if (before === undefined || known === undefined)
      throw new FeedError("FEED_TORN", `${address}: the server says that nothing changed, and nothing is known of it`, {
        retry: true,
      });
    return { ecosystem, source: known, changed: [], ids: before, before };
  }
  const now = await readFile(path, "utf8");
  const ids = parseList(now, address);
  if (before !== undefined && ids.size < before.size / 2)
    throw new FeedError(
      "FEED_SHRUNK",
      `${address} lists ${ids.size} records, the last good one listed ${before.size}`,
      {
        hint: "If that is right, remove the feed's folder in the cache to start anew.",
      },
    );
  const list = digestHex(sha256(now));
  await rename(path, join(home, listFile(list)));
  const changes = before && changesOf(before, ids);
  const changed = changes !== undefined && changes.length <= mostChanges ? changes : undefined;
  return { ecosystem, source: { list, ...download.validators }, changed, ids, before };
}

function changesOf(before: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): string[] {
  const changed = [...now].filter(([id, time]) => before.get(id) !== time).map(([id]) => id);
  return [...changed, ...[...before.keys()].filter((id) => !now.has(id))];
}

/** By id, when it was changed last. Throws FEED_EMPTY, and FEED_BROKEN where more than a few lines are none of such a list. */
function parseList(text: string, what: string): Map<string, string> {
  const ids = new Map<string, string>();
  let bad = 0;
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const [, time, id] = lineShape.exec(line.trimEnd()) ?? [];
    if (time === undefined || id === undefined || Number.isNaN(Date.parse(time))) bad += 1;
    else if (!ids.has(id)) ids.set(id, time);
  }
  if (ids.size === 0 && bad === 0) throw new FeedError("FEED_EMPTY", `${what} is empty`, { retry: true });
  if (bad > maxBadShare * (ids.size + bad))
    throw new FeedError("FEED_BROKEN", `${what}: ${bad} of ${ids.size + bad} lines are no time and id`);
  return ids;
}

/** Brings records to the folder `path`, each by itself; whether all could be had: one that is listed and not there is in the archive. */
async function fetchRecords(
  folder: string,
  ids: readonly string[],
  path: string,
  limits: FeedLimits,
  signal: AbortSignal,
): Promise<boolean> {
  await mkdir(path);
  const waiting = [...ids];
  const small = { ...limits, download: limits.record };
  const worker = async (): Promise<void> => {
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      const name = `${encodeURIComponent(id)}.json`;
      await downloadFeed(`${folder}${name}`, join(path, name), {}, small, signal);
    }
  };
  try {
    await Promise.all(Array.from({ length: atOnce }, worker));
    return true;
  } catch (error) {
    if (!(error instanceof FeedError)) throw error;
    signal.throwIfAborted();
    return false;
  } finally {
    waiting.length = 0;
  }
}
