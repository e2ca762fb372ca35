import type { Finding, Judgement } from "../advisory/index.ts";
import type { Support } from "../base/index.ts";
import type { InstalledPackage } from "../inventory/index.ts";
import type { Digest, Instant } from "../../lib/index.ts";
import type { Dependant } from "./types.ts";

/** What of a package tells where it is. */
export interface PackagePlace extends Pick<InstalledPackage, "type" | "name" | "architecture" | "path"> {
  /** Undefined where the finding does not say which layer brought it. */
  readonly layer: Digest | undefined;
  /** Of its source: a lock file may name several versions of a package. Elsewhere another one may stand at the place. */
  readonly sourceVersion?: string;
}

/** A package as something offers or holds it. */
export interface PackageVersion {
  /** Of the binary package. */
  readonly version: string;
  /** What advisories are compared with. */
  readonly sourceVersion: string;
}

/** A version that a rebuild may bring. */
export interface OfferedVersion extends PackageVersion {
  readonly from: string;
  readonly since: Instant | undefined;
  /** Whether it still waits out its cool-down: what does not wait comes into a rebuild before it. */
  readonly isWaiting: boolean;
}

/** What is offered for a package where an image takes its packages from. */
export type PackageOffers =
  /** Newer versions than the installed one, the newest first. */
  | { readonly kind: "asked"; readonly versions: readonly OfferedVersion[] }
  /** Nobody looks there: only the advisory's own word is had. */
  | { readonly kind: "not-asked" };

/** What an image stands on. */
export type RemedyBase =
  | { readonly kind: "none" }
  /** The next image of the lineage: `digest` is what it is now. */
  | { readonly kind: "own"; readonly digest: Digest | undefined; readonly since: Instant | undefined }
  | {
      readonly kind: "others";
      readonly name: string;
      /** Another one than the image was made of, which is believed or in cool-down; undefined where it has not moved. */
      readonly moved: MovedBase | undefined;
    }
  /** Its layers are told apart, and nobody says what they are. */
  | { readonly kind: "unknown" };

export interface MovedBase {
  readonly digest: Digest;
  readonly since: Instant;
  /** What it holds of a package; undefined where it holds it no more. Itself undefined where what it holds is not known. */
  readonly find: ((place: PackagePlace) => PackageVersion | undefined) | undefined;
}

/** An image as remedies look at it. */
export interface RemedyImage {
  readonly name: string;
  readonly recipe: "packages" | "dockerfile" | "upstream" | "external" | "unknown";
  readonly base: RemedyBase;
  /** Whether a package that it holds came with what it stands on. */
  readonly inherits: (place: PackagePlace) => boolean;
  /** Whether a build of it brings a package of its base up to date. */
  readonly renews: (name: string) => boolean;
  /** Whether its layers may go onto another base without a build. */
  readonly mayRebase: boolean;
  /** Which updates go into an image of somebody else's. */
  readonly patches: "none" | "security" | "all";
  /** What it holds now of a package. */
  readonly find: (place: PackagePlace) => (PackageVersion & PackagePlace) | undefined;
  readonly offers: (place: PackagePlace) => PackageOffers;
}

/** What is known of a version with regard to a finding. */
export type VersionWord = "clear" | "affected" | "unknown";

/** How a package of a language can be cured in its source. */
export type SourceCure =
  | {
      readonly kind: "bump";
      readonly version: string;
      readonly from: string;
      readonly since: Instant | undefined;
      readonly file: string | undefined;
      readonly dependants: readonly Dependant[];
      readonly isCompatible: boolean | undefined;
      /** Why not everyone who asks for it is known. */
      readonly gap?: string;
    }
  | { readonly kind: "none"; readonly reason: string };

/** All that the remedy of a finding is planned from. */
export interface RemedyFacts {
  readonly now: Instant;
  /** The image that the finding is in, what that stands on, and so on down. */
  readonly lineage: readonly [RemedyImage, ...RemedyImage[]];
  /** What the finding's own vulnerability is to another version of its package. */
  readonly judge: (finding: Finding, version: PackageVersion) => VersionWord;
  /** The support of the distribution that the finding's package is of. */
  readonly support: Support;
  /** For packages of a language. */
  readonly sourceCure: (finding: Finding) => SourceCure;
}

/** What a distribution's judgement means for who waits. */
export const judgementWords: Readonly<Record<Judgement, string>> = {
  "not-affected": "the distribution says that it is not affected",
  "no-dsa": "the distribution gives it no update of its own: a point release may bring it",
  postponed: "the distribution has put it off until its next update",
  ignored: "the distribution does not mean to mend it",
  "end-of-life": "the distribution does not look after this package any more",
  undetermined: "the distribution has not decided yet",
};
