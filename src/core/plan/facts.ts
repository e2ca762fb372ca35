import type { Digest, Instant } from "../../lib/index.ts";
import type { Cause, ImageName, Lane, PackageChange } from "./types.ts";

/** What a plan needs to know of a package in an inventory. */
export interface PlanPackage {
  readonly name: string;
  readonly architecture: string;
  readonly version: string;
  readonly source: string;
}

/** What going to an offered version closes, by the word of advisory feeds. */
export interface ClosedByUpdate {
  readonly advisories: readonly string[];
  /** Those of them that are known to be exploited, or critical: their cure takes the urgent lane. */
  readonly urgent: readonly string[];
  /** Those of `urgent` that are known to be exploited. */
  readonly exploited: readonly string[];
  /** Those of `urgent` that more than one weak feed vouches for. */
  readonly vouched: readonly string[];
}

/** One version that the open suites offer, newer than some inventory has. */
export interface PackageUpdate {
  readonly name: string;
  readonly architecture: string;
  readonly version: string;
  readonly source: string;
  readonly sourceVersion: string;
  /** Upstream that offers it. */
  readonly origin: string;
  /** The upstream of the configuration that its suite belongs to: what is offered to one release is nothing to another. Absent: to all. */
  readonly distro?: string;
  /** Offered by a suite of security updates of a signed distribution: by the policy it passes the cool-down, on record. */
  readonly security: boolean;
  /** Whether it is known to close something that is exploited, or critical, whatever version is installed: it passes the cool-down. */
  readonly urgent: boolean;
  /** On our own clock. */
  readonly firstSeen: Instant;
  /** Of the first generation seen of its suite: exempt from cool-down. */
  readonly baseline: boolean;
  /** What feeds say that it closes, whatever version is installed. */
  readonly advisories: readonly string[];
  /** What it closes for each installed version of the package of which feeds say something. */
  readonly closes?: ReadonlyMap<string, ClosedByUpdate>;
}

/** A pause of an image or of the whole fleet. */
export interface PlanHold {
  /** Null: every image. */
  readonly image: ImageName | null;
  readonly who: string;
  readonly reason: string;
  readonly until: Instant | null;
}

/** An image of somebody else's that one of ours is made of. */
export interface PlanBase {
  /** As its upstream is called. */
  readonly name: string;
  /** What the current digest was made of; undefined where that is not known. */
  readonly from: Digest | undefined;
  /** What it is believed to be now. */
  readonly to: Digest;
  /** On our own clock. */
  readonly firstSeen: Instant;
  /** When its cool-down ends. */
  readonly readyAt: Instant;
  /** Whether a quarantined digest was made of it: the image stays on what it has until another comes. */
  readonly isBlocked?: boolean;
}

export interface PlanImage {
  readonly name: ImageName;
  /** Images that it is built on, whatever stage of it; the one whose layers it has first, where there is one. */
  readonly parents: readonly ImageName[];
  /** Bases of others that it is made of, whatever stage of it. */
  readonly bases: readonly PlanBase[];
  /** Of the configuration as it is now. */
  readonly recipeKey: string;
  /** Why nothing can be made of it now: its source cannot be read, or nothing is known of a base. */
  readonly broken: string | undefined;
  /** Inventories of what came with a base of somebody else's and that no rebuild of this image brings up to date, and the name of that base. */
  readonly inherited: { readonly base: string; readonly inventories: readonly string[] } | undefined;
  /** Whether only security updates are causes. */
  readonly securityOnly: boolean;
  /** What it is now: the newest candidate that is on its way or in place. Undefined where it was never built. */
  readonly current:
    { readonly digest: Digest; readonly recipeKey: string; readonly inventories: readonly string[] } | undefined;
  /** Asked for by a person since. */
  readonly requests: readonly Extract<Cause, { kind: "person" }>[];
  /** The newest rebuild, where it failed. */
  readonly failure:
    | { readonly at: Instant; readonly count: number; readonly recipeKey: string; readonly causes: readonly string[] }
    | undefined;
  /** The newest rebuild, where it changed nothing: the same causes need no other. */
  readonly settled: { readonly recipeKey: string; readonly causes: readonly string[] } | undefined;
  /** Vulnerabilities that somebody said do not matter in it, by the source of their package: they are no reason to hurry. */
  readonly accepted?: ReadonlyMap<string, ReadonlySet<string>>;
  /** Rebuilds that were begun in the last hour. */
  readonly recent: number;
  /** Versions that quarantined digests brought: not to come back. */
  readonly blocked: readonly { readonly name: string; readonly architecture: string; readonly version: string }[];
  /** Whether its build can leave out some updates and take the others: then blocked versions stay out, else the whole image waits. */
  readonly takesSome: boolean;
}

/** What may pass the cool-down: what is known to be exploited, what is critical by the word of more than one weak feed, and what a signed suite of security updates offers. */
export type CoolDownExemption = "exploited" | "critical" | "security-suites";

export interface PlanPolicy {
  /** Milliseconds that an ordinary update waits. */
  readonly coolDown: number;
  /** Milliseconds that what somebody calls a security fix waits, where it waits; never longer than the ordinary ones. */
  readonly securityCoolDown: number;
  /** What waits for nothing. */
  readonly exempt: readonly CoolDownExemption[];
  readonly maxRebuildsPerHour: number;
}

/** All that a plan is made from. */
export interface PlanFacts {
  readonly now: Instant;
  readonly images: readonly PlanImage[];
  /** Packages by the key of their inventory; images share them. */
  readonly inventories: ReadonlyMap<string, readonly PlanPackage[]>;
  /** The upstream of the configuration that tells what is newer than what an inventory holds, by its key. */
  readonly distroOf?: ReadonlyMap<string, string>;
  readonly updates: readonly PackageUpdate[];
  readonly holds: readonly PlanHold[];
  readonly policy: PlanPolicy;
}

/** A cause with the key that is the same for causes that are the same. */
export interface KeyedCause {
  readonly key: string;
  readonly cause: Cause;
}

/** A rebuild that is to be made. */
export interface PlannedRebuild {
  readonly image: ImageName;
  /** Parents that are rebuilt in earlier waves. */
  readonly parents: readonly ImageName[];
  readonly recipeKey: string;
  readonly lane: Lane;
  readonly notBefore: Instant;
  readonly causes: readonly KeyedCause[];
  /** Updates that still wait, or are blocked: the build takes these packages at `from`. */
  readonly holdBack: readonly PackageChange[];
  /** Versions that must not come with it. */
  readonly keepOut: PlanImage["blocked"];
  /** The digest of each base that it is made of: the build takes these, wherever their tags move meanwhile. */
  readonly bases: readonly { readonly name: string; readonly digest: Digest }[];
}

export type HeldKind = "source" | "cool-down" | "hold" | "quarantine" | "breaker" | "backoff" | "parent";

export interface HeldImage {
  readonly image: ImageName;
  readonly kind: HeldKind;
  readonly until: Instant | undefined;
  readonly causes: readonly KeyedCause[];
  readonly reason: string;
}

/** What is to be done, in which order, and why; what is not, and why not. */
export interface Plan {
  /** Parents come in earlier waves. */
  readonly waves: readonly (readonly PlannedRebuild[])[];
  readonly held: readonly HeldImage[];
  /** What stays out of images that are rebuilt all the same. */
  readonly keptOut: readonly HeldImage[];
  readonly untouched: readonly { readonly image: ImageName; readonly reason: string }[];
}
