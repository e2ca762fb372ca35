import { decideMovedTag, type MovedTag } from "../../core/plan/index.ts";
import { RegistryError } from "../../io/registry/index.ts";
import type { Digest } from "../../lib/index.ts";
import type { Context } from "../context.ts";

/** Whether an environment's tag names what it should now, or what somebody else made it name. */
export type Moved = { readonly kind: "moved" } | { readonly kind: "conflict"; readonly found: Digest };

const tries = 4;

/**
 * Makes the tag of an environment name `digest`; again is the same. A tag that names what we made it name is ours to move, one that names anything else is
 * somebody else's, a person's way back among them, and stays as it is unless a person said `force`. Registries with If-Match leave no gap between looking and moving.
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
    if (found !== undefined && !force && (await whoseTag(ctx, target, found)) !== "ours")
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

/** Whose hand made the tag of an environment name `found`. */
export async function whoseTag(
  ctx: Context,
  { image, environment }: { readonly image: string; readonly environment: string },
  found: Digest,
): Promise<MovedTag> {
  const { store } = ctx;
  const [promotions, pointers, verifications, quarantines] = await Promise.all([
    store.loadPromotions({ image, environment, digest: found, limit: 1000 }),
    store.loadPointers(image),
    store.loadVerifications({ image, digest: found }),
    store.loadQuarantines(image),
  ]);
  const passed = verifications.some((one) => one.environment === environment && one.verdict === "passed");
  return decideMovedTag(
    {
      found,
      named: pointers.find((one) => one.environment === environment)?.digest ?? undefined,
      moves: promotions.map(({ digest, state, createdAt, detail }) => ({
        digest,
        state,
        createdAt,
        ended: detail["ended"] !== undefined,
        takenOver: detail["takenOver"] === true,
      })),
      passed: new Set(passed ? [found] : []),
      quarantined: new Set(quarantines.map(({ digest }) => digest)),
    },
    ctx.clock.now(),
  );
}
