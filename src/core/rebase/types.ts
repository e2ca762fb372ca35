import type { ImageConfig } from "../image/index.ts";
import type { Tree } from "../inventory/index.ts";

/** One platform of an image, as far as a rebase looks at it. */
export interface RebaseSide {
  readonly tree: Tree;
  readonly config: ImageConfig;
}

/** What kind of thing stands in the way of a rebase. */
export type RefusalCode =
  /** An application layer has a path that the base changed, or deletes one. */
  | "overwrites"
  | "deletes"
  /** The base no longer has a folder that application files were put into. */
  | "folder-gone"
  /** A package was changed on both sides, and the files cannot be those of one version. */
  | "package"
  /** A relation between packages does not hold any more. */
  | "dependency"
  /** The new base is of another release, and the application has packages of the old one. */
  | "release"
  | "library"
  | "symbol-version"
  | "interpreter"
  | "entrypoint"
  | "account"
  /** A part of an image could not be read: nothing is shown. */
  | "unreadable"
  /** The new base lacks a platform that the image has. */
  | "platform"
  /** What the image stands on now is not known, or not what was said. */
  | "base-unknown";

/** One reason why a rebase would not be safe. */
export interface Refusal {
  readonly code: RefusalCode;
  /** One sentence that names path, package or library. */
  readonly message: string;
  readonly path?: string;
  readonly package?: string;
  readonly library?: string;
}

/** What is done with a path that both sides changed, and that DESIGN's table lets them change. */
export interface Treatment {
  readonly path: string;
  readonly action: "merged" | "regenerated" | "kept" | "dropped";
  readonly reason: string;
}

/** A file of the merge layer. The content is in pieces: one that many images have in common is the same object in all of them. */
export interface MergedFile {
  readonly path: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly pieces: readonly Buffer[];
}

/** A folder that the merge layer names, so that it stays as it is. */
export interface MergedFolder {
  readonly path: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** What the last layer of a rebased image holds. Paths go through no link. */
export interface MergeLayer {
  readonly folders: readonly MergedFolder[];
  readonly files: readonly MergedFile[];
  /** Paths that it deletes. */
  readonly whiteouts: readonly string[];
}

export type RebasePlan =
  | {
      readonly kind: "rebase";
      /** Undefined where there is nothing to merge. */
      readonly merge: MergeLayer | undefined;
      readonly treatments: readonly Treatment[];
      /** Packages whose version is another than before, one line each. */
      readonly packages: readonly PackageStep[];
      readonly notes: readonly string[];
    }
  | { readonly kind: "refused"; readonly reasons: readonly Refusal[] };

/** A package that a rebase brings from one version to another; undefined where it comes or goes. */
export interface PackageStep {
  readonly name: string;
  readonly architecture: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
}
