import type { Digest, Instant } from "../../lib/index.ts";

export type ImageName = string;
export type EnvironmentName = string;
export type Lane = "urgent" | "routine";

/** One binary package that goes from one version to another. `from` is undefined where it is new, `to` where it goes. */
export interface PackageChange {
  readonly name: string;
  readonly architecture: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
}

/**
 * Why a rebuild exists. A `package` cause is one for each (image, source package, target version): the DSA, its CVEs and
 * the index change hang on it.
 */
export type Cause =
  | {
      readonly kind: "package";
      readonly source: string;
      /** Source version that the suites now offer. */
      readonly to: string;
      readonly packages: readonly PackageChange[];
      /** Upstream that offers it. */
      readonly origin: string;
      readonly firstSeen: Instant;
      /** Whether a suite of security updates offers it. */
      readonly security: boolean;
      /** Advisory and CVE ids that hang on it, where feeds or changelogs name them. */
      readonly advisories: readonly string[];
      /** Those of `advisories` that a feed names; all others are only a changelog's word. Absent where none is, and in what was written before there were feeds. */
      readonly confirmed?: readonly string[];
      /** Those of `confirmed` that are critical or known to be exploited: for them it takes the urgent lane. */
      readonly urgent?: readonly string[];
      /** Its cool-down was the short one, for feeds call it a security fix. Absent where it was the ordinary one, or none. */
      readonly coolDown?: "short";
    }
  | { readonly kind: "parent"; readonly image: ImageName; readonly digest: Digest | undefined }
  /** An image of somebody else's that it is made of moved. */
  | {
      readonly kind: "base";
      /** As its upstream is called. */
      readonly name: string;
      readonly from: Digest | undefined;
      readonly to: Digest;
      readonly firstSeen: Instant;
    }
  /** The recipe or its files changed; `from` is undefined for an image that was never built. */
  | { readonly kind: "source"; readonly from: string | undefined; readonly to: string }
  | { readonly kind: "schedule"; readonly at: Instant }
  | { readonly kind: "person"; readonly who: string; readonly reason: string };

/** Where a rebuild stands. `unchanged`, `promoted`, `failed`, `superseded` are ends. */
export type RebuildState = "queued" | "building" | "built" | "promoted" | "unchanged" | "failed" | "superseded";
