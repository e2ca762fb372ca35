import { chmod, lutimes, readlink } from "node:fs/promises";
import { join } from "node:path";
import { GitError } from "./error.ts";
import { findStrayLink } from "./find-stray-link.ts";
import type { TreeEntry } from "./tree-entry.ts";

const together = 32;

/**
 * Makes a checkout the same everywhere: modes that do not come from our umask, times that are the commit's (`seconds` since 1970), so that a file which a build
 * copies is the same file tomorrow. Throws UNSAFE_TREE, naming the link and `what`, before it touches anything where a link leads out.
 */
export async function settleTree(
  tree: string,
  entries: readonly TreeEntry[],
  seconds: number,
  what: string,
): Promise<void> {
  const links = new Map<string, string>();
  await inBatches(
    entries.filter(({ kind }) => kind === "link"),
    async ({ path }) => void links.set(path, await readlink(join(tree, path))),
  );
  const stray = findStrayLink(links);
  if (stray !== undefined)
    throw new GitError(
      "UNSAFE_TREE",
      `${what}: the link ${stray} leads out of the repository, to ${links.get(stray)}`,
      {
        hint: "Make the link relative to a file of the repository, or create it in the Dockerfile.",
      },
    );
  // What is in a folder comes after it, and changes its time: from the last to the first.
  await inBatches(
    entries.filter(({ kind }) => kind !== "folder" && kind !== "submodule"),
    async ({ kind, path }) => {
      if (kind !== "link") await chmod(join(tree, path), kind === "program" ? 0o755 : 0o644);
      await lutimes(join(tree, path), seconds, seconds);
    },
  );
  for (const { path } of entries.filter(({ kind }) => kind === "folder").toReversed()) {
    await chmod(join(tree, path), 0o755);
    await lutimes(join(tree, path), seconds, seconds);
  }
  await chmod(tree, 0o755);
  await lutimes(tree, seconds, seconds);
}

async function inBatches<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  for (let at = 0; at < items.length; at += together) await Promise.all(items.slice(at, at + together).map(work));
}
