import { distroOf } from "../../core/config/index.ts";
import { digestHex, sha256, type Digest } from "../../lib/index.ts";
import type { Context } from "../context.ts";

/**
 * A key of what the suites offer of the packages that an image holds now: caches of package indices are given up when it changes, and never hide a fix. Undefined where nothing is known of it: it
 * was never built, or its distribution is not watched. Packages that should wait do not change it.
 */
export async function packagesKey(
  ctx: Context,
  image: string,
  current: Digest | undefined,
  waiting: readonly { readonly name: string }[],
): Promise<string | undefined> {
  const known = current === undefined ? undefined : await ctx.store.loadImageDigest(image, current);
  if (known === undefined) return undefined;
  const inventories = [...(await ctx.store.loadInventories(Object.values(known.inventories))).values()];
  const codename = inventories.map(({ os }) => os?.codename).find((name) => name !== undefined);
  const sources = ctx.suites.get(distroOf(ctx.config, image, codename) ?? "") ?? [];
  const generations = (await Promise.all(sources.map(({ name }) => ctx.distro.generation(name)))).filter(
    (one) => one !== undefined,
  );
  if (generations.length === 0) return undefined;
  const held = new Set(waiting.map(({ name }) => name));
  const offered = new Set<string>();
  for (const { packages } of inventories) {
    for (const { type, name, architecture, version } of packages) {
      if (type !== "deb") continue;
      const universe = await ctx.distro.universe(
        generations,
        architecture === "all" ? (sources[0]?.architectures[0] ?? "amd64") : architecture,
      );
      const newest = held.has(name) ? undefined : universe.versions(name)[0]?.version;
      offered.add(`${name}:${architecture}=${newest ?? version}`);
    }
  }
  return digestHex(sha256([...offered].sort().join("\n"))).slice(0, 32);
}
