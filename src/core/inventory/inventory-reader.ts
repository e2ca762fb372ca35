import type { InstalledPackage } from "./types.ts";
import type { Tree } from "./tree.ts";

/** A file that a package of the distribution brought. */
export interface OwnedFile {
  /** From the root, as the package names it: links on the way are not followed. */
  readonly path: string;
  /** Name of the package. */
  readonly owner: string;
  /** What its content should have, in hex; where it has another, the file is no longer the package's. */
  readonly digest?: { readonly kind: "md5" | "sha1" | "sha256"; readonly hex: string };
}

export interface PackageDatabase {
  readonly packages: readonly InstalledPackage[];
  /** What could not be read, one sentence each. */
  readonly problems: readonly string[];
  /** The files of its packages, at least those that `mayMatter` (by their last name) lets in. */
  readonly files: (mayMatter: (name: string) => boolean) => Iterable<OwnedFile>;
}

/** Reads one kind of package database from a merged tree. */
export interface InventoryReader {
  /** The packages that the database lists; undefined where the tree has no such database. Never throws. */
  read(tree: Tree): PackageDatabase | undefined;
}
