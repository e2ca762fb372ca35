import { walkTree, type Tree, type TreeNode } from "../../core/inventory/index.ts";
import type { Diff } from "../../operation/index.ts";

type FileChange = NonNullable<Diff["files"]>[number];

/** Paths that are in one tree only, or differ in content, kind, mode, owner or target; in order of path. Times are not compared. */
export function diffTrees(a: Tree, b: Tree): FileChange[] {
  const before = new Map(walkTree(a));
  const changes: FileChange[] = [];
  for (const [path, node] of walkTree(b)) {
    const earlier = before.get(path);
    before.delete(path);
    if (earlier === undefined) changes.push({ path: `/${path}`, change: "added" });
    else if (!isSame(earlier, node)) changes.push({ path: `/${path}`, change: "changed" });
  }
  for (const path of before.keys()) changes.push({ path: `/${path}`, change: "removed" });
  return changes.sort((one, other) => (one.path < other.path ? -1 : 1));
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
