import { canonicalJson, sha256, type Digest } from "../../lib/index.ts";
import type { Inventory } from "./types.ts";

/**
 * The same for two inventories that say the same in every field: what images share one stored inventory by. `madeFrom` is the ecosystem that the packages come from: where an image does not say itself which
 * release it is of, two releases are two inventories.
 */
export function inventoryKey(inventory: Inventory, madeFrom?: string): Digest {
  const told = inventory.os === undefined && madeFrom !== undefined ? { ...inventory, madeFrom } : inventory;
  return sha256(canonicalJson(told));
}
