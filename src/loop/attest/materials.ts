import { imageMaterial, sourceMaterial, withoutLogin, type Material } from "../../core/evidence/index.ts";
import { sourceOf } from "../../core/config/index.ts";
import { formatPlatform } from "../../core/image/index.ts";
import { purlOf, type InstalledPackage, type Inventory } from "../../core/inventory/index.ts";
import type { Digest } from "../../lib/index.ts";
import type { CandidateOrigin, Context } from "../context.ts";

export interface Materials {
  readonly materials: readonly Material[];
  /** purls of packages that came with the build itself, of whose files no digest is known. */
  readonly unknown: readonly string[];
}

/** What a digest was made of, each by digest: distribution packages by the hash of their index, bases and own images, and the source. What came with a base is the base's. */
export async function loadMaterials(
  ctx: Context,
  image: string,
  origin: CandidateOrigin | undefined,
  inventories: readonly Inventory[],
): Promise<Materials> {
  const own = inventories.flatMap((inventory) =>
    ownPackages(inventory, origin).map((entry) => ({ entry, purl: purlOf(entry, inventory.os) })),
  );
  const debs = own.filter(({ entry }) => entry.type === "deb");
  const records = await ctx.store.loadPackageRecords(debs.map(({ entry }) => entry));
  const hashes = new Map(records.toReversed().map((one) => [keyOf(one), one.sha256]));
  const materials: Material[] = [];
  const unknown = new Set<string>();
  for (const { entry, purl } of own) {
    const digest = entry.type === "deb" ? hashes.get(keyOf(entry)) : undefined;
    if (digest !== undefined) materials.push({ uri: purl, digest: { sha256: digest.slice(7) } });
    else unknown.add(purl);
  }
  for (const [name, digest] of Object.entries(origin?.bases ?? {})) materials.push(imageMaterial(name, digest));
  const git = sourceOf(ctx.config.images[image])?.git;
  const source =
    origin?.source === undefined
      ? undefined
      : sourceMaterial(origin.source, git && { url: withoutLogin(git.url), ref: git.ref });
  if (source !== undefined) materials.push(source);
  return { materials, unknown: [...unknown].sort() };
}

/** Packages that its base did not bring; of a mirror all came from there. */
function ownPackages({ packages, platform }: Inventory, origin: CandidateOrigin | undefined): InstalledPackage[] {
  if (origin?.remedy === "mirror") return [];
  const below = new Set<Digest>(origin?.baseLayers?.[formatPlatform(platform)] ?? []);
  return packages.filter(({ layer }) => !below.has(layer));
}

function keyOf({ name, architecture, version }: Pick<InstalledPackage, "name" | "architecture" | "version">): string {
  return `${name}\0${architecture}\0${version}`;
}
