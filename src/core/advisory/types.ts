import type { Instant } from "../../lib/index.ts";

/** From `introduced` on, until `fixed` (exclusive) or through `lastAffected`; `introduced` is "0" for every earlier version. OSV schema, affected[].ranges[].events[]. */
export interface AffectedRange {
  readonly introduced: string;
  readonly fixed?: string;
  readonly lastAffected?: string;
}

/** What an advisory says of one source package in one release of a distribution. */
export interface AffectedPackage {
  /** `Debian:12`, or `Debian` for every release; case does not count. */
  readonly ecosystem: string;
  /** Name of the source package. */
  readonly source: string;
  readonly ranges: readonly AffectedRange[];
  /** Source versions that are affected whatever the ranges say. */
  readonly versions: readonly string[];
  /** Where the feed calls it critical there. */
  readonly critical?: boolean;
}

/** One published vulnerability, whichever feed it came from. */
export interface Advisory {
  readonly id: string;
  /** Other names of the same vulnerability. */
  readonly aliases: readonly string[];
  /** Vulnerabilities that it is about: the CVEs of a DSA. */
  readonly upstream: readonly string[];
  readonly summary: string;
  readonly published: Instant | undefined;
  readonly modified: Instant | undefined;
  readonly withdrawn: Instant | undefined;
  readonly affected: readonly AffectedPackage[];
}

/** An advisory that touches a package of an inventory. */
export interface Finding {
  readonly id: string;
  /** Other ids of the same vulnerability, sorted. */
  readonly aliases: readonly string[];
  readonly upstream: readonly string[];
  /** Name of the binary package. */
  readonly package: string;
  readonly architecture: string;
  readonly source: string;
  /** Installed source version, which is what is compared. */
  readonly version: string;
  readonly state: "affected" | "unknown";
  /** The lowest source version that cures it; undefined where none is known. */
  readonly fixed: string | undefined;
  readonly published: Instant | undefined;
  readonly summary: string;
}

/** What is known of an inventory's vulnerabilities. `unknown` is never shown as clean, even when it has no findings. */
export interface AdvisoryReport {
  readonly state: "known" | "unknown";
  /** Why it is unknown: `no feed`, an inventory that could not be read, a release that the feed does not cover. */
  readonly reasons: readonly string[];
  readonly findings: readonly Finding[];
}
