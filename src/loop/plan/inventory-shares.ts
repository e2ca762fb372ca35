import { sha256, type Digest } from "../../lib/index.ts";
import type { InstalledPackage, Inventory } from "../../core/inventory/index.ts";

/** What the inventories of a fleet hold that comes from suites, and parts of it by the layers that packages are of: each once, however many images share it. */
export class InventoryShares {
  private readonly parts = new Map<string, readonly InstalledPackage[]>();
  private readonly distros = new Map<string, string>();
  private readonly inventories: ReadonlyMap<Digest, Inventory>;

  constructor(inventories: ReadonlyMap<Digest, Inventory>) {
    this.inventories = inventories;
  }

  /** Key of all that the inventory `key` holds, where `distro` tells what is newer. */
  whole(key: Digest, distro: string | undefined): string {
    return this.add(`${distro ?? ""} ${key}`, key, distro, () => true);
  }

  /** Key of those packages of it that `belongs` lets in; `name` is the same for functions that let in the same. */
  part(key: Digest, distro: string | undefined, name: string, belongs: (one: InstalledPackage) => boolean): string {
    return this.add(`${distro ?? ""} ${key} ${sha256(name)}`, key, distro, belongs);
  }

  all(): ReadonlyMap<string, readonly InstalledPackage[]> {
    return this.parts;
  }

  /** The upstream of the configuration that tells what is newer than what a part holds. */
  distroOf(): ReadonlyMap<string, string> {
    return this.distros;
  }

  private add(
    part: string,
    key: Digest,
    distro: string | undefined,
    belongs: (one: InstalledPackage) => boolean,
  ): string {
    if (this.parts.has(part)) return part;
    const packages = this.inventories.get(key)?.packages ?? [];
    this.parts.set(
      part,
      packages.filter((one) => one.type === "deb" && belongs(one)),
    );
    if (distro !== undefined) this.distros.set(part, distro);
    return part;
  }
}
