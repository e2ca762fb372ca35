export { FeedError } from "./error.ts";
export { createFeed, type Feed } from "./feed.ts";
export { readAdvisories, type ReadAdvisories } from "./read-advisories.ts";
export { defaultFeedLimits, type FeedConfig, type FeedLimits, type FeedStatus } from "./types.ts";
