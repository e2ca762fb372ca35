import { AppError } from "../../lib/index.ts";

/** Why a feed's new state was not taken. The last good one stays. */
export class FeedError extends AppError<
  "FEED_UNREACHABLE" | "FEED_EMPTY" | "FEED_TORN" | "FEED_BROKEN" | "FEED_SHRUNK" | "FEED_TOO_LARGE"
> {}
