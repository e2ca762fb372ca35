import { joinIndexes, type AdvisoryIndex, type AdvisoryKey, type Signals } from "../../core/advisory/index.ts";
import type { Feed } from "./feed.ts";
import { FeedError } from "./error.ts";
import { keyText } from "./generation/format.ts";
import type { OpenGeneration, Said } from "./generation/open-generation.ts";
import type { SignalTable } from "./ingest/signal-table.ts";
import type { FeedKind, FeedStatus } from "./types.ts";

/** What feeds say of the keys that were asked for. */
export interface FoundAdvisories extends AdvisoryIndex {
  /** Ids of advisories about these keys that were taken back. */
  readonly withdrawn: ReadonlySet<string>;
}

/** All configured feeds as they are now. */
export interface LoadedFeeds {
  /** Names what they say together: the same as long as it is the same. Undefined where none has been read yet. */
  readonly generation: string | undefined;
  /**
   * What they say of `keys`, and of each of them in every release: a part of an index. It throws where it is asked of another key, for that would be a clean word about what
   * nobody looked up. Undefined where no feed has been read yet, or what was kept of one turns out to be damaged.
   */
  readonly lookup: (keys: Iterable<AdvisoryKey>) => Promise<FoundAdvisories | undefined>;
  /** By name, the generation of each feed that was read. */
  readonly contents: Readonly<Record<string, string>>;
  /**
   * The keys of which they say something else than when `contents` was what they had; undefined where that can no longer be told, or other feeds are configured now: then all may
   * have changed.
   */
  readonly changedSince: (contents: Readonly<Record<string, string>>) => Promise<readonly AdvisoryKey[] | undefined>;
  /** What is known of exploits and their probability, of the first feed of each kind. */
  readonly signals: Signals;
  /** Why what they say cannot be relied upon: `no feed`, or the alarms of those that are old, failing or were never read. */
  readonly doubts: readonly string[];
  readonly statuses: readonly FeedStatus[];
}

interface Part {
  readonly feed: Feed;
  readonly generation: OpenGeneration;
}

/** The generations of `feeds` that are in use, for looking up. */
export async function loadFeeds(feeds: readonly Feed[]): Promise<LoadedFeeds> {
  const loaded = await Promise.all(feeds.map(async (feed) => ({ feed, ...(await feed.load()) })));
  const statuses = loaded.map(({ status }) => status);
  // Scores and exploits come beside advisories: without them nothing that is said of a package is in doubt.
  const told = loaded.filter(({ feed: { kind } }) => kind !== "kev" && kind !== "epss");
  const doubts = told.length === 0 ? ["no feed"] : told.flatMap(({ status }) => status.alarm ?? []);
  const parts = loaded.flatMap(({ feed, generation }) => (generation === undefined ? [] : [{ feed, generation }]));
  return {
    generation:
      parts.length === 0
        ? undefined
        : loaded
            .map(({ feed, generation, signals }) => `${feed.name} ${generation?.meta.content ?? signals?.content}`)
            .join("\n"),
    lookup: async (keys) => {
      if (parts.length === 0) return undefined;
      const wanted = withEveryRelease(keys);
      const found = await Promise.all(parts.map((part) => lookUp(part, wanted)));
      const whole = found.filter((one) => one !== undefined);
      if (whole.length < found.length) return undefined;
      return { ...joinIndexes(whole), withdrawn: new Set(whole.flatMap(({ withdrawn }) => [...withdrawn])) };
    },
    contents: contentsOf(parts),
    changedSince: (contents) => changedSince(parts, contents),
    signals: signalsOf(loaded),
    doubts,
    statuses,
  };
}

function signalsOf(loaded: readonly { readonly feed: Feed; readonly signals: SignalTable | undefined }[]): Signals {
  const of = (kind: FeedKind): SignalTable | undefined => loaded.find(({ feed }) => feed.kind === kind)?.signals;
  const [exploited, scores] = [of("kev"), of("epss")];
  return {
    exploitedOf: (cve) => {
      const found = exploited?.find(cve);
      return found && { since: found.first, due: found.second };
    },
    epssOf: (cve) => scores?.find(cve)?.first,
  };
}

function contentsOf(parts: readonly Part[]): Record<string, string> {
  return Object.fromEntries(parts.map(({ feed, generation }) => [feed.name, generation.meta.content]));
}

async function changedSince(
  parts: readonly Part[],
  contents: Readonly<Record<string, string>>,
): Promise<readonly AdvisoryKey[] | undefined> {
  const names = Object.keys(contents);
  if (names.length !== parts.length || parts.some(({ feed }) => !names.includes(feed.name))) return undefined;
  const changed = new Map<string, AdvisoryKey>();
  for (const { feed } of parts) {
    const keys = await feed.changedSince(contents[feed.name] ?? "");
    if (keys === undefined) return undefined;
    for (const key of keys) changed.set(keyText(key), key);
  }
  return [...changed.values()];
}

function withEveryRelease(keys: Iterable<AdvisoryKey>): Map<string, AdvisoryKey> {
  const wanted = new Map<string, AdvisoryKey>();
  for (const key of keys) {
    wanted.set(keyText(key), key);
    const everywhere = { ecosystem: baseOf(key.ecosystem), name: key.name };
    wanted.set(keyText(everywhere), everywhere);
  }
  return wanted;
}

async function lookUp(
  { feed, generation }: Part,
  wanted: ReadonlyMap<string, AdvisoryKey>,
): Promise<FoundAdvisories | undefined> {
  try {
    return partialIndex(feed, generation, wanted, await generation.find(wanted.values()));
  } catch (error) {
    if (!(error instanceof FeedError)) throw error;
    await feed.discard();
    return undefined;
  }
}

function partialIndex(
  { kind, isStrong }: Pick<Feed, "kind" | "isStrong">,
  { meta }: OpenGeneration,
  wanted: ReadonlyMap<string, AdvisoryKey>,
  found: ReadonlyMap<string, Said>,
): FoundAdvisories {
  const by = { kind, isStrong };
  const told = new Map([...found].map(([key, { rows }]) => [key, rows.map((row) => ({ ...row, by }))]));
  const rowsOf = (ecosystem: string, name: string): Said["rows"] => {
    const key = keyText({ ecosystem, name });
    if (!wanted.has(key)) throw new Error(`nobody asked what is said of ${name} in ${ecosystem}`);
    return told.get(key) ?? [];
  };
  return {
    size: meta.advisories - meta.withdrawn,
    stale: undefined,
    withdrawn: new Set([...found.values()].flatMap(({ withdrawn }) => withdrawn)),
    covers: (ecosystem) => Object.hasOwn(meta.ecosystems, ecosystem),
    find: (ecosystem, name) => {
      const base = baseOf(ecosystem);
      const here = rowsOf(ecosystem, name);
      const everywhere = base === ecosystem ? [] : rowsOf(base, name);
      return everywhere.length === 0 ? here : [...here, ...everywhere];
    },
  };
}

function baseOf(ecosystem: string): string {
  return ecosystem.split(":", 1)[0] ?? ecosystem;
}
