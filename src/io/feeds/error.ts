import { AppError } from "../../lib/index.ts";

/** Why a feed's new state was not taken. The last good one stays. */
export class FeedError extends AppError<
  | "FEED_UNREACHABLE"
  | "FEED_EMPTY"
  /** Cut off, damaged, or not what it says it is. */
  | "FEED_TORN"
  | "FEED_BROKEN"
  | "FEED_SHRUNK"
  | "FEED_TOO_LARGE"
  /** It could not be read for a reason of this machine's. */
  | "FEED_UNREADABLE"
> {}
