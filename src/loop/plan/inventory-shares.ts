import { sha256, type Digest } from "../../lib/index.ts";
import type { InstalledPackage, Inventory } from "../../core/inventory/index.ts";

/** What the inventories of a fleet hold that comes from suites, and parts of it by the layers that packages are of: each once, however many images share it. */
export class InventoryShares {
  private readonly parts = new Map<string, readonly InstalledPackage[]>();
  constructor(inventories: ReadonlyMap<Digest, Inventory>) {
    for (const [key, { packages }] of inventories)
      this.parts.set(
        key,
        packages.filter(({ type }) => type === "deb"),
      );
  }

  /** Key of the packages of `key` that `belongs` lets in; `name` is the same for functions that let in the same. */
  part(key: Digest, name: string, belongs: (one: InstalledPackage) => boolean): string {
    const part = `${key} ${sha256(name)}`;
    if (!this.parts.has(part)) this.parts.set(part, (this.parts.get(key) ?? []).filter(belongs));
    return part;
  }

  all(): ReadonlyMap<string, readonly InstalledPackage[]> {
    return this.parts;
  }
}
