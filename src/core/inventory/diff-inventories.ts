import type { PackageChange } from "../plan/index.ts";
import { debsOf } from "./debs-of.ts";
import type { Inventory } from "./types.ts";

/** What changes of dpkg's packages from `before` to `after`, sorted by name and architecture; empty where every version is the same. Layers are not compared. */
export function diffInventories(
  before: Pick<Inventory, "packages"> | undefined,
  after: Pick<Inventory, "packages">,
): PackageChange[] {
  const from = versions(before);
  const to = versions(after);
  const keys = [...new Set([...from.keys(), ...to.keys()])].sort();
  return keys.flatMap((key) => {
    const [name = "", architecture = ""] = key.split(" ");
    const change = { name, architecture, from: from.get(key), to: to.get(key) };
    return change.from === change.to ? [] : [change];
  });
}

function versions(inventory: Pick<Inventory, "packages"> | undefined): Map<string, string> {
  return new Map(
    debsOf(inventory ?? { packages: [] }).map((entry) => [`${entry.name} ${entry.architecture}`, entry.version]),
  );
}
