import { generatedTime } from "./database-members.ts";
import { BuildError } from "./error.ts";
import type { LayerTree } from "./layer-tree.ts";
import type { LayerEntry } from "./skeleton.ts";

/** A file or folder that is put into an image; `path` is absolute. */
export interface PlacedFile {
  readonly path: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Undefined: a folder, which may be there already. */
  readonly content: Uint8Array | undefined;
}

/** `files` as entries of a layer above `tree`, in order of path, through the links of its folders. Throws BAD_REQUEST where one cannot stand where it should. */
export function placeFiles(files: readonly PlacedFile[], tree: LayerTree): LayerEntry[] {
  const placed = new Map<string, LayerEntry>();
  const parents = new Set<string>();
  for (const { path: given, mode, uid, gid, content } of files) {
    checkPath(given);
    const path = tree.resolve(given);
    if (path === undefined) throw refuse(given, "the links before it lead in a circle");
    if (path === "") throw refuse(given, "it is the root");
    if (placed.has(path)) throw refuse(given, "another file goes to the same place");
    const behind = tree.resolve(given, true);
    const isFolder = content === undefined;
    const there = behind === undefined ? undefined : tree.find(behind)?.kind;
    if (!isFolder && there === "directory") throw refuse(given, "it is a folder");
    if (isFolder && there !== undefined && there !== "directory") throw refuse(given, "it is no folder");
    for (let slash = path.lastIndexOf("/"); slash > 0; slash = path.lastIndexOf("/", slash - 1)) {
      const parent = path.slice(0, slash);
      const kind = tree.find(parent)?.kind;
      if (kind === "directory") break;
      if (kind !== undefined) throw refuse(given, `/${parent} is no folder`);
      parents.add(parent);
    }
    const shape = { mode: mode & 0o7777, uid, gid, mtime: generatedTime };
    if (content !== undefined) placed.set(path, { ...shape, path, kind: "file", content });
    else {
      // One that is there is meant itself, not the link that leads to it.
      const folder = there === undefined ? path : (behind ?? path);
      placed.set(folder, { ...shape, path: folder, kind: "directory" });
    }
  }
  const inWay = [...parents].find((parent) => placed.get(parent)?.kind === "file") ?? tree.findFile(parents);
  if (inWay !== undefined) throw refuse(`/${inWay}`, "it is a file, and others go below it");
  return [...placed.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

function checkPath(path: string): void {
  if (!path.startsWith("/") || path.includes("\0")) throw refuse(path, "it is not an absolute path");
  for (const part of path.split("/")) {
    if (part === "..") throw refuse(path, "it has a part `..`");
    if (part.startsWith(".wh.")) throw refuse(path, "its name is what layers mean as a deletion");
    if (Buffer.byteLength(part, "utf8") > 255) throw refuse(path, "a part is longer than 255 bytes");
  }
}

function refuse(path: string, why: string): BuildError {
  return new BuildError("BAD_REQUEST", `files: ${path.slice(0, 200)}: ${why}`, { hint: "Give it another `to:`." });
}
