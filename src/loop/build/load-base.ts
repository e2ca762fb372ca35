import type { Digest } from "../../lib/index.ts";
import type { Context } from "../context.ts";

/** The digest of the parent that this image goes out with: its candidate on the way, else what is in place. */
export async function loadBase(
  ctx: Context,
  image: string,
  parentRebuilds: readonly string[] = [],
): Promise<Digest | undefined> {
  const parent = ctx.config.images[image]?.parent;
  if (parent === undefined) return undefined;
  const rebuilds = await Promise.all(parentRebuilds.map((id) => ctx.store.loadRebuild(id)));
  const candidate = rebuilds.find((one) => one?.image === parent)?.candidate ?? undefined;
  if (candidate !== undefined) return candidate;
  const pointers = await ctx.store.loadPointers(parent);
  let found: Digest | undefined;
  for (const { name } of ctx.config.environments)
    found = pointers.find(({ environment }) => environment === name)?.digest ?? found;
  return found;
}
