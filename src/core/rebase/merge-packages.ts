import { nameOf, lookup, readText, type Tree } from "../inventory/index.ts";
import { compareDebText, isDebVersion } from "../version/index.ts";
import type { BaseChange } from "./bases.ts";
import { sameStanza, type Stanza } from "./dpkg-database.ts";
import type { Refusal } from "./types.ts";

export type Stanzas = ReadonlyMap<string, Stanza>;

/** dpkg's status of three sides as one. */
export interface PackageMerge {
  /** Those of the new base first, in its order, then the application's by name. */
  readonly stanzas: Stanzas;
  /** Stanzas that are the application's and not the new base's. */
  readonly own: readonly Stanza[];
  /** Whether all of the new base's stanzas are in it as they are. */
  readonly baseIsWhole: boolean;
  readonly refusals: readonly Refusal[];
  /** Paths that base and application both changed and that are the application's by right: it has the whole package. */
  readonly excused: ReadonlySet<string>;
}

/** What a merge of packages looks at beside the databases. */
export interface PackageTrees {
  readonly bases: BaseChange;
  readonly image: Tree;
  /** The application's layers on the new base. */
  readonly result: Tree;
}

const info = "var/lib/dpkg/info";

/**
 * Merges dpkg's status: a stanza that only the base changed is the new base's, one that only the application changed is the application's. Where both changed a package, the
 * application's stays only if it is the newer and all of its files are the application's, and none the base's; else it is refused.
 */
export function mergePackages(old: Stanzas, base: Stanzas, application: Stanzas, trees: PackageTrees): PackageMerge {
  const stanzas = new Map<string, Stanza>();
  const own: Stanza[] = [];
  const refusals: Refusal[] = [];
  const excused = new Set<string>();
  let baseIsWhole = true;
  const refuse = (name: string, message: string): void => {
    refusals.push({ code: "package", package: name, message });
  };
  const settle = (key: string, was: Stanza | undefined, now: Stanza | undefined): Stanza | undefined => {
    const mine = application.get(key);
    if (alike(mine, was) || alike(mine, now)) return now;
    if (alike(now, was)) return mine;
    const problem = judge(was, now, mine, trees, excused);
    if (problem !== undefined) refuse((mine ?? now ?? was)?.name ?? key, problem);
    return mine;
  };
  for (const [key, now] of base) {
    const chosen = settle(key, old.get(key), now);
    if (chosen !== now) baseIsWhole = false;
    if (chosen === undefined) continue;
    stanzas.set(key, chosen);
    if (chosen !== now) own.push(chosen);
  }
  const others = new Set<string>();
  for (const key of application.keys()) if (!base.has(key)) others.add(key);
  for (const key of [...others].sort()) {
    const chosen = settle(key, old.get(key), undefined);
    if (chosen === undefined) continue;
    stanzas.set(key, chosen);
    own.push(chosen);
  }
  return { stanzas, own, baseIsWhole, refusals, excused };
}

function alike(a: Stanza | undefined, b: Stanza | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && sameStanza(a, b));
}

/** Why the application's word on a package that the base changed as well cannot stand; undefined where it can. */
function judge(
  was: Stanza | undefined,
  now: Stanza | undefined,
  mine: Stanza | undefined,
  trees: PackageTrees,
  excused: Set<string>,
): string | undefined {
  const { bases, image, result } = trees;
  const name = (mine ?? now ?? was)?.name ?? "";
  const there = now === undefined ? "the new base no longer has it" : `the new base has ${now.version}`;
  if (mine?.present !== true) {
    if (now?.present !== true) return undefined;
    const left = firstOf(pathsOf(bases.base.tree, now), bases, result, "any", excused);
    if (left === undefined) return undefined;
    return `the application removed ${name}, ${there}, and ${left} of it would be in the image`;
  }
  if (now?.present === true) {
    if (mine.version === now.version) return undefined;
    if (mine.version === was?.version)
      return `the application changed the state of ${name} (${mine.status}), and ${there} where there was ${was.version}`;
    const isNewer =
      isDebVersion(mine.version) && isDebVersion(now.version) && compareDebText(mine.version, now.version) > 0;
    if (!isNewer) return `the application brought ${name} ${mine.version}, and ${there}: the older files would hide it`;
  }
  const missing = firstMissing(pathsOf(image, mine), image, bases, result, excused);
  if (missing !== undefined)
    return `the application brought ${name} ${mine.version}, ${there}, and ${missing} is not the application's`;
  for (const [tree, stanza] of [
    [bases.old.tree, was],
    [bases.base.tree, now],
  ] as const) {
    const left = stanza === undefined ? undefined : firstOf(pathsOf(tree, stanza), bases, result, "base", excused);
    if (left !== undefined)
      return `the application brought ${name} ${mine.version}, ${there}, and ${left} would be the base's`;
  }
  return undefined;
}

/** The first of the paths, changed by the base, at which `result` has a file of the base's layers, or of any; the others are excused. */
function firstOf(
  paths: readonly string[],
  bases: BaseChange,
  result: Tree,
  whose: "base" | "any",
  excused: Set<string>,
): string | undefined {
  const lowest = bases.base.tree.layers.length;
  for (const path of paths) {
    if (!bases.paths.has(path)) continue;
    const found = lookup(result, path, false);
    const there = found.kind === "found" && found.node.children === undefined ? found.node : undefined;
    if (there !== undefined && (whose === "any" || there.layer < lowest)) return path;
    excused.add(path);
  }
  return undefined;
}

/** The first of a package's files that the image has and that in `result` is not the application's. */
function firstMissing(
  paths: readonly string[],
  image: Tree,
  bases: BaseChange,
  result: Tree,
  excused: Set<string>,
): string | undefined {
  const lowest = bases.base.tree.layers.length;
  for (const path of paths) {
    if (!bases.paths.has(path)) continue;
    const before = lookup(image, path, false);
    if (before.kind !== "found" || before.node.children !== undefined) continue;
    const found = lookup(result, path, false);
    if (found.kind !== "found" || found.node.layer < lowest) return path;
    excused.add(path);
  }
  return undefined;
}

/** Paths of a package's files, and of what dpkg keeps of it, through no link of the tree. dpkg-query(1), --listfiles. */
function pathsOf(tree: Tree, { name, architecture }: Stanza): string[] {
  const paths: string[] = [];
  for (const stem of [`${name}:${architecture}`, name]) {
    const file = readText(tree, `${info}/${stem}.list`);
    if (file.kind !== "read") continue;
    for (const line of file.text.split("\n"))
      if (line.length > 2 && line.startsWith("/")) paths.push(lookup(tree, line, false).path);
    break;
  }
  const folder = lookup(tree, info);
  if (folder.kind === "found")
    for (const file of folder.node.children?.keys() ?? [])
      if (file.startsWith(`${name}.`) || file.startsWith(`${name}:${architecture}.`))
        paths.push(`${folder.path}/${nameOf(file)}`);
  return paths;
}
