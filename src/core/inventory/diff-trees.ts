import type { LayerEntry } from "./layer-facts.ts";
import type { Tree, TreeNode } from "./tree.ts";

/** A path that two trees have differently; undefined on the side that lacks it. */
export interface PathChange {
  readonly before: TreeNode | undefined;
  readonly after: TreeNode | undefined;
}

export type PathChanges = ReadonlyMap<string, PathChange>;

/**
 * The paths at which `same` does not hold between the entries of two trees. Folders that both trees share as one object are not entered, so trees of
 * common layers are compared in the time of what differs.
 */
export function diffTrees(before: Tree, after: Tree, same: (a: LayerEntry, b: LayerEntry) => boolean): PathChanges {
  const changes = new Map<string, PathChange>();
  const stack: [path: string, before: TreeNode | undefined, after: TreeNode | undefined][] = [
    ["", before.root, after.root],
  ];
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const [path, one, other] = top;
    if (one === undefined || other === undefined || !same(one.entry, other.entry))
      changes.set(path, { before: one, after: other });
    const inner = one?.children;
    const outer = other?.children;
    if (inner === outer) continue;
    const prefix = path === "" ? "" : `${path}/`;
    if (outer !== undefined)
      for (const [name, child] of outer) {
        const known = inner?.get(name);
        if (known !== child) stack.push([prefix + name, known, child]);
      }
    if (inner !== undefined)
      for (const [name, child] of inner) if (outer?.has(name) !== true) stack.push([prefix + name, child, undefined]);
  }
  return changes;
}

/** Whether two entries are the same to whoever uses them: kind, content, mode, owner, target, rights. */
export function sameEntry(a: LayerEntry, b: LayerEntry): boolean {
  return (
    a === b ||
    (a.type === b.type &&
      a.mode === b.mode &&
      a.uid === b.uid &&
      a.gid === b.gid &&
      a.size === b.size &&
      a.sha256 === b.sha256 &&
      a.link === b.link &&
      (a.xattrs ?? []).join() === (b.xattrs ?? []).join())
  );
}

/** Whether they are one object: what no layer in between has put there again. */
export function identical(a: LayerEntry, b: LayerEntry): boolean {
  return a === b;
}
