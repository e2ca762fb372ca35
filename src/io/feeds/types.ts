import type { Instant } from "../../lib/index.ts";

/** `osv`: OSV records in a zip, a folder or one JSON file. `debian-tracker`: the security tracker's JSON document. */
export type FeedKind = "osv" | "debian-tracker";

/** A feed of advisories as it is configured. */
export interface FeedConfig {
  readonly name: string;
  /** `osv`: OSV records in a zip, a folder or one JSON file. `debian-tracker`: the security tracker's JSON document. */
  readonly kind: FeedKind;
  /** A path, or an http(s) address. */
  readonly location: string;
  /** Ecosystems of OSV records that are taken, without their release: `debian`, `npm`. All of them without it. */
  readonly ecosystems?: readonly string[];
}

/** Sizes in bytes. */
export interface FeedLimits {
  readonly download: number;
  readonly unpacked: number;
  readonly record: number;
  readonly records: number;
  readonly timeoutMs: number;
}

const mebibyte = 1_048_576;

export const defaultFeedLimits: FeedLimits = {
  download: 512 * mebibyte,
  unpacked: 2048 * mebibyte,
  record: 16 * mebibyte,
  records: 1_000_000,
  timeoutMs: 300_000,
};

/** What is known of a feed, for status pages: the generation that is in use and what is wrong with the feed now. */
export interface FeedStatus {
  readonly name: string;
  /** Set where someone must know: the feed failed, is old, or was never read. */
  readonly alarm: string | undefined;
  /** What the alarm is about; undefined where there is none. */
  readonly fault: "failing" | "stale" | undefined;
  /** Names the content that is in use; undefined before there is any. */
  readonly generation: string | undefined;
  readonly advisories: number;
  /** Records that were set aside, with the first few problems. */
  readonly bad: number;
  readonly problems: readonly string[];
  /** The newest change in the feed. */
  readonly newest: Instant | undefined;
  /** When it was last read without error. */
  readonly checked: Instant | undefined;
}
