import type { PackageChange } from "../plan/index.ts";
import { parseMd5Sums } from "./structure/ownership.ts";
import { readText } from "./read-text.ts";
import { listFolder, lookup, type Tree } from "./tree.ts";

/** What the bytes say of one changed package. */
export type PackageTruth =
  | { readonly kind: "true"; readonly name: string; readonly files: number }
  /** The database names a version whose files are not there. */
  | { readonly kind: "false"; readonly name: string; readonly problems: readonly string[] }
  /** The package lists no digests: nothing to compare with. */
  | { readonly kind: "unproven"; readonly name: string; readonly reason: string };

const maxProblems = 5;

/**
 * Whether the bytes of `tree` are those of the packages that `changes` bring: every file in a package's md5sums is there
 * with that content; and against `previous`, in which the package had another version, at least one file differs. A
 * package that goes needs no proof. Files that `isAbsent` says the image goes without on purpose need not be there. deb-md5sums(5).
 */
export function provePackages(
  tree: Tree,
  changes: readonly PackageChange[],
  previous: Tree | undefined,
  isAbsent: (path: string) => boolean = isOptional,
): PackageTruth[] {
  return changes
    .filter(({ to }) => to !== undefined)
    .map((change) => provePackage(tree, change, change.from === undefined ? undefined : previous, isAbsent));
}

function provePackage(
  tree: Tree,
  change: PackageChange,
  previous: Tree | undefined,
  isAbsent: (path: string) => boolean,
): PackageTruth {
  const { name } = change;
  const sums = readSums(tree, change);
  if (sums === undefined) return { kind: "unproven", name, reason: "the image has no md5sums of it" };
  const problems: string[] = [];
  let same = 0;
  let files = 0;
  let changelog = false;
  for (const { path, md5 } of sums) {
    const found = lookup(tree, path, false);
    if (found.kind !== "found") {
      if (!isOptional(path) && !isAbsent(path)) problems.push(`${path} is not in the image`);
      continue;
    }
    files += 1;
    // What is not in the image tells of no version.
    changelog ||= /^usr\/share\/doc\/[^/]+\/changelog/.test(path);
    const { entry } = found.node;
    if (entry.md5 !== md5)
      problems.push(`${path} has md5 ${entry.md5 ?? "none"} and not ${md5}, as ${name} ${change.to ?? ""} ships it`);
    if (previous === undefined) continue;
    const before = lookup(previous, path, false);
    if (before.kind === "found" && before.node.entry.sha256 === entry.sha256) same += 1;
  }
  if (problems.length > 0) return { kind: "false", name, problems: shorten(problems) };
  if (files === 0) return { kind: "unproven", name, reason: "it has no files of its own" };
  if (previous === undefined || same < files) return { kind: "true", name, files };
  const reason = `all its ${files} files are the same as those of ${change.from ?? "before"}`;
  return changelog ? { kind: "false", name, problems: [reason] } : { kind: "unproven", name, reason };
}

function readSums(tree: Tree, { name, architecture }: PackageChange): { path: string; md5: string }[] | undefined {
  for (const path of [
    `var/lib/dpkg/info/${name}:${architecture}.md5sums`,
    `var/lib/dpkg/info/${name}.md5sums`,
    `var/lib/dpkg/status.d/${name}.md5sums`,
    `var/lib/dpkg/status.d/${name}:${architecture}.md5sums`,
  ]) {
    const file = readText(tree, path);
    if (file.kind === "read") return parseMd5Sums(file.text.split("\n"));
  }
  return sumsBesideStanza(tree, name);
}

/** Files of `status.d` may have other names than their packages: what one says counts. */
function sumsBesideStanza(tree: Tree, name: string): { path: string; md5: string }[] | undefined {
  const folder = "var/lib/dpkg/status.d";
  for (const file of listFolder(tree, folder)) {
    if (file.endsWith(".md5sums")) continue;
    const stanza = readText(tree, `${folder}/${file}`);
    if (stanza.kind !== "read" || !stanza.text.split("\n", 50).includes(`Package: ${name}`)) continue;
    const sums = readText(tree, `${folder}/${file}.md5sums`);
    if (sums.kind === "read") return parseMd5Sums(sums.text.split("\n"));
  }
  return undefined;
}

/** What slimming an image takes away on purpose (dpkg's path-exclude) and no program needs. */
function isOptional(path: string): boolean {
  return /^usr\/share\/(?:doc|man|info|locale|lintian|bug)\//.test(path);
}

function shorten(problems: readonly string[]): string[] {
  if (problems.length <= maxProblems) return [...problems];
  return [...problems.slice(0, maxProblems), `and ${problems.length - maxProblems} more files`];
}
