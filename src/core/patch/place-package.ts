import { lookup } from "../inventory/index.ts";
import type { Alteration } from "../layer/index.ts";
import { readExcludes, type IsExcluded } from "./dpkg-excludes.ts";
import { judgeConffile } from "./judge-conffile.ts";
import { createResolver } from "./read-original.ts";
import type { NewPackage, Original, OriginalPackage } from "./types.ts";

/** Paths of documents, which images leave out to be small and no program needs. */
const documents = /^usr\/share\/(doc|man|info|locale|lintian|bug)\//;

/** Says what must still be done to a new version's paths for it to stand in an image; undefined where nothing is left to do. */
export type Placer = (next: NewPackage) => Alteration | undefined;

/**
 * A placer for one image. Paths go where dpkg would write them: through the links of the image's folders; not where its dpkg.cfg excludes them; not over a conffile that its owner has changed;
 * and no documents where the old version's have been taken out.
 */
export function createPlacer(original: Original): Placer {
  const real = createResolver(original.tree);
  const isExcluded = readExcludes(original.tree);
  return (next) => {
    const moves = movesOf(original, next);
    if (moves.length > 0) return { without: [], moves };
    const old = original.packages.find(({ name }) => name === next.swap.name);
    const absent = absentOf(original, old, next, real, isExcluded);
    return absent.length > 0 ? { without: [], moves: [], absent } : undefined;
  };
}

/** Folders of the package that are links in the image, the outermost of each, and where they lead. */
function movesOf({ tree }: Original, { facts }: NewPackage): Alteration["moves"] {
  const moves = new Map<string, string>();
  const settled = new Set<string>();
  for (const { path, kind } of facts.entries) {
    const folder = kind === "directory" ? path : path.slice(0, Math.max(path.lastIndexOf("/"), 0));
    if (folder === "" || settled.has(folder)) continue;
    settled.add(folder);
    const parts = folder.split("/");
    for (let depth = 1; depth <= parts.length; depth += 1) {
      const outer = parts.slice(0, depth).join("/");
      const link = lookup(tree, outer, false);
      if (link.kind !== "found") break;
      if (link.node.entry.type !== "symlink") continue;
      const behind = lookup(tree, outer);
      if (behind.kind === "found" && behind.node.children !== undefined && behind.path !== "")
        moves.set(outer, behind.path);
      break;
    }
  }
  return [...moves].sort(([a], [b]) => (a < b ? -1 : 1));
}

function absentOf(
  { tree }: Original,
  old: OriginalPackage | undefined,
  { facts }: NewPackage,
  real: (path: string) => string,
  isExcluded: IsExcluded,
): string[] {
  const absent = new Set<string>();
  const conffiles = new Map(facts.conffiles.map(([shipped, md5]) => [real(shipped.slice(1)), { shipped, md5 }]));
  const slimmed = slimmedKinds(tree, old);
  for (const { path, kind, link } of facts.entries) {
    if (kind === "directory") continue;
    const there = lookup(tree, path, false);
    const conffile = conffiles.get(path);
    const document = documents.exec(path)?.[1];
    const isKept =
      conffile !== undefined && judgeConffile(tree, path, conffile.md5, old, conffile.shipped) !== "install";
    const isSlimmed = document !== undefined && there.kind !== "found" && slimmed(document, path);
    // dpkg never puts a link in the place of a folder.
    const isFolder = kind === "symlink" && there.kind === "found" && there.node.children !== undefined;
    const isCut = kind === "hardlink" && absent.has(link ?? "");
    if (isKept || isSlimmed || isFolder || isCut || isExcluded(`/${path}`, kind === "symlink")) absent.add(path);
  }
  return [...absent].sort();
}

/** Whether a document has been taken out of the image: it had the file and lacks it, or had such files and lacks all of them. */
function slimmedKinds(
  tree: Original["tree"],
  old: OriginalPackage | undefined,
): (kind: string, path: string) => boolean {
  const had = new Set(old?.paths ?? []);
  const kinds = new Map<string, { listed: number; there: number }>();
  for (const path of had) {
    const kind = documents.exec(path)?.[1];
    const found = kind === undefined ? undefined : lookup(tree, path, false);
    if (kind === undefined || (found?.kind === "found" && found.node.children !== undefined)) continue;
    const count = kinds.get(kind) ?? { listed: 0, there: 0 };
    kinds.set(kind, count);
    count.listed += 1;
    if (found?.kind === "found") count.there += 1;
  }
  return (kind, path) => {
    const count = kinds.get(kind);
    return had.has(path) || (count !== undefined && count.listed > 0 && count.there === 0);
  };
}
