import type { Tree } from "../inventory/index.ts";
import type { Alteration, LayerEntry, PackageFacts } from "../layer/index.ts";
import type { PackageRecord, PackageUniverse } from "../packages/index.ts";

/** A package that an image holds, as its database has it. */
export interface OriginalPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly source: string;
  readonly sourceVersion: string;
  /** As a suite would offer it; its `stanza` has no Status and no Conffiles. */
  readonly record: PackageRecord;
  /** The stanza as it stands, one character a byte. */
  readonly stanza: string;
  /** Where that is: its bytes in `status`, or a file of `status.d` of its own. */
  readonly place:
    | { readonly kind: "status"; readonly start: number; readonly end: number }
    | { readonly kind: "file"; readonly path: string };
  /** `hold ok installed`: whoever made the image does not want it to change. */
  readonly held: boolean;
  readonly conffiles: readonly Conffile[];
  /** The beginning of the names of its files in `info/`, its folder included. */
  readonly info: string;
  /** Paths as its list has them, without the leading slash. */
  readonly listed: readonly string[];
  /** Paths that it owns, links of folders followed; of its links only those that are listed somewhere. */
  readonly paths: readonly string[];
}

/** A row of `Conffiles:` in a stanza. dpkg-query(1). */
export interface Conffile {
  readonly path: string;
  readonly md5: string;
  readonly obsolete: boolean;
}

/** What there is to know of an image before it is patched. */
export interface Original {
  readonly tree: Tree;
  /** dpkg's own `status`, or a file for each package where there is no dpkg. */
  readonly database: "status" | "status.d";
  /** All of `status`, one character a byte; empty where there is none. */
  readonly status: string;
  /** Debian's word: amd64. */
  readonly architecture: string;
  readonly packages: readonly OriginalPackage[];
  /** The installed packages as what a suite offers. */
  readonly universe: PackageUniverse;
  /** Whether /bin, /sbin and /lib are links to /usr. */
  readonly isMerged: boolean;
  /** The package that owns a path. */
  readonly owners: ReadonlyMap<string, OriginalPackage>;
}

export interface PatchPolicy {
  /** Only these sources, each to at least `fixed` where it is given: what named advisories need. Everything newer without it. */
  readonly wanted?: readonly { readonly source: string; readonly fixed?: string }[];
  /** What becomes of a conffile that both the image's owner and the new version changed: the owner's stays, or nothing is patched. */
  readonly changedConffile: "keep" | "refuse";
}

/** One package that goes from one version to another; one that comes anew has no `from`. */
export interface Swap {
  readonly name: string;
  readonly architecture: string;
  readonly source: string;
  readonly from: string | undefined;
  readonly to: string;
  readonly record: PackageRecord;
}

/** Which packages should change, before anything is known of their bytes. */
export type Selection =
  | { readonly kind: "nothing"; readonly notes: readonly string[] }
  | { readonly kind: "swaps"; readonly swaps: readonly Swap[]; readonly notes: readonly string[] }
  | { readonly kind: "refused"; readonly reasons: readonly string[] };

/** The new version of a package, converted. */
export interface NewPackage {
  readonly swap: Swap;
  readonly facts: PackageFacts;
  /** What dpkg keeps of it in `info/`, by ending: `list`, `md5sums`, `postinst`, … */
  readonly files: ReadonlyMap<string, string>;
  /** What was done to its paths already. */
  readonly steps: readonly Alteration[];
}

/** Why the maintainer scripts of a package must run. */
export interface ScriptNeed {
  readonly name: string;
  readonly reasons: readonly string[];
}

/** How an image is to be patched. */
export type PatchPlan =
  /** The owner's image is current. */
  | { readonly kind: "nothing"; readonly notes: readonly string[] }
  /** Its packages are swapped as files. */
  | {
      readonly kind: "native";
      readonly swaps: readonly Swap[];
      readonly placed: readonly PlacedPackage[];
      /** Files that a script would have made of the packages' own. */
      readonly made: readonly LayerEntry[];
      /** Paths that the new versions no longer have. */
      readonly whiteouts: readonly string[];
      readonly notes: readonly string[];
    }
  /** Maintainer scripts of some packages must run: a build engine does it. */
  | {
      readonly kind: "engine";
      readonly swaps: readonly Swap[];
      readonly needs: readonly ScriptNeed[];
      readonly notes: readonly string[];
    }
  | { readonly kind: "refused"; readonly reasons: readonly string[] };

/** A new version and how it stands in the image. */
export interface PlacedPackage {
  readonly package: NewPackage;
  readonly old: OriginalPackage | undefined;
  readonly conffiles: readonly Conffile[];
}
