import { joinIndexes, type AdvisoryIndex } from "../../core/advisory/index.ts";
import type { Feed } from "./feed.ts";
import type { FeedStatus } from "./types.ts";

/** All configured feeds as they are now. */
export interface LoadedFeeds {
  /** What they say together, of the generations in use; the same object until one of them changes. Undefined where none has been read yet. */
  readonly index: AdvisoryIndex | undefined;
  /** Why what they say cannot be relied upon: `no feed`, or the alarms of those that are old, failing or were never read. */
  readonly doubts: readonly string[];
  readonly statuses: readonly FeedStatus[];
}

const joined = new WeakMap<
  readonly Feed[],
  { readonly parts: readonly AdvisoryIndex[]; readonly index: AdvisoryIndex }
>();

/** What the feeds know, as one index. It is made once for each generation and remembered as long as `feeds` is. */
export async function loadFeeds(feeds: readonly Feed[]): Promise<LoadedFeeds> {
  const loaded = await Promise.all(feeds.map((feed) => feed.load()));
  const statuses = loaded.map(({ status }) => status);
  const doubts = feeds.length === 0 ? ["no feed"] : statuses.flatMap(({ alarm }) => alarm ?? []);
  const parts = loaded.flatMap(({ index }) => index ?? []);
  if (parts.length === 0) return { index: undefined, doubts, statuses };
  const known = joined.get(feeds);
  if (known?.parts.length === parts.length && known.parts.every((part, at) => part === parts[at]))
    return { index: known.index, doubts, statuses };
  const index = joinIndexes(parts);
  joined.set(feeds, { parts, index });
  return { index, doubts, statuses };
}
