import { joinIndexes, type AdvisoryIndex, type AdvisoryKey } from "../../core/advisory/index.ts";
import type { Feed } from "./feed.ts";
import { FeedError } from "./error.ts";
import { keyText } from "./generation/format.ts";
import type { OpenGeneration, Said } from "./generation/open-generation.ts";
import type { FeedStatus } from "./types.ts";

/** All configured feeds as they are now. */
export interface LoadedFeeds {
  /** Names what they say together: the same as long as it is the same. Undefined where none has been read yet. */
  readonly generation: string | undefined;
  /**
   * What they say of `keys`, and of each of them in every release: a part of an index. It throws where it is asked of another key, for that would be a clean word about what
   * nobody looked up. Undefined where no feed has been read yet, or what was kept of one turns out to be damaged.
   */
  readonly lookup: (keys: Iterable<AdvisoryKey>) => Promise<AdvisoryIndex | undefined>;
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
  const doubts = feeds.length === 0 ? ["no feed"] : statuses.flatMap(({ alarm }) => alarm ?? []);
  const parts = loaded.flatMap(({ feed, generation }) => (generation === undefined ? [] : [{ feed, generation }]));
  return {
    generation:
      parts.length === 0
        ? undefined
        : parts.map(({ feed, generation }) => `${feed.name} ${generation.meta.content}`).join("\n"),
    lookup: async (keys) => {
      if (parts.length === 0) return undefined;
      const wanted = withEveryRelease(keys);
      const indexes = await Promise.all(parts.map((part) => lookUp(part, wanted)));
      return indexes.some((index) => index === undefined)
        ? undefined
        : joinIndexes(indexes.filter((index) => index !== undefined));
    },
    doubts,
    statuses,
  };
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
): Promise<AdvisoryIndex | undefined> {
  try {
    return partialIndex(generation, wanted, await generation.find(wanted.values()));
  } catch (error) {
    if (!(error instanceof FeedError)) throw error;
    await feed.discard();
    return undefined;
  }
}

function partialIndex(
  { meta }: OpenGeneration,
  wanted: ReadonlyMap<string, AdvisoryKey>,
  found: ReadonlyMap<string, Said>,
): AdvisoryIndex {
  const rowsOf = (ecosystem: string, name: string): Said["rows"] => {
    const key = keyText({ ecosystem, name });
    if (!wanted.has(key)) throw new Error(`nobody asked what is said of ${name} in ${ecosystem}`);
    return found.get(key)?.rows ?? [];
  };
  return {
    size: meta.advisories - meta.withdrawn,
    stale: undefined,
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
