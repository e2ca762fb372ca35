import type { InstalledPackage, Inventory, OsRelease } from "../inventory/index.ts";
import { canonicalJson, sha256, type Digest } from "../../lib/index.ts";
import type { AdvisoryIndex } from "./advisory-index.ts";
import { distroOfInventory, isOfDistro, keysOf } from "./lookups.ts";
import { matchAdvisories } from "./match-advisories.ts";
import type { AdvisoryKey, Finding, Signals } from "./types.ts";

/** Where the packages of an inventory are from, as far as matching depends on it. */
export interface MatchSystem {
  readonly os: OsRelease | undefined;
  /** The ecosystem that they come from, where there is no os-release. */
  readonly madeFrom: string | undefined;
}

/** A package without what matching does not depend on: layers, files, architectures. */
export type UnitEntry = Pick<InstalledPackage, "type" | "name" | "version" | "source" | "sourceVersion" | "module">;

/** A package as it is matched: the same for all inventories of the world that hold it. */
export interface MatchUnit {
  /** Digest of all that follows but `keys`. */
  readonly key: Digest;
  readonly system: MatchSystem;
  readonly entry: UnitEntry;
  /** What feeds are asked for it. */
  readonly keys: readonly AdvisoryKey[];
}

/** The packages of `inventory` that are looked up, each once. `madeFrom` is the ecosystem that they come from, for an image without os-release. */
export function matchUnitsOf(inventory: Inventory, madeFrom?: string): MatchUnit[] {
  const { os } = inventory;
  const own: MatchSystem = os === undefined ? { os, madeFrom } : { os, madeFrom: undefined };
  const anywhere: MatchSystem = { os: undefined, madeFrom: undefined };
  const distro = sha256(canonicalJson(distroOfInventory(inventory, madeFrom) ?? null));
  const units = new Map<string, MatchUnit>();
  for (const one of inventory.packages) {
    const { type, name, version, source, sourceVersion, module } = one;
    const entry: UnitEntry = {
      type,
      name,
      version,
      source,
      sourceVersion,
      ...(module === undefined ? {} : { module }),
    };
    const isDistros = isOfDistro(one);
    const key = sha256(JSON.stringify([isDistros ? distro : "", type, name, version, source, sourceVersion, module]));
    if (one.owner !== undefined || units.has(key)) continue;
    const system = isDistros ? own : anywhere;
    const keys = keysOfUnit({ system, entry });
    if (keys.length > 0) units.set(key, { key, system, entry, keys });
  }
  return [...units.values()];
}

/** What `index` says of a package. `isCovered` is false where no feed speaks of where it comes from: then no finding is no word that there is none. */
export function matchUnit(
  { system, entry }: Pick<MatchUnit, "system" | "entry">,
  index: AdvisoryIndex,
  signals?: Signals,
): { readonly findings: readonly Finding[]; readonly isCovered: boolean } {
  const { findings, state } = matchAdvisories(inventoryOf(system, entry), index, system.madeFrom, signals);
  return { findings, isCovered: state === "known" };
}

/** What feeds are asked for a package. */
export function keysOfUnit({ system, entry }: Pick<MatchUnit, "system" | "entry">): AdvisoryKey[] {
  return keysOf(inventoryOf(system, entry), system.madeFrom);
}

const nowhere = sha256("");

function inventoryOf({ os }: MatchSystem, entry: UnitEntry): Inventory {
  return {
    platform: { os: "linux", architecture: "" },
    os,
    packages: [{ ...entry, architecture: "", layer: nowhere }],
    status: "complete",
    system: "complete",
    problems: [],
  };
}
