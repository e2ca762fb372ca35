import type { InstalledPackage, Inventory } from "../inventory/index.ts";
import { distroOf, type Distro } from "./distros.ts";
import { advisoryKey, baseOf, ecosystemOfType } from "./ecosystems.ts";
import type { AdvisoryKey } from "./types.ts";

/** Where advisories of one installed package are, and which of its versions they speak of. */
export interface Lookup {
  /** What the first of them says of a vulnerability counts before what the next one does. */
  readonly ecosystems: readonly string[];
  readonly name: string;
  readonly version: string;
}

/** Distributions whose records may speak of every release at once. OSV schema, defined ecosystems. */
const withoutRelease = new Set(["debian", "almalinux", "rocky linux", "tuxcare"]);

/** What to ask the feeds of for `inventory`, each once. `madeFrom` is the ecosystem that its packages come from, for an image without os-release. */
export function keysOf(inventory: Inventory, madeFrom?: string): AdvisoryKey[] {
  const distro = distroOfInventory(inventory, madeFrom);
  const keys = new Map<string, AdvisoryKey>();
  for (const entry of inventory.packages) {
    for (const { ecosystems, name } of lookupsOf(entry, distro)) {
      for (const ecosystem of ecosystems) {
        keys.set(`${ecosystem} ${name}`, { ecosystem, name });
        const base = baseOf(ecosystem);
        if (withoutRelease.has(base)) keys.set(`${base} ${name}`, { ecosystem: base, name });
      }
    }
  }
  return [...keys.values()];
}

/** The distribution that the packages of `inventory` are of; undefined where nothing says. */
export function distroOfInventory({ os }: Inventory, madeFrom: string | undefined): Distro | undefined {
  if (os !== undefined) return distroOf(os);
  return madeFrom === undefined ? undefined : { ecosystems: [madeFrom], named: "source" };
}

/** The look-ups of one package; none for one that a distribution's package brought, nor for a distribution's own without `distro`. */
export function lookupsOf(entry: InstalledPackage, distro: Distro | undefined): Lookup[] {
  if (entry.owner !== undefined) return [];
  const language = ecosystemOfType(entry.type);
  if (language !== undefined)
    return [{ ecosystems: [language], name: advisoryKey(language, entry.name).name, version: entry.version }];
  if (distro === undefined) return [];
  const { ecosystems, named } = distro;
  const bySource = { ecosystems, name: entry.source, version: entry.sourceVersion };
  if (named === "source") return [bySource];
  const byName = { ecosystems, name: entry.name, version: entry.version };
  if (named === "binary" || entry.name === entry.source) return [byName];
  return [byName, bySource];
}

/** Whether it is of the distribution itself: what its os-release says counts for it. */
export function isOfDistro({ type }: InstalledPackage): boolean {
  return ecosystemOfType(type) === undefined;
}
