import { lookup, type LayerEntry, type Tree } from "../inventory/index.ts";
import { derivedPath, type Derived } from "./derived-paths.ts";
import { makeLoaderCache } from "./loader-cache.ts";
import { mergeMembers } from "./merge-members.ts";
import { mergeText, textOf } from "./merge-text.ts";
import type { MergeLayerBuilder } from "./merge-layer.ts";
import type { RebaseFacts } from "./plan-rebase.ts";
import type { Refusal, Treatment } from "./types.ts";

export type Treated =
  | { readonly kind: "treated"; readonly treatment: Treatment | undefined }
  | { readonly kind: "refused"; readonly reason: Refusal };

/** Does what the table of derived paths says for `path`, which base and application both have otherwise than before. */
export function treatPath(path: string, facts: RebaseFacts, layer: MergeLayerBuilder): Treated {
  const derived = derivedPath(path);
  if (derived === undefined)
    return refuse({ code: "overwrites", path, message: `${path} is not in the table of derived paths` });
  switch (derived.kind) {
    case "merge":
      return mergePath(path, derived, facts, layer);
    case "regenerate":
      return regenerate(path, facts, layer);
    case "empty":
      layer.file(path, ownerOf(path, facts), []);
      return treated(path, "regenerated", derived.reason);
    case "keep":
      return treated(path, "kept", derived.reason);
    case "drop":
      return layer.drop(path) ? treated(path, "dropped", derived.reason) : { kind: "treated", treatment: undefined };
  }
}

function mergePath(
  path: string,
  { rows }: Extract<Derived, { kind: "merge" }>,
  { bases, image }: RebaseFacts,
  layer: MergeLayerBuilder,
): Treated {
  const trees = [bases.old.tree, bases.base.tree, image.tree] as const;
  const unreadable = refuse({ code: "unreadable", path, message: `${path} is on one side no file that could be read` });
  let pieces: Buffer[];
  if (rows === "members") {
    const [old, base, own] = trees.map((tree) => bytesOf(tree, path));
    const merged = old && base && own && mergeMembers(old, base, own);
    if (merged === undefined) return unreadable;
    pieces = [merged];
  } else {
    const [old, base, own] = trees.map((tree) => textOf(tree, path));
    if (old === undefined || base === undefined || own === undefined) return unreadable;
    const merged = mergeText(rows, path, old, base, own);
    if (merged.kind === "unreadable") return refuse({ code: "unreadable", path, message: merged.problem });
    if (merged.kind === "conflict") {
      const isAccount = rows === "accounts" || rows === "groups";
      const message = `${path}: base and application both changed ${merged.row.slice(0, 200)}`;
      return refuse({ code: isAccount ? "account" : "overwrites", path, message });
    }
    pieces = [Buffer.from(merged.text, "utf8")];
  }
  layer.file(path, ownerOf(path, { bases, image }), pieces);
  return treated(path, "merged", "the changes of the base and of the application, row by row");
}

function regenerate(path: string, { bases, image, result }: RebaseFacts, layer: MergeLayerBuilder): Treated {
  const previous = bytesOf(bases.base.tree, path) ?? bytesOf(image.tree, path);
  const architecture = architectureOf(result.config.architecture, result.config.variant);
  const made = previous === undefined ? undefined : makeLoaderCache(result.tree, architecture, previous);
  if (made === undefined)
    return refuse({
      code: "unreadable",
      path,
      message: `${path} is of a format, or for a machine, that we do not make`,
    });
  layer.file(path, ownerOf(path, { bases, image }), [made]);
  return treated(path, "regenerated", "as ldconfig makes it of the libraries that are there");
}

/** Rights of a merged file: the application's where it changed them, else the new base's. */
function ownerOf(
  path: string,
  { bases, image }: Pick<RebaseFacts, "bases" | "image">,
): Pick<LayerEntry, "mode" | "uid" | "gid"> {
  const [old, base, own] = [bases.old.tree, bases.base.tree, image.tree].map((tree) => entryAt(tree, path));
  const changed = own !== undefined && (old?.mode !== own.mode || old.uid !== own.uid || old.gid !== own.gid);
  const { mode, uid, gid } = (changed ? own : base) ?? own ?? { mode: 0o644, uid: 0, gid: 0 };
  return { mode, uid, gid };
}

function entryAt(tree: Tree, path: string): LayerEntry | undefined {
  const found = lookup(tree, path);
  return found.kind === "found" ? found.node.entry : undefined;
}

function bytesOf(tree: Tree, path: string): Buffer | undefined {
  const content = entryAt(tree, path)?.content;
  return content === undefined ? undefined : Buffer.from(content.buffer, content.byteOffset, content.byteLength);
}

/** Debian's word for what OCI calls a platform. */
function architectureOf(architecture: string, variant: string | undefined): string {
  return architecture === "arm" && variant !== "v5" && variant !== "v6" ? "armhf" : architecture;
}

function treated(path: string, action: Treatment["action"], reason: string): Treated {
  return { kind: "treated", treatment: { path, action, reason } };
}

function refuse(reason: Refusal): Treated {
  return { kind: "refused", reason };
}
