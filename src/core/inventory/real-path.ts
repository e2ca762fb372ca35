import { lookup, nameOf, parentOf, type Tree } from "./tree.ts";

/** A function that takes a path through the tree's folder links (`lib/x` is `usr/lib/x` on a merged /usr); a link at its end stays. Folders are looked up once. */
export function createRealPath(tree: Tree): (path: string) => string {
  const folders = new Map<string, string>();
  return (path) => {
    const parent = parentOf(path);
    let folder = folders.get(parent);
    if (folder === undefined) {
      const found = lookup(tree, parent);
      folder = found.kind === "found" ? found.path : parent;
      folders.set(parent, folder);
    }
    return folder === "" ? nameOf(path) : `${folder}/${nameOf(path)}`;
  };
}
