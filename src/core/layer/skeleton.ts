import { generatedTime } from "./database-members.ts";
import { fixedLinks, mergedFolders } from "./package-path.ts";
import type { TarEntry } from "./tar-writer.ts";

/** An entry of a layer with what is in it; paths have no leading slash. */
export interface LayerEntry extends Omit<TarEntry, "size"> {
  readonly content?: Uint8Array;
}

/** What is there on every Debian system, and base-files ships only in part. file-hierarchy(7), Debian's usrmerge. */
const folders: readonly (readonly [path: string, mode: number])[] = [
  ["dev", 0o755],
  ["etc", 0o755],
  ["home", 0o755],
  ["proc", 0o755],
  ["root", 0o700],
  ["run", 0o755],
  ["run/lock", 0o1777],
  ["sys", 0o755],
  ["tmp", 0o1777],
  ["usr", 0o755],
  ["usr/bin", 0o755],
  ["usr/lib", 0o755],
  ["usr/sbin", 0o755],
  ["var", 0o755],
  ["var/lib", 0o755],
  ["var/tmp", 0o1777],
];
const always: ReadonlySet<string> = new Set(["bin", "lib", "sbin"]);

/**
 * The folders and links of / that the packages of an image do not ship; `has` says whether they ship a path. The paths of the
 * packages go through no link of a merged /usr, so these links must be there.
 */
export function skeletonEntries(has: (path: string) => boolean): LayerEntry[] {
  const entries: LayerEntry[] = [];
  const shape = { uid: 0, gid: 0, mtime: generatedTime };
  for (const [path, mode] of folders) if (!has(path)) entries.push({ ...shape, path, kind: "directory", mode });
  for (const [path, link] of fixedLinks) {
    if (has(path)) continue;
    // Of `lib64` and the like there is a link only where there is the folder.
    if (mergedFolders.has(path) && !always.has(path) && !has(link)) continue;
    entries.push({ ...shape, path, kind: "symlink", mode: 0o777, link });
  }
  return entries;
}
