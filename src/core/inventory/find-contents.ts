import type { Digest } from "../../lib/index.ts";
import { isOwnManifest } from "./content/npm.ts";
import { rpmDatabases } from "./content/rpm.ts";
import type { FileHolds, LayerEntry } from "./layer-facts.ts";
import type { Tree, TreeNode } from "./tree.ts";

/** A file of the merged tree that tells of packages. */
export interface FoundContent {
  readonly path: string;
  readonly entry: LayerEntry;
  readonly holds: FileHolds;
  readonly layer: Digest;
}

/** The files of `tree` that tell of packages beside the distribution's database, sorted by path; one that has several names counts once. */
export function findContents(tree: Tree): FoundContent[] {
  const found: FoundContent[] = [];
  const stack: (readonly [path: string, node: TreeNode, isInProgram: boolean])[] = [["", tree.root, false]];
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const [path, node, isInProgram] = top;
    const { holds } = node.entry;
    if (holds !== undefined && !rpmDatabases.includes(path)) {
      const layer = tree.layers[node.layer];
      if (layer !== undefined) found.push({ path, entry: node.entry, holds, layer });
    }
    const { children } = node;
    if (children === undefined) continue;
    // What lies deeper in a program that has a manifest is part of it: test data, templates. The root of the system is no program.
    const isProgram = path !== "" && children.get("package.json")?.entry.type === "file";
    for (const [name, child] of children) {
      if (name === "package.json" && !belongs(path, node, isInProgram, child)) continue;
      stack.push([
        path === "" ? name : `${path}/${name}`,
        child,
        name !== "node_modules" && (isInProgram || isProgram),
      ]);
    }
  }
  found.sort((a, b) => (a.path < b.path ? -1 : 1));
  const seen = new Set<LayerEntry>();
  return found.filter(({ entry }) => {
    const isNew = !seen.has(entry);
    seen.add(entry);
    return isNew;
  });
}

/** Whether a `package.json` in this folder is of a package that was installed, or a program's own. */
function belongs(folder: string, node: TreeNode, isInProgram: boolean, manifest: TreeNode): boolean {
  if (!isOwnManifest(`${folder}/package.json`)) return true;
  if (isInProgram) return false;
  // One that node could not use tells of no program where nothing was installed for it: a template.
  return manifest.entry.holds?.problem === undefined || node.children?.has("node_modules") === true;
}
