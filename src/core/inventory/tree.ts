import type { Digest } from "../../lib/index.ts";
import type { LayerEntry, LayerFacts, LayerProblem } from "./layer-facts.ts";

/** One path of the merged file system. Never changed once its tree is finished: trees share nodes. */
export interface TreeNode {
  readonly entry: LayerEntry;
  /** Position in `Tree.layers` of the layer that put it here. */
  readonly layer: number;
  /** By name; only folders have it. */
  readonly children: ReadonlyMap<string, TreeNode> | undefined;
}

/** The file system that a container of these layers sees, without a byte of it on disk. */
export interface Tree {
  readonly root: TreeNode;
  /** Lowest first. */
  readonly layers: readonly Digest[];
  /** What could not be merged as written, and what the layers' readers left out. */
  readonly problems: readonly TreeProblem[];
}

export interface TreeProblem extends LayerProblem {
  readonly layer: Digest;
}

export type Lookup =
  | { readonly kind: "found"; readonly node: TreeNode; readonly path: string }
  | { readonly kind: "missing"; readonly path: string }
  | { readonly kind: "loop"; readonly path: string };

/** Links followed in one look-up before it counts as a loop. path_resolution(7): 40. */
const maxLinks = 40;
/** Name components walked while one layer is merged: what a layer made to waste time may cost. */
const maxSteps = 20_000_000;

interface MutableNode {
  entry: LayerEntry;
  layer: number;
  children: Map<string, MutableNode> | undefined;
  /** The merge that made this node; another merge copies it before changing it. */
  owner: number;
}

const emptyRoot: LayerEntry = { path: "", type: "directory", mode: 0o755, uid: 0, gid: 0, size: 0 };
export const emptyTree: Tree = {
  root: { entry: emptyRoot, layer: -1, children: new Map() },
  layers: [],
  problems: [],
};

/** The tree of `layers`, lowest first. image-spec, layer.md: whiteouts hide only what lies below; a folder never hides a folder. */
export function mergeLayers(layers: Iterable<LayerFacts>): Tree {
  let tree = emptyTree;
  for (const layer of layers) tree = extendTree(tree, layer);
  return tree;
}

let merges = 0;

/** `below` with one more layer on top; `below` stays as it is and shares what did not change. */
export function extendTree(below: Tree, facts: LayerFacts): Tree {
  merges += 1;
  const merge = new Merge(below, facts, merges);
  merge.hide();
  for (const entry of facts.entries) merge.put(entry);
  return {
    root: merge.root,
    layers: [...below.layers, facts.diffId],
    problems: [
      ...below.problems,
      ...facts.problems.map((problem) => ({ ...problem, layer: facts.diffId })),
      ...merge.problems,
    ],
  };
}

class Merge {
  readonly root: MutableNode;
  readonly problems: TreeProblem[] = [];
  private readonly facts: LayerFacts;
  private readonly owner: number;
  private readonly layer: number;
  private steps = 0;
  private readonly warned = new Set<string>();
  private lastParent: { path: string; node: MutableNode } | undefined;

  constructor(below: Tree, facts: LayerFacts, owner: number) {
    this.facts = facts;
    this.owner = owner;
    this.layer = below.layers.length;
    const root = below.root as MutableNode;
    this.root = { entry: root.entry, layer: root.layer, children: new Map(root.children), owner };
  }

  /** Removes what the layer's whiteouts and opaque folders hide, before its own entries come. */
  hide(): void {
    for (const path of this.facts.whiteouts) {
      const parent = this.folder(parentOf(path), false);
      if (parent === undefined) continue;
      parent.children?.delete(nameOf(path));
      this.lastParent = undefined;
    }
    for (const path of this.facts.opaques) {
      const folder = this.folder(path, false);
      if (folder?.children !== undefined) folder.children = new Map();
      this.lastParent = undefined;
    }
  }

  put(entry: LayerEntry): void {
    if (this.steps > maxSteps) {
      if (this.steps !== Infinity)
        this.problem("oversized", entry.path, "its links need more steps than a layer may cost");
      this.steps = Infinity;
      return;
    }
    if (entry.path === "") {
      if (entry.type === "directory") this.root.entry = entry;
      return;
    }
    const parent = this.parentFolder(parentOf(entry.path));
    if (parent === undefined) {
      this.problem("bad-link", entry.path, "its folder is a link that leads nowhere");
      return;
    }
    const name = nameOf(entry.path);
    const node = entry.type === "hardlink" ? this.hardLink(entry) : this.nodeOf(entry);
    if (node === undefined) return;
    const before = parent.children?.get(name);
    if (before?.children !== undefined && node.children !== undefined)
      node.children = before.owner === this.owner ? before.children : new Map(before.children);
    if (before !== undefined) this.lastParent = undefined;
    parent.children?.set(name, node);
  }

