import type { CandidateDetail, Context } from "../context.ts";
import type { BaseSystems } from "../followed-bases.ts";
import { baseUpstream, type ImageSource } from "../sources.ts";

/** What the bases of images hold, by what the images themselves hold now: their system is that of the base that they stand on. */
export async function loadBaseSystems(ctx: Context, sources: ReadonlyMap<string, ImageSource>): Promise<BaseSystems> {
  const baseOf = new Map<string, string>();
  for (const [image, { base, uses }] of sources) {
    const use = uses.find(({ name }) => name === base);
    if (use !== undefined && use.own === undefined) baseOf.set(image, use.key);
  }
  for (const [image, declared] of Object.entries(ctx.config.images))
    if (declared.recipe === "upstream") baseOf.set(image, baseUpstream(declared.from));

  const systems = new Map<string, NonNullable<ReturnType<BaseSystems["get"]>>>();
  for (const [image, base] of baseOf) {
    const [newest] = systems.has(base) ? [] : await ctx.store.loadImageDigests(image, 1);
    if (newest === undefined) continue;
    const inventories = await ctx.store.loadInventories(Object.values(newest.inventories));
    const [any] = inventories.values();
    const { runtimes } = newest.detail as Partial<CandidateDetail>;
    systems.set(base, { os: any?.os, env: runtimes ?? [] });
  }
  return systems;
}
