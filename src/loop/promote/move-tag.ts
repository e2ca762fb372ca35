import { RegistryError } from "../../io/registry/index.ts";
import type { Digest } from "../../lib/index.ts";
import type { Context } from "../context.ts";

/** Whether an environment's tag names what it should now, or what somebody else made it name. */
export type Moved = { readonly kind: "moved" } | { readonly kind: "conflict"; readonly found: Digest };

const tries = 4;

/**
 * Makes the tag of an environment name `digest`; again is the same. A tag that names a digest of one of our own promotions is ours to move, one that names none is
 * somebody else's, and stays as it is unless a person said `force`. Registries with If-Match leave no gap between looking and moving.
 */
export async function moveTag(
  ctx: Context,
  target: { readonly image: string; readonly environment: string; readonly digest: Digest; readonly force?: boolean },
  signal: AbortSignal = ctx.signal,
): Promise<Moved> {
  const { image, environment, digest, force = false } = target;
  const repository = ctx.repositoryOf(image);
  for (let attempt = 1; ; attempt += 1) {
    const found = (await repository.resolve(environment, signal))?.digest;
    if (found === digest) return { kind: "moved" };
    if (found !== undefined && !force && !(await isOurs(ctx, image, environment, found)))
      return { kind: "conflict", found };
    try {
      await repository.tag(digest, environment, { ifMatch: found ?? "absent", signal });
      return { kind: "moved" };
    } catch (error) {
      // Somebody was quicker: look again at what they made of it.
      if (!(error instanceof RegistryError) || error.code !== "TAG_MOVED" || attempt >= tries) throw error;
    }
  }
}

/** Whether a promotion of ours ever named the digest for this environment: an intent that was ended may have moved the tag all the same. */
async function isOurs(ctx: Context, image: string, environment: string, digest: Digest): Promise<boolean> {
  const states = ["intent", "confirmed", "refused"] as const;
  const known = await ctx.store.loadPromotions({ image, environment, digest, states });
  if (known.some(({ state, detail }) => state !== "refused" || detail["ended"] !== undefined)) return true;
  const pointers = await ctx.store.loadPointers(image);
  return pointers.some((one) => one.environment === environment && one.digest === digest);
}
