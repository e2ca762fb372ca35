import type { PackageUniverse } from "../packages/index.ts";
import { compareDebText } from "../version/index.ts";
import { debsOf, type Inventory } from "../inventory/index.ts";

/** A package of which the suites offer a newer version than the image holds. */
export interface Offer {
  readonly name: string;
  readonly architecture: string;
  readonly source: string;
  readonly installed: string;
  readonly offered: string;
  /** Upstream that offers it. */
  readonly origin: string;
  readonly layer: Inventory["packages"][number]["layer"];
}

export interface Offers {
  readonly newer: readonly Offer[];
  /** Installed packages that no suite offers in any version: removed from the distribution, or from elsewhere. */
  readonly unknown: readonly string[];
}

/** What `universe` offers for the packages that dpkg installed: the newest version of each, where it is newer than the installed one. Sorted as the inventory. */
export function findOffers(inventory: Inventory, universe: PackageUniverse): Offers {
  const newer: Offer[] = [];
  const unknown: string[] = [];
  for (const entry of debsOf(inventory)) {
    const offers = universe
      .versions(entry.name)
      .filter(({ architecture }) => architecture === entry.architecture || architecture === "all");
    const newest = offers[0];
    if (newest === undefined) unknown.push(entry.name);
    else if (compareDebText(newest.version, entry.version) > 0)
      newer.push({
        name: entry.name,
        architecture: entry.architecture,
        source: entry.source,
        installed: entry.version,
        offered: newest.version,
        origin: newest.origin,
        layer: entry.layer,
      });
  }
  return { newer, unknown };
}
