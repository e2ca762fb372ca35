import type { CheckConfig } from "../../core/config/index.ts";
import type { Platform } from "../../core/image/index.ts";
import type { ImageSource } from "../../core/image/index.ts";
import type { DriftRules, Inventory } from "../../core/inventory/index.ts";
import type { Cause, PackageChange } from "../../core/plan/index.ts";
import type { Digest } from "../../lib/index.ts";
import type { CandidateOrigin } from "../context.ts";

/** One check of one candidate on one platform. */
export interface CheckResult {
  /** `proof`, `bytes`, a check of structure, or what the configuration asks for: `run: NAME`, `http: NAME` and so on. */
  readonly name: string;
  readonly platform: Platform;
  readonly verdict: "passed" | "failed" | "warned" | "not_run";
  readonly messages: readonly string[];
  /** Only a person may let pass what it says. */
  readonly asks?: true;
  /** Of one that is `not_run`: its parts were there and did not answer, so its word is waited for whatever policy says. */
  readonly wordWanted?: true;
  /** All that it said, at most a mebibyte, as it came. */
  readonly log?: string;
  readonly ms: number;
}

/** What a program of one's own is told of the candidate. */
export interface ToldOfCandidate {
  readonly image: string;
  readonly environment: string;
  /** What the candidate is pulled by, its digest in it. */
  readonly reference: string;
}

/** An image of the fleet that a set of services names. */
export interface OwnInSet {
  readonly image: string;
  readonly source: ImageSource;
  /** What the environment names of it; undefined where it names nothing. */
  readonly digest: Digest | undefined;
}

export interface VerifyRequest {
  readonly source: ImageSource;
  /** The candidate. */
  readonly digest: Digest;
  /** Why it was built: each must have had its effect. */
  readonly causes: readonly Cause[];
  /** What it is said to be made of; undefined where nothing was put down. */
  readonly origin?: Pick<CandidateOrigin, "bases" | "baseLayers">;
  /** What production runs now; undefined for an image's first candidate. */
  readonly previous: { readonly source: ImageSource; readonly digest: Digest } | undefined;
  /** Those that the configuration asks for. */
  readonly checks: readonly CheckConfig[];
  readonly told: ToldOfCandidate;
  /** What the candidate is pulled by where something else stands before its repository. */
  readonly referenceIn?: (registry: string) => string;
  /** Which image of the fleet a name in a compose file means; undefined for those of others. */
  readonly ownInSet?: (name: string) => Promise<OwnInSet | undefined>;
  /** In what it may differ from what production runs; undefined where nobody asks. */
  readonly drift?: DriftRules | undefined;
}

export interface PlatformFacts {
  readonly platform: Platform;
  readonly inventory: Inventory;
  /** What changed against production; against nothing for a first candidate. */
  readonly changes: readonly PackageChange[];
}

/** All that was found of a candidate. Whether `not_run` and `warned` are enough is policy's to decide. */
export interface CandidateVerification {
  readonly digest: Digest;
  /** `failed` where any check failed. */
  readonly verdict: "passed" | "failed";
  /** Set where a cause had no effect, or the database names bytes that are not there. */
  readonly failure: "fix-not-landed" | "checks-failed" | undefined;
  readonly checks: readonly CheckResult[];
  readonly platforms: readonly PlatformFacts[];
}
