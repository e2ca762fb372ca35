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

/** Why a finding does not count, and who says so: a VEX statement, or an entry of the ignore file or of the command line. */
export interface Excuse {
  readonly from: "vex" | "ignore";
  readonly by: string;
  readonly reason: string;
  readonly until: Instant | undefined;
  /** What a VEX statement says of it. OpenVEX specification, Status Labels. */
  readonly status?: "not_affected" | "fixed";
  /** OpenVEX specification, Status Justifications. */
  readonly justification?: string;
}

/** A finding with its cure, and why it does not count where a person or a VEX document says so. */
export interface ScanFinding extends Finding {
  readonly purl: string;
  readonly remedy: Remedy;
  readonly ignored?: Excuse;
  /** What a VEX statement says that does not set it aside. */
  readonly stated?: { readonly status: "affected" | "under_investigation"; readonly by: string; readonly text: string };
}

/** A package with the name that the whole world knows it by. */
export interface ScanPackage extends InstalledPackage {
  readonly purl: string;
}

/** One platform of what was looked at. `unknown` is never clean: `reasons` say what could not be told. */
export interface ScanPlatform {
  /** `linux/amd64`; undefined for what is of none: a directory, an SBOM. */
  readonly platform: string | undefined;
  readonly os: OsRelease | undefined;
  readonly packages: readonly ScanPackage[];
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
  /** What whoever reads it should know beside: an ignore that has expired, one that fits nothing any more. */
  readonly notes: readonly string[];
}

/** What a format is made of: the report, and what policy says of it. */
export interface JudgedScan {
  readonly report: ScanReport;
  readonly verdict: ScanVerdict;
  /** Version of Tidemill. */
  readonly version: string;
}

/** What policy says: nothing where there is none. */
export type ScanVerdict =
  | { readonly kind: "none" }
  | {
      readonly kind: "passed" | "failed";
      /** One sentence each: which rule, how many findings, which the first are; or what is unknown. */
      readonly reasons: readonly string[];
      /** What the rules hit. */
      readonly hits: ReadonlySet<ScanFinding>;
      /** Findings that no severity is known of, where a rule asks for one and none counts them. */
      readonly unrated: number;
    };
