import { lookup, type TreeNode } from "../inventory/index.ts";
import { readExcludes } from "./dpkg-excludes.ts";
import type { Original, PlacedPackage } from "./types.ts";

/**
 * What the image has of the old versions and the new ones no longer ship, as dpkg takes it away: not what another package owns, not conffiles, but what its dpkg.cfg excludes by now; folders where nothing is left in them. Of a folder
 * that goes, what is in it is not named. Links that would lead to what goes go too, where no list says whose they are. Sorted.
 */
export function findWhiteouts(
  { tree, packages, database }: Original,
  placed: readonly PlacedPackage[],
  real: (path: string) => string,
): string[] {
  const isExcluded = readExcludes(tree);
  const names = new Set(placed.map((one) => one.package.swap.name));
  const kept = new Set<string>();
  for (const one of packages) if (!names.has(one.name)) for (const path of one.paths) kept.add(path);
  for (const { package: next, conffiles } of placed) {
    for (const { path, kind } of next.facts.entries)
      if (kind !== "directory" || !isExcluded(`/${path}`, true)) kept.add(path);
    for (const line of (next.files.get("list") ?? "").split("\n"))
      if (line.length > 2 && !isExcluded(line)) kept.add(real(line.slice(1)));
    for (const { path } of conffiles) kept.add(real(path.slice(1)));
  }
  /** A folder of the package may be a link of the image, as /bin: only what is deep in the tree, and has nothing of the package below, is taken for the package's own link. */
  const above = new Set(placed.flatMap(({ old }) => (old?.listed ?? []).flatMap(parentsOf)));
  const leadsToFolder = (path: string): boolean => {
    const behind = lookup(tree, path);
    const isFolder = behind.kind === "found" && behind.node.children !== undefined;
    return isFolder && (above.has(path) || path.split("/").length < 4);
  };
  const gone = new Set<string>();
  const folders: string[] = [];
  for (const path of new Set(placed.flatMap(({ old }) => old?.paths ?? []))) {
    if (kept.has(path)) continue;
    const found = lookup(tree, path, false);
    if (found.kind !== "found" || found.path !== path) continue;
    if (found.node.children !== undefined) folders.push(path);
    else if (found.node.entry.type !== "symlink" || !leadsToFolder(path)) gone.add(path);
  }
  if (database === "status.d")
    for (const link of [...gone].flatMap((path) => linksTo(tree, path))) if (!kept.has(link)) gone.add(link);
  const filled = new Set([...kept].flatMap((path) => parentsOf(path)));
  for (const path of folders.sort((a, b) => b.length - a.length)) {
    const found = lookup(tree, path, false);
    if (found.kind !== "found" || filled.has(path)) continue;
    if ([...(found.node.children ?? [])].every(([name]) => gone.has(`${path}/${name}`))) gone.add(path);
  }
  return [...gone].filter((path) => !parentsOf(path).some((parent) => gone.has(parent))).sort();
}

/** Links beside a file that name it. */
function linksTo(tree: Original["tree"], path: string): string[] {
  const slash = path.lastIndexOf("/");
  const folder = path.slice(0, Math.max(slash, 0));
  const name = path.slice(slash + 1);
  const found = lookup(tree, folder);
  if (found.kind !== "found") return [];
  const isLink = ({ entry }: TreeNode): boolean => entry.type === "symlink" && entry.link === name;
  return [...(found.node.children ?? [])].flatMap(([each, node]) => (isLink(node) ? [`${folder}/${each}`] : []));
}

function parentsOf(path: string): string[] {
  const parents: string[] = [];
  for (let slash = path.lastIndexOf("/"); slash > 0; slash = path.lastIndexOf("/", slash - 1))
    parents.push(path.slice(0, slash));
  return parents;
}
