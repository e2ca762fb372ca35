import { createHash } from "node:crypto";
import { access, mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { promisify } from "node:util";
import { zstdCompress, zstdDecompress } from "node:zlib";
import { z } from "zod";
import { buildAdvisoryIndex, type Advisory, type AdvisoryIndex } from "../../core/advisory/index.ts";
import { digestHex, messageOf, sha256, writeFileDurable, type Clock, type Instant } from "../../lib/index.ts";
import { downloadFeed } from "./download-feed.ts";
import { FeedError } from "./error.ts";
import { fingerprint } from "./fingerprint.ts";
import { readAdvisories, type ReadAdvisories } from "./read-advisories.ts";
import { defaultFeedLimits, type FeedConfig, type FeedLimits, type FeedStatus } from "./types.ts";

/** Advisories between two looks at what else there is to do. */
const stride = 1000;
const pack = promisify(zstdCompress);
const unpack = promisify(zstdDecompress);

/** A feed whose newest change, or last good reading, is older than this raises an alarm. */
const staleAfterMs = 7 * 24 * 3600 * 1000;
/** More bad records than this share (and than ten) are no accident of the source: its schema changed. */
const maxBadShare = 0.1;

/** One configured feed and the generation of it that is in use. */
export interface Feed {
  readonly name: string;
  readonly kind: FeedConfig["kind"];
  /** Looks for a new generation, once however many ask at a time; takes it only when it is whole. Never throws for what the feed does wrong: that is an alarm in the status. */
  refresh(signal?: AbortSignal): Promise<FeedStatus>;
  /** The index over the generation in use, made once for each; undefined before there is one. Whether it is old is in the status. */
  load(): Promise<{ readonly status: FeedStatus; readonly index: AdvisoryIndex | undefined }>;
}

const generationShape = z.object({
  version: z.literal(2),
  location: z.string(),
  ecosystems: z.array(z.string()),
  file: z.string().regex(/^[0-9a-f]{64}\.ndjson\.zst$/),
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
  const ecosystems = [...new Set(config.ecosystems)].sort();
  let loaded: { file: string; index: Promise<AdvisoryIndex | undefined> } | undefined;

  const current = async (): Promise<Generation | undefined> => {
    const text = await readFile(join(home, "generation.json"), "utf8").catch(() => undefined);
    const parsed = generationShape.safeParse(text === undefined ? undefined : parseJson(text));
    const isOurs = parsed.success && parsed.data.location === config.location;
    return isOurs && parsed.data.ecosystems.join() === ecosystems.join() ? parsed.data : undefined;
  };
  const save = (generation: Generation): Promise<void> =>
    writeFileDurable(join(home, "generation.json"), JSON.stringify(generation));
  // Where there is no generation yet, nothing on disk can say why.
  let firstFailure: string | undefined;
  const statusOf = (
    generation: Generation | undefined,
    failure = generation === undefined ? firstFailure : generation.failure,
  ): FeedStatus => ({
    name: config.name,
    ...faultOf(failure, staleness(config.name, generation, clock.now())),
    generation: generation?.file.split(".")[0],
    advisories: generation?.advisories ?? 0,
    bad: generation?.bad ?? 0,
    problems: generation?.problems ?? [],
    newest: generation?.newest,
    checked: generation?.checked,
  });

  const refresh = async (signal?: AbortSignal): Promise<FeedStatus> => {
    const held = await current();
    try {
      const taken = await readNew(config, { home, held, limits, now: clock.now() }, signal);
      if (taken === "unchanged" && held !== undefined) {
        const { failure: _failure, ...rest } = held;
        const kept = { ...rest, checked: clock.now() };
        await save(kept);
        return statusOf(kept);
      }
      if (taken === "unchanged")
        throw new FeedError("FEED_TORN", `${config.name}: the server says that nothing changed`);
      const { read, etag, lastModified, modified } = taken;
      refuseBroken(config.name, read, held);
      const file = await saveAdvisories(home, read.advisories);
      const generation: Generation = {
        version: 2,
        location: config.location,
        ecosystems,
        file,
        advisories: read.advisories.length,
        bad: read.bad,
        problems: [...read.problems],
        newest: modified ?? read.newest,
        checked: clock.now(),
        etag,
        lastModified,
      };
      await save(generation);
      await removeOthers(home, file);
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
      const generation = await current();
      const status = statusOf(generation);
      if (generation === undefined) return { status, index: undefined };
      if (loaded?.file !== generation.file)
        loaded = { file: generation.file, index: loadIndex(join(home, generation.file)) };
      const index = await loaded.index;
      if (index !== undefined) return { status, index };
      // Another process may have taken a newer one meanwhile; else it is read anew at the next look.
      loaded = undefined;
      const alarm = `${config.name}: what was kept of it cannot be read any more`;
      return { status: { ...status, alarm, fault: "failing", generation: undefined }, index };
    },
  };
}

function faultOf(failure: string | undefined, staleness: string | undefined): Pick<FeedStatus, "alarm" | "fault"> {
  if (failure !== undefined) return { alarm: failure, fault: "failing" };
  return { alarm: staleness, fault: staleness === undefined ? undefined : "stale" };
}

interface Taken {
  readonly read: ReadAdvisories;
  readonly etag?: string | undefined;
  readonly lastModified?: string | undefined;
  readonly modified?: Instant | undefined;
}

async function readNew(
  config: FeedConfig,
  state: {
    readonly home: string;
    readonly held: Generation | undefined;
    readonly limits: FeedLimits;
    readonly now: Instant;
  },
  signal: AbortSignal | undefined,
): Promise<Taken | "unchanged"> {
  const { home, held, limits, now } = state;
  const { kind, location, ecosystems } = config;
  const timeout = AbortSignal.timeout(limits.timeoutMs);
  const within = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  const options = { what: location, now, ecosystems, signal: within };
  await mkdir(home, { recursive: true });
  if (!/^https?:\/\//.test(location)) {
    const etag = await fingerprint(location);
    if (held?.etag === etag && (await isThere(join(home, held.file)))) return "unchanged";
    return { read: await readAdvisories(kind, location, limits, options), etag };
  }
  const path = join(home, "download.part");
  const known = held !== undefined && (await isThere(join(home, held.file))) ? held : {};
  try {
    const download = await downloadFeed(location, path, known, limits, within);
    if (download.kind === "unchanged") return "unchanged";
    const read = await readAdvisories(kind, path, limits, options);
    return { read, ...download.validators, modified: kind === "osv" ? undefined : download.modified };
  } finally {
    await rm(path, { force: true });
  }
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function refuseBroken(name: string, read: ReadAdvisories, held: Generation | undefined): void {
  const good = read.advisories.length;
  if (good === 0 && read.records > 0)
    throw new FeedError("FEED_EMPTY", `none of its ${read.records} records is about a distribution of this fleet`, {
      hint: `Is the feed ${name} one of Debian's?`,
    });
  if (good === 0 || (read.bad > 10 && read.bad > maxBadShare * (read.records + read.bad)))
    throw new FeedError(
      "FEED_BROKEN",
      `${read.bad} of ${read.records + read.bad} records break the schema: ${read.problems[0] ?? ""}`,
      {
        hint: `The feed ${name} may have changed its format. What was known before stays in use.`,
      },
    );
  if (held !== undefined && good < held.advisories / 2)
    throw new FeedError("FEED_SHRUNK", `it has ${good} advisories, the last good one had ${held.advisories}`, {
      hint: `If that is right, remove the folder of feed ${name} to start anew.`,
    });
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

async function saveAdvisories(home: string, advisories: readonly Advisory[]): Promise<string> {
  const hash = createHash("sha256");
  const pieces: Buffer[] = [];
  for (let at = 0; at < advisories.length; at += stride) {
    const lines = advisories.slice(at, at + stride).map((advisory) => `${JSON.stringify(advisory)}\n`);
    const piece = Buffer.from(lines.join(""));
    hash.update(piece);
    pieces.push(piece);
    await nextTurn();
  }
  const file = `${hash.digest("hex")}.ndjson.zst`;
  await writeFileDurable(join(home, file), await pack(Buffer.concat(pieces)));
  return file;
}

/** The index of what was kept; undefined where it cannot be read. */
async function loadIndex(path: string): Promise<AdvisoryIndex | undefined> {
  try {
    const lines = (await unpack(await readFile(path))).toString("utf8").split("\n");
    const advisories: Advisory[] = [];
    for (const line of lines) {
      if (line !== "") advisories.push(JSON.parse(line) as Advisory);
      if (advisories.length % stride === 0) await nextTurn();
    }
    return buildAdvisoryIndex(advisories);
  } catch {
    return undefined;
  }
}

async function removeOthers(home: string, file: string): Promise<void> {
  for (const name of await readdir(home))
    if (name !== file && name.endsWith(".zst")) await rm(join(home, name), { force: true });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
