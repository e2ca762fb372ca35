import { distroOf } from "../../core/config/index.ts";
import type { Inventory } from "../../core/inventory/index.ts";
import type { PackageRecord } from "../../core/packages/index.ts";
import type { KeyedCause } from "../../io/store/index.ts";
import type { Context } from "../context.ts";

/** The offered packages that causes name, for their changelogs: of images that are not resolved by us. */
export async function causeRecords(
  ctx: Context,
  image: string,
  causes: readonly KeyedCause[],
  inventories: readonly Inventory[],
): Promise<PackageRecord[]> {
  const codename = inventories.map(({ os }) => os?.codename).find((name) => name !== undefined);
  const sources = ctx.suites.get(distroOf(ctx.config, image, codename) ?? "") ?? [];
  const found = await Promise.all(sources.map(({ name }) => ctx.distro.generation(name)));
  const generations = found.filter((one) => one !== undefined);
  const records: PackageRecord[] = [];
  if (generations.length === 0) return records;
  for (const { cause } of causes) {
    if (cause.kind !== "package") continue;
    for (const { name, architecture, to } of cause.packages) {
      const native = architecture === "all" ? (sources[0]?.architectures[0] ?? "amd64") : architecture;
      const universe = await ctx.distro.universe(generations, native);
      records.push(...universe.versions(name).filter(({ version }) => version === to));
    }
  }
  return records;
}
