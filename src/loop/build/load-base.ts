import type { Digest } from "../../lib/index.ts";
import { packagesImage } from "../../core/config/index.ts";
import type { Context } from "../context.ts";

/** The digest of the parent that this image goes out with: its candidate on the way, else what is in place. */
export async function loadBase(
  ctx: Context,
  image: string,
  parentRebuilds: readonly string[] = [],
): Promise<Digest | undefined> {
  const parent = packagesImage(ctx.config, image)?.parent;
  return parent === undefined ? undefined : loadParent(ctx, parent, parentRebuilds);
}

/** The digest of `parent` that its children go out with: its candidate among these rebuilds, else what is in place. */
export async function loadParent(
  ctx: Context,
  parent: string,
  parentRebuilds: readonly string[],
): Promise<Digest | undefined> {
  const rebuilds = await Promise.all(parentRebuilds.map((id) => ctx.store.loadRebuild(id)));
  const candidate = rebuilds.find((one) => one?.image === parent)?.candidate ?? undefined;
  if (candidate !== undefined) return candidate;
  const pointers = await ctx.store.loadPointers(parent);
  let found: Digest | undefined;
  for (const { name } of ctx.config.environments)
    found = pointers.find(({ environment }) => environment === name)?.digest ?? found;
  return found;
}
