import { canonicalJson, sha256, type Digest } from "../../lib/index.ts";
import type { Inventory } from "./types.ts";

/** The same for two inventories that say the same in every field: what images share one stored inventory by. */
export function inventoryKey(inventory: Inventory): Digest {
  return sha256(canonicalJson(inventory));
}
