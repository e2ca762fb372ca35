import { readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { AdvisoryKey } from "../../core/advisory/index.ts";
import { digestHex, messageOf, sha256, writeFileDurable, type Clock, type Instant } from "../../lib/index.ts";
import { FeedError } from "./error.ts";
import { diffGenerations, OpenGeneration } from "./generation/open-generation.ts";
import { generationFile } from "./generation/write-generation.ts";
import type { IngestJob } from "./ingest/ingest.ts";
import { SignalTable, signalFile } from "./ingest/signal-table.ts";
import { listFile } from "./read-bucket.ts";
import { readNew } from "./read-new.ts";
import { defaultFeedLimits, type FeedConfig, type FeedKind, type FeedLimits, type FeedStatus } from "./types.ts";

/** A feed whose newest change, or last good reading, is older than this raises an alarm. */
/** The distributions' own. */
const ownWords: ReadonlySet<FeedKind> = new Set(["debian-tracker", "secdb"]);
const week = 7 * 24 * 3600 * 1000;
/** CISA adds to its catalogue when there is cause, not every week. */
const staleAfter: Partial<Record<FeedKind, number>> = { kev: 30 * 24 * 3600 * 1000 };
/** Generations that stay on disk beside the one in use: what changed since then can be told. */
const keptGenerations = 2;

/** One configured feed and the generation of it that is in use. */
export interface Feed {
  readonly name: string;
  readonly kind: FeedKind;
  /** Whether its word that something is closed counts alone. */
  readonly isStrong: boolean;
  /** Looks for a new generation, once however many ask at a time; takes it only when it is whole. Never throws for what the feed does wrong: that is an alarm in the status. */
  refresh(signal?: AbortSignal): Promise<FeedStatus>;
  /** The generation in use, open for looking up; undefined before there is one. Whether it is old is in the status. */
  load(): Promise<{
    readonly status: FeedStatus;
    readonly generation: OpenGeneration | undefined;
    /** Of `kev` and `epss`, in place of a generation. */
    readonly signals: SignalTable | undefined;
  }>;
  /** The keys of which the generation in use says something else than that of this name did; undefined where that one is not there any more: then all may have changed. */
  changedSince(content: string): Promise<readonly AdvisoryKey[] | undefined>;
  /** Takes away the generation in use, which was found to be damaged: it is read anew at the next look. */
  discard(): Promise<void>;
}

const generationShape = z.object({
  version: z.literal(3),
  location: z.string(),
  ecosystems: z.array(z.string()).optional(),
  content: z.string().regex(/^[0-9a-f]{64}$/),
  advisories: z.number(),
  bad: z.number(),
  problems: z.array(z.string()),
  newest: z.number().optional(),
  checked: z.number(),
  etag: z.string().optional(),
  lastModified: z.string().optional(),
  failure: z.string().optional(),
  /** Of a bucket, what was seen of each ecosystem. */
  sources: z
    .record(
      z.string(),
      z.object({
        list: z.string().regex(/^[0-9a-f]{64}$/),
        etag: z.string().optional(),
        lastModified: z.string().optional(),
      }),
    )
    .optional(),
});
export type Generation = z.infer<typeof generationShape>;

/** A feed that keeps its generations in `folder`. */
export function createFeed(
  config: FeedConfig,
  folder: string,
  clock: Pick<Clock, "now">,
  limits: FeedLimits = defaultFeedLimits,
): Feed {
  const home = join(folder, digestHex(sha256(config.name)).slice(0, 16));
  const ecosystems = config.ecosystems && [...new Set(config.ecosystems.map((name) => name.toLowerCase()))].sort();
  const isSignals = config.kind === "kev" || config.kind === "epss";
  const pathOf = (content: string): string => join(home, isSignals ? signalFile(content) : generationFile(content));
  let opened: { readonly content: string; readonly generation: OpenGeneration | SignalTable } | undefined;

  const current = async (): Promise<Generation | undefined> => {
    const text = await readFile(join(home, "generation.json"), "utf8").catch(() => undefined);
    const parsed = generationShape.safeParse(text === undefined ? undefined : parseJson(text));
    const isOurs = parsed.success && parsed.data.location === config.location;
    return isOurs && parsed.data.ecosystems?.join() === ecosystems?.join() ? parsed.data : undefined;
  };
  const save = (generation: Generation): Promise<void> =>
    writeFileDurable(join(home, "generation.json"), JSON.stringify(generation));
  const close = (): void => {
    if (opened?.generation instanceof OpenGeneration) opened.generation.close();
  };
  const open = (content: string): OpenGeneration | SignalTable | undefined => {
    if (opened?.content === content) return opened.generation;
    try {
      const generation = isSignals ? new SignalTable(pathOf(content)) : new OpenGeneration(pathOf(content));
      close();
      opened = { content, generation };
      return generation;
    } catch (error) {
      if (error instanceof FeedError) return undefined;
      throw error;
    }
  };
  // Where there is no generation yet, nothing on disk can say why.
  let firstFailure: string | undefined;
  const statusOf = (
    generation: Generation | undefined,
    failure = generation === undefined ? firstFailure : generation.failure,
  ): FeedStatus => ({
    name: config.name,
    ...faultOf(failure, staleness(config, generation, clock.now())),
    generation: generation?.content,
    advisories: generation?.advisories ?? 0,
    bad: generation?.bad ?? 0,
    problems: generation?.problems ?? [],
    newest: generation?.newest,
    checked: generation?.checked,
  });

  const refresh = async (signal?: AbortSignal): Promise<FeedStatus> => {
    const held = await current();
    try {
      const usable = held === undefined ? undefined : open(held.content);
      const state = { home, held: usable && held, before: metaOf(usable, held), limits, now: clock.now() };
      const taken = await readNew(config, state, signal);
      if (taken.kind === "unchanged") {
        if (held === undefined || usable === undefined)
          throw new FeedError("FEED_TORN", "the server says that nothing changed, and nothing is known of it", {
            retry: true,
          });
        const { failure: _failure, ...rest } = held;
        const kept = { ...rest, checked: clock.now() };
        await save(kept);
        return statusOf(kept);
      }
      const { ingested, etag, lastModified, modified, sources, isPart } = taken;
      const generation: Generation = {
        version: 3,
        location: config.location,
        ecosystems,
        content: ingested.meta.content,
        advisories: ingested.meta.advisories,
        bad: ingested.bad + (isPart === true ? (held?.bad ?? 0) : 0),
        problems: [...ingested.problems, ...(isPart === true ? (held?.problems ?? []) : [])].slice(0, 20),
        newest: newestOf(modified ?? ingested.newest, isPart === true ? held?.newest : undefined),
        checked: clock.now(),
        etag,
        lastModified,
        sources,
      };
      await save(generation);
      await removeOld(home, [generation, held]);
      return statusOf(generation);
    } catch (error) {
      signal?.throwIfAborted();
      const failure = `${config.name}: ${messageOf(error)}`;
      if (held === undefined) firstFailure = failure;
      else await save({ ...held, failure });
      return statusOf(held, failure);
    }
  };
  let underway: Promise<FeedStatus> | undefined;

  return {
    name: config.name,
    kind: config.kind,
    isStrong: (config.trust ?? (ownWords.has(config.kind) ? "strong" : "weak")) === "strong",
    refresh: (signal) =>
      (underway ??= refresh(signal).finally(() => {
        underway = undefined;
      })),
    load: async () => {
      const held = await current();
      const status = statusOf(held);
      const nothing = { generation: undefined, signals: undefined };
      if (held === undefined) return { status, ...nothing };
      const found = open(held.content);
      if (found instanceof OpenGeneration) return { status, generation: found, signals: undefined };
      if (found !== undefined) return { status, generation: undefined, signals: found };
      const alarm = `${config.name}: what was kept of it cannot be read any more`;
      return { status: { ...status, alarm, fault: "failing", generation: undefined }, ...nothing };
    },
    changedSince: async (content) => {
      const held = await current();
      const now = held === undefined ? undefined : open(held.content);
      if (!(now instanceof OpenGeneration)) return undefined;
      if (held?.content === content) return [];
      let before: OpenGeneration | undefined;
      try {
        before = new OpenGeneration(pathOf(content));
        return await diffGenerations(before, now);
      } catch (error) {
        if (error instanceof FeedError) return undefined;
        throw error;
      } finally {
        before?.close();
      }
    },
    discard: async () => {
      const held = await current();
      close();
      opened = undefined;
      if (held !== undefined) await rm(pathOf(held.content), { force: true });
    },
  };
}

function faultOf(failure: string | undefined, staleness: string | undefined): Pick<FeedStatus, "alarm" | "fault"> {
  if (failure !== undefined) return { alarm: failure, fault: "failing" };
  return { alarm: staleness, fault: staleness === undefined ? undefined : "stale" };
}

function staleness({ name, kind }: FeedConfig, generation: Generation | undefined, now: Instant): string | undefined {
  if (generation === undefined) return `${name}: was never read`;
  if (now - generation.checked > week) return `${name}: was last read ${days(now - generation.checked)} days ago`;
  const age = now - (generation.newest ?? generation.checked);
  return age > (staleAfter[kind] ?? week) ? `${name}: its newest entry is ${days(age)} days old` : undefined;
}

function days(ms: number): number {
  return Math.floor(ms / 86_400_000);
}

/** What a new generation is compared with: whether it lost too much. */
function metaOf(
  generation: OpenGeneration | SignalTable | undefined,
  held: Generation | undefined,
): IngestJob["before"] {
  if (generation instanceof OpenGeneration) return generation.meta;
  return generation === undefined || held === undefined ? undefined : { advisories: held.advisories, ecosystems: {} };
}

function newestOf(a: Instant | undefined, b: Instant | undefined): Instant | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
}

/** Keeps these generations with their lists and the few that were made last; those of other versions go. */
async function removeOld(home: string, generations: readonly (Generation | undefined)[]): Promise<void> {
  const kept = new Set(
    generations.flatMap((one) =>
      one === undefined
        ? []
        : [
            generationFile(one.content),
            signalFile(one.content),
            ...Object.values(one.sources ?? {}).map(({ list }) => listFile(list)),
          ],
    ),
  );
  const others: { readonly name: string; readonly at: number }[] = [];
  for (const name of await readdir(home)) {
    if (kept.has(name)) continue;
    if (name.endsWith(".gen")) others.push({ name, at: (await stat(join(home, name))).mtimeMs });
    else if (/\.(?:zst|sig|csv)$/.test(name)) await rm(join(home, name), { force: true });
  }
  others.sort((a, b) => b.at - a.at);
  for (const { name } of others.slice(keptGenerations - 1)) await rm(join(home, name), { force: true });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
