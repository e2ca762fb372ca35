import type { FoundContent } from "./find-contents.ts";
import type { OwnedFile, PackageDatabase } from "./inventory-reader.ts";
import type { LayerEntry } from "./layer-facts.ts";
import { nameOf, type Tree } from "./tree.ts";
import { createRealPath } from "./real-path.ts";

/**
 * By path, the package of the distribution that brought each of `contents` and whose bytes are still there: what was put in its place since is
 * no longer the package's. Paths are taken through the tree's folder links: `lib/x` is `usr/lib/x` on a merged /usr.
 */
export function findOwners(
  tree: Tree,
  databases: readonly PackageDatabase[],
  contents: readonly FoundContent[],
): Map<string, string> {
  const owners = new Map<string, string>();
  if (contents.length === 0) return owners;
  const byPath = new Map(contents.map((one) => [one.path, one]));
  const names = new Set(contents.map(({ path }) => nameOf(path)));
  const real = createRealPath(tree);
  for (const database of databases)
    for (const file of database.files((name) => names.has(name))) {
      const content = byPath.get(file.path) ?? byPath.get(real(file.path));
      if (content !== undefined && isSame(content.entry, file)) owners.set(content.path, file.owner);
    }
  return owners;
}

/** Whether the content is what the package brought, as far as both tell. */
function isSame(entry: LayerEntry, { digest }: OwnedFile): boolean {
  if (digest === undefined) return true;
  const has = digest.kind === "sha1" ? entry.holds?.sha1 : entry[digest.kind];
  return has === undefined || has === digest.hex;
}
