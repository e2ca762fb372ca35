import type { Finding } from "../advisory/index.ts";
import type { InstalledPackage, OsRelease } from "../inventory/index.ts";
import type { Remedy } from "../remedy/index.ts";
import type { Digest, Instant } from "../../lib/index.ts";

/** What was looked at. */
export interface ScanSubject {
  readonly kind: "image" | "layout" | "archive" | "directory" | "sbom";
  /** As it was named. */
  readonly name: string;
  readonly digest: Digest | undefined;
}

/** Where what is said comes from. */
export interface ScanFeed {
  readonly name: string;
  readonly newest: Instant | undefined;
  readonly checked: Instant | undefined;
  /** Why it cannot be relied upon; undefined where it can. */
  readonly alarm: string | undefined;
}

/** A finding with its cure, and why it does not count where a person or a VEX document says so. */
export interface ScanFinding extends Finding {
  readonly purl: string;
  readonly remedy: Remedy;
  readonly ignored?: { readonly by: string; readonly reason: string; readonly until: Instant | undefined };
}

/** One platform of what was looked at. `unknown` is never clean: `reasons` say what could not be told. */
export interface ScanPlatform {
  readonly platform: string;
  readonly os: OsRelease | undefined;
  readonly packages: readonly InstalledPackage[];
  readonly state: "known" | "unknown";
  readonly reasons: readonly string[];
  /** By severity, the worst first; then by package and id. */
  readonly findings: readonly ScanFinding[];
}

/** All that `tidemill scan` knows of its subject. */
export interface ScanReport {
  readonly subject: ScanSubject;
  readonly at: Instant;
  readonly feeds: readonly ScanFeed[];
  readonly platforms: readonly ScanPlatform[];
}
