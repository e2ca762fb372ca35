import { sha256, type Digest } from "../../lib/index.ts";
import type { InstalledPackage, Inventory } from "../../core/inventory/index.ts";

/** The inventories of a fleet, and parts of them by the layers that packages are of: each once, however many images share it. */
export class InventoryShares {
  private readonly parts = new Map<string, readonly InstalledPackage[]>();
  private readonly inventories: ReadonlyMap<Digest, Inventory>;

  constructor(inventories: ReadonlyMap<Digest, Inventory>) {
    this.inventories = inventories;
    for (const [key, { packages }] of inventories) this.parts.set(key, packages);
  }

  /** Key of the packages of `key` that `belongs` lets in; `name` is the same for functions that let in the same. */
  part(key: Digest, name: string, belongs: (one: InstalledPackage) => boolean): string {
    const part = `${key} ${sha256(name)}`;
    if (!this.parts.has(part)) this.parts.set(part, (this.inventories.get(key)?.packages ?? []).filter(belongs));
    return part;
  }

  all(): ReadonlyMap<string, readonly InstalledPackage[]> {
    return this.parts;
  }
}
