import type { LayerEntry } from "./layer-facts.ts";
import { walkTree, type Tree } from "./tree.ts";

/** Bytes of all files of a tree, one with several names once. */
export function sizeOfFiles(tree: Tree): number {
  const seen = new Set<LayerEntry>();
  for (const [, { entry }] of walkTree(tree)) seen.add(entry);
  return [...seen].reduce((sum, { size }) => sum + size, 0);
}
