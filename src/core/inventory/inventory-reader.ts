import type { InstalledPackage } from "./types.ts";
import type { Tree } from "./tree.ts";

export interface PackageDatabase {
  readonly packages: readonly InstalledPackage[];
  /** What could not be read, one sentence each. */
  readonly problems: readonly string[];
}

/** Reads one kind of package database from a merged tree. */
export interface InventoryReader {
  /** The packages that the database lists; undefined where the tree has no such database. Never throws. */
  read(tree: Tree): PackageDatabase | undefined;
}
