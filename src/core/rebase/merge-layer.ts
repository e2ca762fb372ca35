import { sha256 } from "../../lib/index.ts";
import { extendTree, lookup, parentOf, type LayerEntry, type Tree } from "../inventory/index.ts";
import type { MergedFile, MergedFolder, MergeLayer } from "./types.ts";

type Owner = Pick<LayerEntry, "mode" | "uid" | "gid">;

/** Collects what the last layer of a rebased image has to hold. What the image has already is left out. */
export class MergeLayerBuilder {
  private readonly result: Tree;
  private readonly files = new Map<string, MergedFile>();
  private readonly folders = new Map<string, MergedFolder>();
  private readonly hidden = new Set<string>();

  /** `result` is what the layer goes on top of. */
  constructor(result: Tree) {
    this.result = result;
  }

  file(path: string, owner: Owner, pieces: readonly Buffer[]): void {
    const found = lookup(this.result, path);
    const real = found.path;
    const { mode, uid, gid } = owner;
    const there = found.kind === "found" ? found.node.entry : undefined;
    const isSame =
      there?.content !== undefined &&
      there.mode === mode &&
      there.uid === uid &&
      there.gid === gid &&
      equalPieces(pieces, there.content);
    if (!isSame) this.files.set(real, { path: real, mode, uid, gid, pieces });
  }

  /** Makes a folder have these rights again. */
  folder(path: string, { mode, uid, gid }: Owner): void {
    this.folders.set(path, { path, mode, uid, gid });
  }

  /** Deletes what is at `path`, where there is something. */
  drop(path: string): boolean {
    const found = lookup(this.result, path, false);
    if (found.kind !== "found") return false;
    this.hidden.add(found.path);
    return true;
  }

  /** What it holds for `path`; undefined where nothing. */
  textOf(path: string): string | undefined {
    const file = this.files.get(lookup(this.result, path).path);
    return file === undefined ? undefined : Buffer.concat([...file.pieces]).toString("utf8");
  }

  /** The tree of the image with its files. */
  preview(): Tree {
    if (this.files.size === 0) return this.result;
    const entries = [...this.files.values()].map(({ pieces, ...file }): LayerEntry => ({
      ...file,
      type: "file",
      size: 0,
      content: Buffer.concat([...pieces]),
    }));
    const facts = { diffId: sha256(""), unpacked: 0, entries, whiteouts: [], opaques: [], problems: [] };
    return extendTree(this.result, facts);
  }

  /** The layer, its parts in order of their paths, with every folder on the way as it is; undefined where it would be empty. */
  build(): MergeLayer | undefined {
    if (this.files.size + this.folders.size + this.hidden.size === 0) return undefined;
    const folders = new Map(this.folders);
    for (const path of [...this.files.keys(), ...this.hidden, ...this.folders.keys()])
      for (let parent = parentOf(path); parent !== ""; parent = parentOf(parent)) {
        const found = lookup(this.result, parent, false);
        if (found.kind !== "found" || folders.has(parent)) continue;
        const { mode, uid, gid } = found.node.entry;
        folders.set(parent, { path: parent, mode, uid, gid });
      }
    return {
      folders: [...folders.values()].sort(byPath),
      files: [...this.files.values()].sort(byPath),
      whiteouts: [...this.hidden].sort(),
    };
  }
}

function equalPieces(pieces: readonly Buffer[], content: Uint8Array): boolean {
  const size = pieces.reduce((sum, piece) => sum + piece.length, 0);
  if (size !== content.byteLength) return false;
  let at = 0;
  for (const piece of pieces) {
    if (!piece.equals(content.subarray(at, at + piece.length))) return false;
    at += piece.length;
  }
  return true;
}

function byPath(a: { readonly path: string }, b: { readonly path: string }): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
}
