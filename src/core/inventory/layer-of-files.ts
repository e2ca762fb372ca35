import type { Digest } from "../../lib/index.ts";
import { lookup, type Tree } from "./tree.ts";

/** Files that are looked up for one package. */
const looked = 12;

/**
 * The layer that brought a package with these files: the lowest that still has one of the first dozen, since whoever upgrades a package writes all its files
 * anew, and what later layers change are single files. Undefined where none is there.
 */
export function layerOfFiles(tree: Tree, files: readonly { readonly path: string }[]): Digest | undefined {
  let lowest: number | undefined;
  for (const { path } of files.slice(0, looked)) {
    const found = lookup(tree, path, false);
    if (found.kind === "found" && (lowest === undefined || found.node.layer < lowest)) lowest = found.node.layer;
  }
  return lowest === undefined ? undefined : tree.layers[lowest];
}
