export { watchUpstreams } from "./watch-upstreams.ts";
export type { Watched } from "./watch-suites.ts";
export { watchBases, type WatchedBases } from "./watch-bases.ts";
export type { BaseView, FollowedBase } from "./followed-base.ts";
export type { BaseSources } from "./look-at-base.ts";
