import type { Instant } from "../../lib/index.ts";

/**
 * What a feed brings, and in which shape. `osv`: OSV records: a zip, a folder, one JSON document, or the root of a bucket of them. `malware`: those of packages that were published to do
 * harm, ids `MAL-`; others in it are left out. `debian-tracker`: the Debian security tracker's JSON document. `secdb`: security databases of Alpine and Wolfi: one document, or a folder of
 * them. `kev`: CISA's catalogue of known exploited vulnerabilities, JSON. `epss`: FIRST's EPSS scores, CSV, also packed by gzip.
 */
export const feedKinds = ["osv", "malware", "debian-tracker", "secdb", "kev", "epss"] as const;
export type FeedKind = (typeof feedKinds)[number];

/** A feed of advisories as it is configured. */
export interface FeedConfig {
  readonly name: string;
  readonly kind: FeedKind;
  /** A path, or an http(s) address; one that ends in `/` is the root of a bucket, of which the `ecosystems` are read. */
  readonly location: string;
  /** Ecosystems of OSV records that are taken, without their release: `Debian`, `npm`. All of them without it. Of `secdb`, the one that a document is about which does not say so. */
  readonly ecosystems?: readonly string[];
  /** Whether its word that something is closed counts alone; by its kind without it. */
  readonly trust?: "weak" | "strong";
}

/** Sizes in bytes. */
export interface FeedLimits {
  readonly download: number;
  readonly unpacked: number;
  readonly record: number;
  readonly records: number;
  /** One security database of Alpine or Wolfi. */
  readonly secdb: number;
  /** Text of exploits and scores. */
  readonly signals: number;
  readonly timeoutMs: number;
}

const mebibyte = 1_048_576;

export const defaultFeedLimits: FeedLimits = {
  download: 512 * mebibyte,
  unpacked: 2048 * mebibyte,
  record: 16 * mebibyte,
  records: 1_000_000,
  secdb: 64 * mebibyte,
  signals: 128 * mebibyte,
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
