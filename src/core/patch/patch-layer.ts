import { extendTree, lookup, walkTree, type LayerEntry as TreeEntry, type Tree } from "../inventory/index.ts";
import { generatedTime, loaderEntries, type Folder, type LayerEntry, type PackageFacts } from "../layer/index.ts";
import { sha256 } from "../../lib/index.ts";
import { databaseEntries } from "./database-entries.ts";
import type { Original, PatchPlan } from "./types.ts";

/** The entries of a patch's layer beside the packages' own files, which stand in it as their members have them. */
export interface PatchLayer {
  /** Every folder that something in the layer stands in, as the image has it, parents first. */
  readonly folders: readonly Folder[];
  /** Database, the loader's cache, and deletions. */
  readonly entries: readonly LayerEntry[];
}

const cache = "etc/ld.so.cache";

/** What else stands in the layer of a native patch. image-spec, layer.md. */
export function patchLayer(original: Original, plan: Extract<PatchPlan, { kind: "native" }>): PatchLayer {
  const facts = plan.placed.map((each) => each.package.facts);
  const database = databaseEntries(original, plan.placed);
  const whiteouts = [...plan.whiteouts, ...database.whiteouts];
  const patched = treeAfter(original.tree, facts, whiteouts);
  const entries: LayerEntry[] = [
    ...database.entries,
    ...plan.made,
    ...loaderCache(original, patched, facts),
    ...whiteouts.map((path) => emptyFile(whiteoutOf(path))),
  ];
  const info = original.database === "status" ? ["var/lib/dpkg/info/any"] : [];
  return { folders: foldersOf(original.tree, facts, [...entries.map(({ path }) => path), ...info]), entries };
}

/** The tree of the image with the packages' files and without what goes; the database left as it is. */
function treeAfter(tree: Tree, packages: readonly PackageFacts[], whiteouts: readonly string[]): Tree {
  const entries = packages.flatMap(({ entries: own, libraries }): TreeEntry[] => {
    const elves = new Map(libraries.map((library) => [library.path, library]));
    return own.map(({ path, kind, mode, uid, gid, size, link, sha256: digest }) => {
      const library = elves.get(path);
      return {
        path,
        type: kind,
        mode,
        uid,
        gid,
        size,
        ...(link === undefined ? {} : { link }),
        ...(digest === undefined ? {} : { sha256: digest }),
        ...(library === undefined
          ? {}
          : { elf: { bits: library.bits, machine: library.machine, type: 3, soname: library.soname } }),
      };
    });
  });
  return extendTree(tree, { diffId: sha256("patch"), unpacked: 0, entries, whiteouts, opaques: [], problems: [] });
}

/** The loader's cache of the whole patched image, where it has one and that would be another. */
function loaderCache(original: Original, patched: Tree, packages: readonly PackageFacts[]): LayerEntry[] {
  const there = lookup(original.tree, cache);
  if (there.kind !== "found" || there.path !== cache) return [];
  const kept: Record<string, string> = {};
  const entries: { path: string; kind: "file" | "symlink" | "directory"; link?: string }[] = [];
  const libraries: PackageFacts["libraries"][number][] = [];
  for (const [path, { entry, children }] of walkTree(patched)) {
    const { type, link, elf, content } = entry;
    if (/^etc\/ld\.so\.conf(?:\.d\/[^/]+\.conf)?$/.test(path) && content !== undefined)
      kept[path] = Buffer.from(content).toString("utf8");
    if (children !== undefined) entries.push({ path, kind: "directory" });
    else if (type === "symlink") entries.push({ path, kind: "symlink", link: link ?? "" });
    else if (type === "file") entries.push({ path, kind: "file" });
    if (type === "file" && elf !== undefined && /\.so(?:\.|$)|\/ld-[^/]*\.so/.test(path))
      libraries.push({ path, soname: elf.soname ?? "", bits: elf.bits, machine: elf.machine });
  }
  const version = (name: string): string | undefined =>
    packages.find((one) => one.name === name)?.version ?? original.packages.find((one) => one.name === name)?.version;
  const made = loaderEntries({
    entries,
    libraries,
    kept,
    libcVersion: version("libc-bin") ?? version("libc6") ?? "",
    architecture: original.architecture,
  });
  return made.filter(({ path, kind, content }) => {
    if (kind === "directory") return false;
    return path !== cache || content === undefined || digestOf(content) !== there.node.entry.sha256;
  });
}

function digestOf(content: Uint8Array): string {
  return sha256(content).slice("sha256:".length);
}

/** The folders above all that a layer has: Docker unpacks it without the layers below, and its folders hide theirs, so they are as they were. */
function foldersOf(tree: Tree, packages: readonly PackageFacts[], others: readonly string[]): Folder[] {
  const shipped = new Map<string, Folder>();
  const paths = [...others];
  for (const { entries } of packages)
    for (const { path, kind, mode, uid, gid, mtime } of entries) {
      if (kind !== "directory") paths.push(path);
      else {
        if (!shipped.has(path)) shipped.set(path, { path, kind, mode, uid, gid, mtime });
        // One that comes anew is there though it be empty.
        if (
          lookup(tree, path, false).kind !== "found" &&
          !/^usr\/share\/(?:doc|man|info|locale|lintian|bug)\//.test(path)
        )
          paths.push(`${path}/any`);
      }
    }
  const folders = new Map<string, Folder>();
  for (const path of paths)
    for (let slash = path.lastIndexOf("/"); slash > 0; slash = path.lastIndexOf("/", slash - 1)) {
      const folder = path.slice(0, slash);
      if (folders.has(folder)) break;
      folders.set(folder, folderAt(tree, folder, shipped.get(folder)));
    }
  return [...folders.values()];
}

function folderAt(tree: Tree, path: string, shipped: Folder | undefined): Folder {
  const there = lookup(tree, path, false);
  const mtime = shipped?.mtime ?? generatedTime;
  if (there.kind === "found" && there.node.children !== undefined) {
    const { mode, uid, gid } = there.node.entry;
    return { path, kind: "directory", mode, uid, gid, mtime };
  }
  return shipped ?? { path, kind: "directory", mode: 0o755, uid: 0, gid: 0, mtime };
}

/** The entry that hides `path` in the layers below. image-spec, layer.md, Whiteouts. */
function whiteoutOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return `${path.slice(0, slash + 1)}.wh.${path.slice(slash + 1)}`;
}

function emptyFile(path: string): LayerEntry {
  return { path, kind: "file", mode: 0o644, uid: 0, gid: 0, mtime: generatedTime, content: Buffer.alloc(0) };
}
