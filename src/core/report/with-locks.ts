import { printable } from "../../lib/index.ts";
import { parseLockFile, type InstalledPackage, type Inventory } from "../inventory/index.ts";
import { compareText } from "./order-findings.ts";
import { noLayer } from "./sbom/sbom-collector.ts";

const ofSystems = new Set<string>(["deb", "apk", "rpm"]);
const isNoDatabase = /^no package database was found/;
const maxProblems = 200;

/**
 * What a source tree holds: what is installed in it, and what its lock files settle. Of a tree that is a system, with os-release or a distribution's packages, lock files say nothing: they lie about in it
 * and settle what somebody else would install. What of a lock file could not be understood, or is not settled, makes the inventory `unknown`.
 */
export function withLocks(
  inventory: Inventory,
  files: readonly { readonly path: string; readonly text: string }[],
): Inventory {
  const isSystem = inventory.os !== undefined || inventory.packages.some(({ type }) => ofSystems.has(type));
  if (isSystem || files.length === 0) return inventory;
  const packages = new Map(inventory.packages.map((one) => [keyOf(one), one]));
  const installed = new Set(inventory.packages.map(({ type, name, version }) => JSON.stringify([type, name, version])));
  const problems = inventory.problems.filter((problem) => !isNoDatabase.test(problem));
  for (const { path, text } of files) {
    const read = parseLockFile(path, text);
    for (const problem of read?.problems ?? []) problems.push(`${path}: ${problem}`);
    for (const { type, name, version } of read?.packages ?? []) {
      if (installed.has(JSON.stringify([type, name, version]))) continue;
      const one = { type, name, version, architecture: "", source: name, sourceVersion: version, layer: noLayer, path };
      packages.set(keyOf(one), one);
    }
  }
  const status = problems.length === 0 ? "complete" : "unknown";
  return {
    ...inventory,
    packages: [...packages].sort(([a], [b]) => compareText(a, b)).map(([, one]) => one),
    status,
    problems: problems.slice(0, maxProblems).map((problem) => printable(problem.slice(0, 1000))),
  };
}

function keyOf({ type, name, version, architecture, path }: InstalledPackage): string {
  return [type, name, architecture, version, path ?? ""].join("\n");
}
