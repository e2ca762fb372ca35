export { createFeed, type Feed } from "./feed.ts";
export { loadFeeds, type FoundAdvisories, type LoadedFeeds } from "./load-feeds.ts";
export {
  defaultFeedLimits,
  feedKinds,
  type FeedConfig,
  type FeedKind,
  type FeedLimits,
  type FeedStatus,
} from "./types.ts";
export { readVexText } from "./read-vex-text.ts";
