import { lookup, type Tree } from "../inventory/index.ts";
import type { OriginalPackage } from "./types.ts";

/** What becomes of one conffile of a new version. Debian Policy, appendix E; dpkg, src/main/configure.c. */
export type ConffileVerdict =
  /** The new version's is taken: nobody changed the old one, or it comes anew. */
  | "install"
  /** The image's stays, and the new version brings nothing new. */
  | "keep"
  /** The image's stays: its owner changed it, and the new version did too. */
  | "changed";

/** What dpkg would do with the conffile at `path` (links of folders followed), whose content in the new version has this md5, where nobody can be asked. */
export function judgeConffile(
  tree: Tree,
  path: string,
  md5: string,
  old: OriginalPackage | undefined,
  shipped: string,
): ConffileVerdict {
  const found = lookup(tree, path);
  const current = found.kind === "found" && found.node.entry.type === "file" ? found.node.entry.md5 : undefined;
  const before = old?.conffiles.find((one) => one.path === shipped)?.md5;
  if (found.kind !== "found") return before === undefined ? "install" : "keep";
  if (current === md5) return "install";
  if (current !== undefined && current === before) return "install";
  return before === md5 ? "keep" : "changed";
}
