import type { OwnedFile } from "./inventory-reader.ts";
import { parseMd5Sums } from "./structure/ownership.ts";
import { readText } from "./read-text.ts";
import { nameOf, type Tree } from "./tree.ts";

/** Names of `folder`'s files that end in `ending`, each with the package that it tells of: architectures are taken off. */
export function* dpkgFiles(
  tree: Tree,
  lists: Iterable<{ readonly owner: string; readonly list: string | undefined; readonly sums: string }>,
  mayMatter: (name: string) => boolean,
): Generator<OwnedFile> {
  for (const { owner, list, sums } of lists) {
    const listed = list === undefined ? undefined : linesOf(tree, list);
    const paths = listed?.map(fromRoot).filter((path) => mayMatter(nameOf(path)));
    if (paths?.length === 0) continue;
    const md5 = new Map(parseMd5Sums(linesOf(tree, sums) ?? []).map((one) => [one.path, one.md5]));
    for (const path of paths ?? md5.keys()) {
      const hex = md5.get(path);
      if (paths === undefined && !mayMatter(nameOf(path))) continue;
      yield { path, owner, ...(hex === undefined ? {} : { digest: { kind: "md5", hex } }) };
    }
  }
}

function linesOf(tree: Tree, path: string): string[] | undefined {
  const file = readText(tree, path);
  return file.kind === "read" ? file.text.split("\n") : undefined;
}

function fromRoot(path: string): string {
  return path.startsWith("/") ? path.slice(1) : path;
}
