import { tarHeader, type TarEntry } from "./tar-writer.ts";
import type { PackageFacts } from "./types.ts";

export type Folder = Omit<TarEntry, "size" | "link">;

const foldersOf = new WeakMap<PackageFacts, readonly Folder[]>();

/**
 * The folders that `packages` ship, by path, each once. Where they say different things of one, base-files is right, else the first by name: dpkg leaves a folder as the
 * first package made it, and base-files is unpacked first.
 */
export function settleFolders(packages: readonly PackageFacts[]): ReadonlyMap<string, Folder> {
  const settled = new Map<string, Folder>();
  for (const facts of inPrecedence(packages))
    for (const folder of foldersIn(facts)) if (!settled.has(folder.path)) settled.set(folder.path, folder);
  return settled;
}

/** Packages in the order in which their word on a folder counts. */
export function inPrecedence(packages: readonly PackageFacts[]): PackageFacts[] {
  const rank = ({ name }: PackageFacts): string => (name === "base-files" ? "" : name);
  return [...packages].sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
}

/** Folders as tar, parents first, without the archive's end. A layer has each once: Docker before containerd refuses a path that comes twice. */
export function folderTar(folders: Iterable<Folder>): Buffer {
  const sorted = [...folders].sort((a, b) => (a.path < b.path ? -1 : 1));
  return Buffer.concat(sorted.map((folder) => tarHeader({ ...folder, size: 0 })));
}

/** Whether both are the same but for their time. */
export function sameFolder(a: Folder, b: Folder): boolean {
  return a.mode === b.mode && a.uid === b.uid && a.gid === b.gid;
}

function foldersIn(facts: PackageFacts): readonly Folder[] {
  let folders = foldersOf.get(facts);
  if (folders === undefined) {
    folders = facts.entries.flatMap(({ path, kind, mode, uid, gid, mtime }) =>
      kind === "directory" ? [{ path, kind, mode, uid, gid, mtime }] : [],
    );
    foldersOf.set(facts, folders);
  }
  return folders;
}
