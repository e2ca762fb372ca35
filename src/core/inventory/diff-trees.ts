import { walkTree, type Tree, type TreeNode } from "./tree.ts";

/** A path that two trees do not have in common. */
export interface TreeChange {
  /** From the root, without a leading slash. */
  readonly path: string;
  readonly change: "added" | "removed" | "changed";
}

/** Paths that are in one tree only, or differ in content, kind, mode, owner or target; in no promised order. Times are not compared. */
export function* diffTrees(a: Tree, b: Tree): Generator<TreeChange> {
  const before = new Map(walkTree(a));
  for (const [path, node] of walkTree(b)) {
    const earlier = before.get(path);
    before.delete(path);
    if (earlier === undefined) yield { path, change: "added" };
    else if (!isSame(earlier, node)) yield { path, change: "changed" };
  }
  for (const path of before.keys()) yield { path, change: "removed" };
}

function isSame({ entry: a }: TreeNode, { entry: b }: TreeNode): boolean {
  if (a === b) return true;
  return (
    a.type === b.type &&
    a.mode === b.mode &&
    a.uid === b.uid &&
    a.gid === b.gid &&
    a.size === b.size &&
    a.sha256 === b.sha256 &&
    a.link === b.link &&
    (a.xattrs ?? []).join() === (b.xattrs ?? []).join()
  );
}