  private nodeOf(entry: LayerEntry): MutableNode {
    const children = entry.type === "directory" ? new Map<string, MutableNode>() : undefined;
    return { entry, layer: this.layer, children, owner: this.owner };
  }

  private hardLink(entry: LayerEntry): MutableNode | undefined {
    const target = entry.link ?? "";
    const found = this.folder(parentOf(target), false)?.children?.get(nameOf(target));
    if (found === undefined || found.children !== undefined) {
      this.problem("bad-link", entry.path, `it is a hard link to ${target}, which is not there`);
      return undefined;
    }
    return { entry: found.entry, layer: this.layer, children: undefined, owner: this.owner };
  }

  private parentFolder(path: string): MutableNode | undefined {
    if (this.lastParent?.path === path) return this.lastParent.node;
    const node = this.folder(path, true);
    this.lastParent = node === undefined ? undefined : { path, node };
    return node;
  }

  /** The folder at `path`, links followed inside the root, ready to be changed; made where `create` is set. */
  private folder(path: string, create: boolean): MutableNode | undefined {
    const trail: MutableNode[] = [this.root];
    const todo = path === "" ? [] : path.split("/").reverse();
    let links = 0;
    for (let part = todo.pop(); part !== undefined; part = todo.pop()) {
      this.steps += 1;
      if (part === "" || part === ".") continue;
      if (part === "..") {
        if (trail.length > 1) trail.pop();
        continue;
      }
      const here = trail.at(-1) ?? this.root;
      let child = here.children?.get(part);
      if (child?.entry.type === "symlink") {
        links += 1;
        const target = child.entry.link ?? "";
        if (links > maxLinks || todo.length > 4096) return undefined;
        if (create && child.layer < this.layer) this.ambiguous(child.entry.path);
        if (target.startsWith("/")) trail.length = 1;
        todo.push(...target.split("/").reverse());
        continue;
      }
      if (child?.children === undefined) {
        if (!create) return undefined;
        child = this.nodeOf({ ...emptyRoot, path: trail.length === 1 ? part : `${here.entry.path}/${part}` });
        here.children?.set(part, child);
      } else if (child.owner !== this.owner) {
        child = { entry: child.entry, layer: child.layer, children: new Map(child.children), owner: this.owner };
        here.children?.set(part, child);
      }
      trail.push(child);
    }
    return trail.at(-1);
  }

  /** Engines disagree here: one writes through the link, another makes a folder that hides it. */
  private ambiguous(path: string): void {
    if (this.warned.has(path)) return;
    this.warned.add(path);
    this.problem("ambiguous", path, "files are put below this link of a lower layer, and no entry says if it stays");
  }

  private problem(kind: LayerProblem["kind"], path: string, message: string): void {
    if (this.problems.length < 1000) this.problems.push({ kind, path, message, layer: this.facts.diffId });
  }
}

/**
 * The node that `path` (absolute or from the root) leads to, links in folders followed inside the root; with `follow`
 * false a link at its end is itself the answer. path_resolution(7).
 */
export function lookup(tree: Tree, path: string, follow = true): Lookup {
  const trail: TreeNode[] = [tree.root];
  const names: string[] = [];
  const todo = path.split("/").reverse();
  let links = 0;
  let steps = 0;
  for (let part = todo.pop(); part !== undefined; part = todo.pop()) {
    if (part === "" || part === ".") continue;
    if (part === "..") {
      if (trail.length > 1) trail.pop();
      names.pop();
      continue;
    }
    steps += 1;
    const child = trail.at(-1)?.children?.get(part);
    if (child === undefined) return { kind: "missing", path: [...names, part, ...todo.reverse()].join("/") };
    if (child.entry.type === "symlink" && (follow || todo.some((name) => name !== ""))) {
      links += 1;
      if (links > maxLinks || steps > 100_000) return { kind: "loop", path: [...names, part].join("/") };
      const target = child.entry.link ?? "";
      if (target.startsWith("/")) {
        trail.length = 1;
        names.length = 0;
      }
      todo.push(...target.split("/").reverse());
      continue;
    }
    trail.push(child);
    names.push(part);
  }
  return { kind: "found", node: trail.at(-1) ?? tree.root, path: names.join("/") };
}

/** Every node below the root with its path, in no promised order. */
export function* walkTree(tree: Tree): Generator<readonly [path: string, node: TreeNode]> {
  const stack: (readonly [string, TreeNode])[] = [["", tree.root]];
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const [path, node] = top;
    if (path !== "") yield top;
    if (node.children === undefined) continue;
    for (const [name, child] of node.children) stack.push([path === "" ? name : `${path}/${name}`, child]);
  }
}

/** Names in the folder at `path`, sorted; none where it is not a folder. */
export function listFolder(tree: Tree, path: string): readonly string[] {
  const found = lookup(tree, path);
  return found.kind === "found" && found.node.children !== undefined ? [...found.node.children.keys()].sort() : [];
}

/** The part of a path before its last slash; empty for a name alone. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}

/** The part of a path after its last slash. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
