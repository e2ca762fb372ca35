import { resolve } from "node:path";
import type { AdvisoryIndex, AdvisoryKey, Signals } from "../../../core/advisory/index.ts";
import type { ScanFeed } from "../../../core/report/index.ts";
import { createFeed, feedKinds, loadFeeds, type Feed, type FeedKind } from "../../../io/feeds/index.ts";
import type { Clock } from "../../../lib/index.ts";

/** What the feeds of a scan know. */
export interface ScanKnowledge {
  /** What they say of what is asked; undefined where there is no feed, or none could be read. */
  readonly lookup: (keys: Iterable<AdvisoryKey>) => Promise<AdvisoryIndex | undefined>;
  readonly signals: Signals;
  readonly feeds: readonly ScanFeed[];
  /** Why what they say cannot be relied upon: `no feed`, or the alarms of feeds. */
  readonly doubts: readonly string[];
}

export interface ScanFeedsDeps {
  /** Where generations are kept. */
  readonly folder: string;
  readonly clock: Clock;
  /** Feeds of the configuration, kept fresh by whoever runs it. */
  readonly configured: readonly Feed[];
}

/** A feed that was read this long ago is asked again whether it is new. */
const freshMs = 3_600_000;

/** All feeds of the configuration and those at `locations` (a path or an address, its kind before it where that is not OSV: `debian-tracker=`, `kev=`). */
export async function loadScanFeeds(
  locations: readonly string[],
  { folder, clock, configured }: ScanFeedsDeps,
  signal: AbortSignal | undefined,
): Promise<ScanKnowledge> {
  const named = locations.map((text) => createFeed({ name: text, ...placeOf(text) }, folder, clock));
  const feeds = [...configured, ...named];
  for (const feed of feeds) {
    const { status } = await feed.load();
    const isFresh = status.checked !== undefined && clock.now() - status.checked < freshMs;
    const isLocal = named.includes(feed) && !/https?:\/\//.test(feed.name);
    if (status.generation === undefined || isLocal || !isFresh) await feed.refresh(signal);
  }
  const { lookup, signals, doubts, statuses } = await loadFeeds(feeds);
  return {
    lookup,
    signals,
    doubts,
    feeds: statuses.map(({ name, newest, checked, alarm }) => ({ name, newest, checked, alarm })),
  };
}

function placeOf(text: string): { readonly kind: FeedKind; readonly location: string } {
  const [, named, rest] = /^([a-z-]+)=(.+)$/.exec(text) ?? [];
  const kind = feedKinds.find((one) => one === named);
  const where = kind === undefined ? text : (rest ?? text);
  const location = /^https?:\/\//.test(where) ? where : resolve(where);
  const guessed = /tracker/.test(where.split("/").at(-1) ?? "") ? "debian-tracker" : "osv";
  return { kind: kind ?? guessed, location };
}
