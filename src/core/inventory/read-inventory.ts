import { printable } from "../../lib/index.ts";
import type { Platform } from "../image/index.ts";
import { apkReader } from "./apk-reader.ts";
import { dpkgStatusDReader } from "./dpkg-status-d-reader.ts";
import { dpkgStatusReader } from "./dpkg-status-reader.ts";
import { findContents, type FoundContent } from "./find-contents.ts";
import { findOwners } from "./find-owners.ts";
import type { InventoryReader, PackageDatabase } from "./inventory-reader.ts";
import { parseOsRelease } from "./os-release.ts";
import { readText } from "./read-text.ts";
import { rpmReader } from "./rpm-reader.ts";
import { lookup, type Tree } from "./tree.ts";
import type { InstalledPackage, Inventory, OsRelease, PackageType } from "./types.ts";

/** Every kind of package database that we read. Another one is: a file, a line here, a test. */
export const inventoryReaders = {
  "dpkg-status": dpkgStatusReader,
  "dpkg-status-d": dpkgStatusDReader,
  apk: apkReader,
  rpm: rpmReader,
} satisfies Record<string, InventoryReader>;

/** Databases that we know of and cannot read yet: an image that has one is never called complete. */
const unreadDatabases = {
  "rpm (Berkeley DB)": ["var/lib/rpm/Packages", "usr/lib/sysimage/rpm/Packages"],
  pacman: ["var/lib/pacman/local"],
  portage: ["var/db/pkg"],
  opkg: ["usr/lib/opkg/status", "var/lib/opkg/status"],
} satisfies Record<string, readonly string[]>;

/** Kinds of packages of which a system has one version of each at a time. */
const single = new Set<PackageType>(["deb", "apk"]);

/** What a merged tree holds on `platform`. Never throws: what cannot be read is named and makes the status `unknown`. */
export function readInventory(tree: Tree, platform: Platform): Inventory {
  const os = readOsRelease(tree);
  const databases: PackageDatabase[] = [];
  const system: string[] = tree.problems.flatMap((problem) =>
    hidesContent(problem.kind) ? [`${problem.path} (${problem.layer}): ${problem.message}`] : [],
  );
  for (const reader of Object.values(inventoryReaders)) {
    const database = reader.read(tree);
    if (database === undefined) continue;
    databases.push(database);
    system.push(...database.problems);
  }
  const unread = findUnread(tree);
  system.push(...unread);
  const isManaged = databases.length + unread.length > 0;
  const contents = findContents(tree);
  const owners = findOwners(tree, databases, contents);
  if (!isManaged && contents.length === 0) system.push("no package database was found in the image");
  else if (!isManaged && os !== undefined)
    system.push(`it says that it is ${os.prettyName ?? os.id}, and has no package database`);
  const installed = databases.flatMap(({ packages }) => packages);
  const held = contents.flatMap((one) => packagesOf(one, owners.get(one.path)));
  const packages = sortPackages([...installed, ...held], system);
  const problems = [...system, ...contents.flatMap((one) => (owners.has(one.path) ? [] : problemOf(one)))];
  return {
    platform,
    os,
    packages,
    status: problems.length === 0 ? "complete" : "unknown",
    system: system.length === 0 ? "complete" : "unknown",
    problems: shorten(problems).map((problem) => printable(problem.slice(0, 1000))),
  };
}

/** The distribution that the tree says it is: `/etc/os-release`, else `/usr/lib/os-release`. */
export function readOsRelease(tree: Tree): OsRelease | undefined {
  for (const path of ["etc/os-release", "usr/lib/os-release"]) {
    const file = readText(tree, path);
    const parsed = file.kind === "read" ? parseOsRelease(file.text) : undefined;
    if (parsed !== undefined) return parsed;
  }
  return undefined;
}

function findUnread(tree: Tree): string[] {
  return Object.entries(unreadDatabases).flatMap(([format, paths]) =>
    paths
      .filter((path) => lookup(tree, path).kind === "found")
      .map((path) => `${path}: there is no reader for ${format} packages yet`),
  );
}

function packagesOf({ path, layer, holds }: FoundContent, owner: string | undefined): InstalledPackage[] {
  return holds.packages.map(({ type, name, version, inside, ...more }) => ({
    type,
    name,
    version,
    architecture: more.architecture ?? "",
    source: more.source ?? name,
    sourceVersion: more.sourceVersion ?? version,
    layer,
    path: inside === undefined ? path : `${path}!/${inside}`,
    ...(owner === undefined ? {} : { owner }),
  }));
}

function problemOf({ path, layer, holds }: FoundContent): string[] {
  return holds.problem === undefined ? [] : [`${path} (${layer}): ${holds.problem}`];
}

const hiding = new Set<Tree["problems"][number]["kind"]>([
  "escape",
  "bad-name",
  "bad-whiteout",
  "bad-link",
  "oversized",
  "unreadable",
]);

/** Whether a problem of a layer may have hidden a package database or part of one. */
function hidesContent(kind: Tree["problems"][number]["kind"]): boolean {
  return hiding.has(kind);
}

/** Sorted, each once; where a system can have only one version of a package, two are a problem, and the first stays. */
function sortPackages(found: readonly InstalledPackage[], problems: string[]): InstalledPackage[] {
  const byKey = new Map<string, InstalledPackage>();
  for (const entry of found) {
    const { type, name, architecture, version, path } = entry;
    const one = `${type} ${name} ${architecture}`;
    const key = single.has(type) ? one : `${one} ${version} ${path ?? ""}`;
    const other = byKey.get(key);
    if (other === undefined) byKey.set(key, entry);
    else if (other.version !== version)
      problems.push(
        `${name}:${architecture} is listed as ${other.version} (${other.layer}) and ${version} (${entry.layer})`,
      );
  }
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, entry]) => entry);
}

const maxProblems = 1000;

function shorten(problems: readonly string[]): readonly string[] {
  if (problems.length <= maxProblems) return problems;
  return [...problems.slice(0, maxProblems), `and ${problems.length - maxProblems} more`];
}
