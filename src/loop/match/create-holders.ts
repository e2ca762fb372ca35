import type { HoldingPlace, Store } from "../../io/store/index.ts";
import type { Instant } from "../../lib/index.ts";

/** A place that holds something: an environment of an image. */
export type Holder = Pick<HoldingPlace, "image" | "environment" | "digest">;

/** Which environments hold a package. */
export interface Holders {
  /** Every environment that runs one of the packages now, by image and environment. */
  find(packages: readonly number[]): Promise<readonly Holder[]>;
}

/**
 * Remembers what environments name, so that from packages to a hundred thousand images is one question of the database and a walk through memory; what was moved since is asked for each
 * time.
 */
export function createHolders(store: Pick<Store, "loadPlaces" | "loadInventoriesHolding">): Holders {
  const places = new Map<string, HoldingPlace>();
  const byInventory = new Map<string, Map<string, HoldingPlace>>();
  let newest: Instant = 0;

  const put = (place: HoldingPlace): void => {
    const key = `${place.image}\n${place.environment}`;
    const before = places.get(key);
    if (before?.digest === place.digest) return;
    for (const inventory of Object.values(before?.inventories ?? {})) byInventory.get(inventory)?.delete(key);
    places.set(key, place);
    for (const inventory of Object.values(place.inventories)) {
      const held = byInventory.get(inventory) ?? new Map<string, HoldingPlace>();
      byInventory.set(inventory, held.set(key, place));
    }
  };
  const refresh = async (): Promise<void> => {
    let found = await store.loadPlaces(newest);
    // Older than it was: the database was restored.
    if (found.newest < newest) {
      places.clear();
      byInventory.clear();
      newest = 0;
      found = await store.loadPlaces(0);
    }
    for (const place of found.places) {
      put(place);
      newest = Math.max(newest, place.since);
    }
  };

  return {
    find: async (packages) => {
      if (packages.length === 0) return [];
      await refresh();
      const found = new Map<string, Holder>();
      for (const inventory of await store.loadInventoriesHolding(packages))
        for (const [key, place] of byInventory.get(inventory) ?? []) found.set(key, place);
      return [...found.values()];
    },
  };
}
