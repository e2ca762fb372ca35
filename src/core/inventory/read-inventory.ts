import { printable } from "../../lib/index.ts";
import type { Platform } from "../image/index.ts";
import type { InventoryReader } from "./inventory-reader.ts";
import type { InstalledPackage, Inventory, OsRelease } from "./types.ts";
import { dpkgStatusReader } from "./dpkg-status-reader.ts";
import { dpkgStatusDReader } from "./dpkg-status-d-reader.ts";
import { parseOsRelease } from "./os-release.ts";
import { readText } from "./read-text.ts";
import { lookup, type Tree } from "./tree.ts";

/** Every kind of package database that we read. Another one is: a file, a line here, a test. */
export const inventoryReaders = {
  "dpkg-status": dpkgStatusReader,
  "dpkg-status-d": dpkgStatusDReader,
} satisfies Record<string, InventoryReader>;

/** Databases that we know of and cannot read yet: an image that has one is never called complete. */
const unreadDatabases = {
  apk: ["lib/apk/db/installed", "usr/lib/apk/db/installed"],
  rpm: [
    "var/lib/rpm/Packages",
    "var/lib/rpm/rpmdb.sqlite",
    "var/lib/rpm/Packages.db",
    "usr/lib/sysimage/rpm/rpmdb.sqlite",
    "usr/lib/sysimage/rpm/Packages.db",
  ],
  pacman: ["var/lib/pacman/local"],
} satisfies Record<string, readonly string[]>;

/** What a merged tree holds on `platform`. Never throws: what cannot be read is named and makes the status `unknown`. */
export function readInventory(tree: Tree, platform: Platform): Inventory {
  const problems: string[] = tree.problems.flatMap((problem) =>
    hidesContent(problem.kind) ? [`${problem.path} (${problem.layer}): ${problem.message}`] : [],
  );
  const found: InstalledPackage[] = [];
  let databases = 0;
  for (const reader of Object.values(inventoryReaders)) {
    const database = reader.read(tree);
    if (database === undefined) continue;
    databases += 1;
    found.push(...database.packages);
    problems.push(...database.problems);
  }
  for (const [format, paths] of Object.entries(unreadDatabases))
    for (const path of paths)
      if (lookup(tree, path).kind === "found") {
        databases += 1;
        problems.push(`${path}: there is no reader for ${format} packages yet`);
      }
  if (databases === 0) problems.push("no package database was found in the image");
  const packages = sortPackages(found, problems);
  return {
    platform,
    os: readOsRelease(tree),
    packages,
    status: problems.length === 0 ? "complete" : "unknown",
    problems: problems.map((problem) => printable(problem.slice(0, 1000))),
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

/** Sorted by name and architecture; two versions of one package are a problem, the first stays. */
function sortPackages(found: readonly InstalledPackage[], problems: string[]): InstalledPackage[] {
  const byKey = new Map<string, InstalledPackage>();
  for (const entry of found) {
    const key = `${entry.type} ${entry.name} ${entry.architecture}`;
    const other = byKey.get(key);
    if (other === undefined) byKey.set(key, entry);
    else if (other.version !== entry.version)
      problems.push(
        `${entry.name}:${entry.architecture} is listed as ${other.version} (${other.layer}) and ${entry.version} (${entry.layer})`,
      );
  }
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, entry]) => entry);
}
