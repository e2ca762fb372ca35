export { createFeed, type Feed } from "./feed.ts";
export { loadFeeds, type LoadedFeeds } from "./load-feeds.ts";
export { type ReadAdvisories } from "./read-advisories.ts";
export { defaultFeedLimits, type FeedConfig, type FeedLimits, type FeedStatus } from "./types.ts";
