import { constants } from "node:fs";
import { lstat, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { formatBytes, printable } from "../../lib/index.ts";
import { BumpError } from "./error.ts";
import type { TreeReader } from "./types.ts";

export const maxFileBytes = 16_777_216;
const maxListed = 20_000;

/** Reads a tree that somebody else made: nothing is followed out of it, and nothing but plain files is read. */
export function createTreeReader(tree: string): TreeReader {
  const isFolder = async (path: string): Promise<boolean> => {
    const parts = path === "" ? [] : path.split("/");
    for (let count = 0; count <= parts.length; count += 1) {
      const found = await lstat(join(tree, ...parts.slice(0, count))).catch(() => undefined);
      if (found?.isDirectory() !== true) return false;
    }
    return true;
  };
  return {
    read: async (path) => {
      if (!isInside(path) || !(await isFolder(folderOf(path)))) return undefined;
      const handle = await open(
        join(tree, path),
        constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
      ).catch(() => undefined);
      if (handle === undefined) return undefined;
      try {
        const found = await handle.stat();
        if (!found.isFile()) return undefined;
        if (found.size > maxFileBytes)
          throw new BumpError("TOO_LARGE", `${printable(path)} is larger than ${formatBytes(maxFileBytes)}`);
        return await handle.readFile();
      } finally {
        await handle.close();
      }
    },
    list: async (folder, wanted, enter = () => true) => {
      if (folder !== "" && !isInside(folder)) return [];
      if (!(await isFolder(folder))) return [];
      const found: string[] = [];
      const todo = [folder];
      for (let at = todo.pop(); at !== undefined; at = todo.pop())
        for (const entry of await readdir(join(tree, at), { withFileTypes: true })) {
          const path = at === "" ? entry.name : `${at}/${entry.name}`;
          if (entry.isDirectory() && entry.name !== ".git" && enter(path)) todo.push(path);
          if (!entry.isFile() || !wanted(path)) continue;
          found.push(path);
          if (found.length > maxListed)
            throw new BumpError(
              "TOO_LARGE",
              `${printable(folder) || "the repository"} has more than ${maxListed} files that are needed`,
            );
        }
      return found.sort();
    },
  };
}

/** The folder of a path; empty for the top. */
export function folderOf(path: string): string {
  return path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
}

export function inFolder(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

/** Whether a path is plain and relative: no part of it leads up. */
export function isInside(path: string): boolean {
  return (
    path !== "" && !path.includes("\0") && path.split("/").every((part) => part !== "" && part !== "." && part !== "..")
  );
}
