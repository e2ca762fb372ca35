import type { Digest, Instant } from "../../lib/index.ts";
import type { PackageType } from "../inventory/index.ts";

/** From `introduced` on, until `fixed` (exclusive) or through `lastAffected`; `introduced` is "0" for every earlier version. OSV schema, affected[].ranges[].events[]. */
export interface AffectedRange {
  readonly introduced: string;
  readonly fixed?: string;
  readonly lastAffected?: string;
  /** Where the range ends without a cure (exclusive): what is beyond is another branch's matter. */
  readonly limit?: string;
}

/** How bad a vulnerability is: by the distribution's own word where there is one, else by CVSS, else by the database that published it. */
export interface Severity {
  readonly level: "none" | "low" | "medium" | "high" | "critical";
  readonly by: "distro" | "cvss" | "database";
  /** CVSS base score, 0 to 10, with the vector that it was computed from. */
  readonly score?: number;
  readonly vector?: string;
}

/** What a distribution decided about a vulnerability that touches a package of its own. */
export type Judgement =
  | "not-affected"
  /** No announcement of its own is worth it: a point release may bring the fix. */
  | "no-dsa"
  | "postponed"
  | "ignored"
  | "end-of-life"
  | "undetermined";

/** Which package an advisory speaks of: what indices are asked by. */
export interface AdvisoryKey {
  /** In lower case, with its release: `debian:12`, `alpine:v3.20`, `npm`. */
  readonly ecosystem: string;
  /** As the ecosystem's advisories name it, normalised: the source package of deb and apk, the binary one of rpm. */
  readonly name: string;
}

/** What an advisory says of one package in one ecosystem, or in one release of a distribution. Its ecosystem and name are normalised, as advisoryKey does. */
export interface AffectedPackage extends AdvisoryKey {
  readonly ranges: readonly AffectedRange[];
  /** Versions that are affected whatever the ranges say. */
  readonly versions: readonly string[];
  /** Where the feed calls it critical there. */
  readonly critical?: boolean;
  /** As the feed tells it for this package; else that of the advisory counts. */
  readonly severity?: Severity;
  /** The module stream that it is about, `nodejs:14`, where the feed tells it: other streams' packages of that name are not. */
  readonly module?: string;
  readonly judgement?: Judgement;
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
  readonly severity?: Severity;
  /** A package that was published to do harm, not one that has a flaw. OSV ids `MAL-`. */
  readonly malicious?: boolean;
  readonly affected: readonly AffectedPackage[];
}

/** What is known of a vulnerability beside its advisories; both are asked by CVE. */
export interface Signals {
  /** Since when CISA lists it as exploited, and by when it wants it cured. */
  exploitedOf(cve: string): { readonly since: Instant; readonly due: Instant | undefined } | undefined;
  /** Probability, 0 to 1, that it is exploited within thirty days. */
  epssOf(cve: string): number | undefined;
}

/** What a VEX statement says of a finding. OpenVEX specification 0.2.0, status and justification. */
export interface VexVerdict {
  readonly status: VexStatus;
  /** Whose word it is. */
  readonly by: string;
  /** Why: the justification, the impact or the action, as the statement gives it. */
  readonly reason: string;
  readonly since: Instant | undefined;
  /** From when on it counts no more; our extension. */
  readonly until: Instant | undefined;
}

export type VexStatus = "not_affected" | "affected" | "fixed" | "under_investigation";

/** An advisory that touches a package of an inventory. */
export interface Finding {
  readonly id: string;
  /** Other ids of the same vulnerability, sorted. */
  readonly aliases: readonly string[];
  readonly upstream: readonly string[];
  /** Name of the installed package: the binary one. */
  readonly package: string;
  readonly type: PackageType;
  readonly architecture: string;
  readonly source: string;
  /** Installed source version, which is what is compared. */
  readonly version: string;
  readonly state: "affected" | "unknown";
  /** The lowest source version that cures it; undefined where none is known. */
  readonly fixed: string | undefined;
  readonly published: Instant | undefined;
  readonly summary: string;
  readonly severity?: Severity;
  readonly judgement?: Judgement;
  readonly malicious?: boolean;
  /** The latest that a VEX statement says of it: with `not_affected` and `fixed` it is shown, and counts no more. */
  readonly vex?: VexVerdict;
  /** Known to be exploited, since when CISA lists it and by when it wants it cured. */
  readonly exploited?: { readonly since: Instant; readonly due: Instant | undefined };
  /** Probability, 0 to 1, that it is exploited within thirty days. FIRST EPSS. */
  readonly epss?: number;
  /** diff ID of the layer that brought the package, and the file that tells of it. */
  readonly layer?: Digest;
  readonly path?: string;
}

/** What is known of an inventory's vulnerabilities. `unknown` is never shown as clean, even when it has no findings. */
export interface AdvisoryReport {
  readonly state: "known" | "unknown";
  /** Why it is unknown: `no feed`, an inventory that could not be read, a release that the feed does not cover. */
  readonly reasons: readonly string[];
  readonly findings: readonly Finding[];
}
