import { mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { AdvisoryKey } from "../../core/advisory/index.ts";
import { digestHex, messageOf, sha256, writeFileDurable, type Clock, type Instant } from "../../lib/index.ts";
import { downloadFeed } from "./download-feed.ts";
import { FeedError } from "./error.ts";
import { fingerprint } from "./fingerprint.ts";
import { diffGenerations, OpenGeneration } from "./generation/open-generation.ts";
import { generationFile } from "./generation/write-generation.ts";
import type { Ingested } from "./ingest/ingest.ts";
import { runIngest } from "./ingest/run-ingest.ts";
import { defaultFeedLimits, type FeedConfig, type FeedLimits, type FeedStatus } from "./types.ts";

/** A feed whose newest change, or last good reading, is older than this raises an alarm. */
const staleAfterMs = 7 * 24 * 3600 * 1000;
/** Generations that stay on disk beside the one in use: what changed since then can be told. */
const keptGenerations = 2;

/** One configured feed and the generation of it that is in use. */
export interface Feed {
  readonly name: string;
  readonly kind: FeedConfig["kind"];
  /** Looks for a new generation, once however many ask at a time; takes it only when it is whole. Never throws for what the feed does wrong: that is an alarm in the status. */
  refresh(signal?: AbortSignal): Promise<FeedStatus>;
  /** The generation in use, open for looking up; undefined before there is one. Whether it is old is in the status. */
  load(): Promise<{ readonly status: FeedStatus; readonly generation: OpenGeneration | undefined }>;
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
});
type Generation = z.infer<typeof generationShape>;

