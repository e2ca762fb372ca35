import type { Finding } from "../advisory/index.ts";
import type { InstalledPackage, Inventory } from "../inventory/index.ts";
import type { PackagePlace } from "./facts.ts";

const indexed = new WeakMap<Inventory, ReadonlyMap<string, readonly InstalledPackage[]>>();

/** The package of an inventory that is at a place: of a distribution's kind by its name and architecture, of a language's by the file that tells of it too. */
export function findPackage(inventory: Inventory | undefined, place: PackagePlace): InstalledPackage | undefined {
  if (inventory === undefined) return undefined;
  const found = indexOf(inventory).get(keyOf(place)) ?? [];
  const same = found.filter(({ sourceVersion }) => sourceVersion === place.sourceVersion);
  const some = same.length === 0 ? found : same;
  return some.find(({ layer }) => layer === place.layer) ?? some[0];
}

function indexOf(inventory: Inventory): ReadonlyMap<string, readonly InstalledPackage[]> {
  const known = indexed.get(inventory);
  if (known !== undefined) return known;
  const made = Map.groupBy(inventory.packages, keyOf);
  indexed.set(inventory, made);
  return made;
}

function keyOf({ type, name, architecture, path }: Omit<PackagePlace, "layer" | "sourceVersion">): string {
  return [type, name, architecture, path ?? ""].join("\n");
}

/** The place of a finding's package. */
export function placeOf({ type, package: name, architecture, layer, path, version }: Finding): PackagePlace {
  const place = { type, name, architecture, layer, sourceVersion: version };
  return path === undefined ? place : { ...place, path };
}
