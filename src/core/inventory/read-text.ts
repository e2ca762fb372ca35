import type { Digest } from "../../lib/index.ts";
import { lookup, type Tree } from "./tree.ts";

/** `path` is where the file really is, links followed. */
export type TextFile =
  | { readonly kind: "read"; readonly text: string; readonly layer: Digest; readonly path: string }
  | { readonly kind: "missing" }
  | { readonly kind: "unreadable"; readonly problem: string };

const decoder = new TextDecoder("utf-8");

/** The text of a file whose content the layers' facts keep, links followed; bytes that are not UTF-8 become U+FFFD. */
export function readText(tree: Tree, path: string): TextFile {
  const found = lookup(tree, path);
  if (found.kind === "missing") {
    const link = lookup(tree, path, false);
    return link.kind === "found" ? { kind: "unreadable", problem: `${path}: a link that leads nowhere` } : found;
  }
  if (found.kind === "loop") return { kind: "unreadable", problem: `${path}: links that lead in a circle` };
  const layer = tree.layers[found.node.layer];
  const { type, content } = found.node.entry;
  if (type !== "file" || layer === undefined) return { kind: "unreadable", problem: `${path}: a ${type}, not a file` };
  if (content === undefined)
    return { kind: "unreadable", problem: `${path} (${layer}): its content was not kept, for its size or place` };
  return { kind: "read", text: decoder.decode(content), layer, path: found.path };
}