/** A feed that keeps its generations in `folder`. */
export function createFeed(
  config: FeedConfig,
  folder: string,
  clock: Pick<Clock, "now">,
  limits: FeedLimits = defaultFeedLimits,
): Feed {
  const home = join(folder, digestHex(sha256(config.name)).slice(0, 16));
  const ecosystems = config.ecosystems && [...new Set(config.ecosystems.map((name) => name.toLowerCase()))].sort();
  const pathOf = (content: string): string => join(home, generationFile(content));
  let opened: { readonly content: string; readonly generation: OpenGeneration } | undefined;

  const current = async (): Promise<Generation | undefined> => {
    const text = await readFile(join(home, "generation.json"), "utf8").catch(() => undefined);
    const parsed = generationShape.safeParse(text === undefined ? undefined : parseJson(text));
    const isOurs = parsed.success && parsed.data.location === config.location;
    return isOurs && parsed.data.ecosystems?.join() === ecosystems?.join() ? parsed.data : undefined;
  };
  const save = (generation: Generation): Promise<void> =>
    writeFileDurable(join(home, "generation.json"), JSON.stringify(generation));
  const open = (content: string): OpenGeneration | undefined => {
    if (opened?.content === content) return opened.generation;
    try {
      const generation = new OpenGeneration(pathOf(content));
      opened?.generation.close();
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
    ...faultOf(failure, staleness(config.name, generation, clock.now())),
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
      const state = { home, held: usable && held, generation: usable, limits, now: clock.now() };
      const taken = await readNew({ ...config, ...(ecosystems === undefined ? {} : { ecosystems }) }, state, signal);
      if (taken === "unchanged" && held !== undefined) {
        const { failure: _failure, ...rest } = held;
        const kept = { ...rest, checked: clock.now() };
        await save(kept);
        return statusOf(kept);
      }
      if (taken === "unchanged")
        throw new FeedError("FEED_TORN", `${config.name}: the server says that nothing changed`);
      const { ingested, etag, lastModified, modified } = taken;
      const generation: Generation = {
        version: 3,
        location: config.location,
        ecosystems,
        content: ingested.meta.content,
        advisories: ingested.meta.advisories,
        bad: ingested.bad,
        problems: [...ingested.problems],
        newest: modified ?? ingested.newest,
        checked: clock.now(),
        etag,
        lastModified,
      };
      await save(generation);
      await removeOld(home, [generation.content, held?.content]);
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
    refresh: (signal) =>
      (underway ??= refresh(signal).finally(() => {
        underway = undefined;
      })),
    load: async () => {
      const held = await current();
      const status = statusOf(held);
      if (held === undefined) return { status, generation: undefined };
      const generation = open(held.content);
      if (generation !== undefined) return { status, generation };
      const alarm = `${config.name}: what was kept of it cannot be read any more`;
      return { status: { ...status, alarm, fault: "failing", generation: undefined }, generation };
    },
    changedSince: async (content) => {
      const held = await current();
      const now = held === undefined ? undefined : open(held.content);
      if (now === undefined) return undefined;
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
      opened?.generation.close();
      opened = undefined;
      if (held !== undefined) await rm(pathOf(held.content), { force: true });
    },
  };
}

function faultOf(failure: string | undefined, staleness: string | undefined): Pick<FeedStatus, "alarm" | "fault"> {
  if (failure !== undefined) return { alarm: failure, fault: "failing" };
  return { alarm: staleness, fault: staleness === undefined ? undefined : "stale" };
}

interface Taken {
  readonly ingested: Ingested;
  readonly etag?: string | undefined;
  readonly lastModified?: string | undefined;
  readonly modified?: Instant | undefined;
}

async function readNew(
  config: FeedConfig,
  state: {
    readonly home: string;
    /** Only where its generation can be read. */
    readonly held: Generation | undefined;
    readonly generation: OpenGeneration | undefined;
    readonly limits: FeedLimits;
    readonly now: Instant;
  },
  signal: AbortSignal | undefined,
): Promise<Taken | "unchanged"> {
  const { home, held, limits, now } = state;
  const { kind, location, ecosystems } = config;
  const timeout = AbortSignal.timeout(limits.timeoutMs);
  const within = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  const job = {
    kind,
    what: location,
    folder: home,
    ecosystems,
    limits,
    now,
    held: held && join(home, generationFile(held.content)),
    before: state.generation?.meta,
  };
  await mkdir(home, { recursive: true });
  await removeParts(home);
  if (!/^https?:\/\//.test(location)) {
    const etag = await fingerprint(location);
    if (held?.etag === etag) return "unchanged";
    return { ingested: await runIngest({ ...job, sources: [location] }, within), etag };
  }
  const path = join(home, "download.part");
  try {
    const download = await downloadFeed(location, path, held ?? {}, limits, within);
    if (download.kind === "unchanged") return "unchanged";
    const ingested = await runIngest({ ...job, sources: [path] }, within);
    return { ingested, ...download.validators, modified: kind === "osv" ? undefined : download.modified };
  } finally {
    await rm(path, { force: true });
  }
}

function staleness(name: string, generation: Generation | undefined, now: Instant): string | undefined {
  if (generation === undefined) return `${name}: was never read`;
  if (now - generation.checked > staleAfterMs)
    return `${name}: was last read ${days(now - generation.checked)} days ago`;
  const age = now - (generation.newest ?? generation.checked);
  return age > staleAfterMs ? `${name}: its newest entry is ${days(age)} days old` : undefined;
}

function days(ms: number): number {
  return Math.floor(ms / 86_400_000);
}

/** What a killed process left of its reading. */
async function removeParts(home: string): Promise<void> {
  for (const name of await readdir(home)) if (name.endsWith(".part")) await rm(join(home, name), { force: true });
}

/** Keeps the generations of these names and the few that were made last; those of other versions go. */
async function removeOld(home: string, contents: readonly (string | undefined)[]): Promise<void> {
  const kept = new Set(contents.flatMap((content) => (content === undefined ? [] : generationFile(content))));
  const others: { readonly name: string; readonly at: number }[] = [];
  for (const name of await readdir(home)) {
    if (kept.has(name)) continue;
    if (name.endsWith(".gen")) others.push({ name, at: (await stat(join(home, name))).mtimeMs });
    else if (name.endsWith(".zst")) await rm(join(home, name), { force: true });
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
