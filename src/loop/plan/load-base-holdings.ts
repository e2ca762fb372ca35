import { formatPlatform, parseReference } from "../../core/image/index.ts";
import { readInventory, type Inventory } from "../../core/inventory/index.ts";
import type { Digest } from "../../lib/index.ts";
import type { Context } from "../context.ts";
import type { BaseHoldings } from "./create-lineages.ts";
import type { FleetFacts } from "./load-facts.ts";

/** By digest, on each platform: a digest never holds anything else. */
const remembered = new WeakMap<Context["images"], Map<Digest, ReadonlyMap<string, Inventory>>>();
const mostRemembered = 200;
/** Bases that are read anew in one go: the others are asked the next time, and until then nobody knows what they hold. */
const mostRead = 10;

/** What the newest digests of bases hold that moved away from under images which have findings: the proof that a rebase would cure something. One that cannot be read now is not known. */
export async function loadBaseHoldings(ctx: Context, facts: FleetFacts): Promise<BaseHoldings> {
  const known = remembered.get(ctx.images) ?? new Map<Digest, ReadonlyMap<string, Inventory>>();
  remembered.set(ctx.images, known);
  const newest = new Map<string, Digest>();
  for (const { name, bases } of facts.images) {
    const isTouched = facts.matched.images.get(name)?.some(({ report }) => report.findings.length > 0) === true;
    if (isTouched) for (const { name: base, from, to } of bases) if (from !== to) newest.set(base, to);
  }
  let reads = 0;
  for (const [base, digest] of newest) {
    if (known.has(digest) || reads >= mostRead) continue;
    reads += 1;
    try {
      const read = await ctx.images.read(ctx.baseRepository(parseReference(base)), digest, ctx.signal);
      if (known.size >= mostRemembered) known.clear();
      const held = read.platforms.map(
        ({ platform, tree }) => [formatPlatform(platform), readInventory(tree, platform)] as const,
      );
      known.set(digest, new Map(held));
    } catch (error) {
      ctx.signal.throwIfAborted();
      ctx.log.warn({ err: error, base, digest }, "what a base holds now could not be read");
    }
  }
  return (base, platform) => known.get(newest.get(base) ?? "sha256:")?.get(platform);
}
