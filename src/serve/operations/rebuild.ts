import { planRequest } from "../../core/plan/index.ts";
import type { Context } from "../../loop/context.ts";
import { loadPlanFacts } from "../../loop/plan/index.ts";
import { currentRecipeKey } from "../../loop/recipe-key.ts";
import type { OperationHandlers } from "../../operation/index.ts";
import { requireImage } from "./find-name.ts";

export interface RebuildDeps {
  /** Makes the loop look sooner; nothing depends on it. */
  readonly wake: () => void;
}

/**
 * `rebuild`: a person asks for one. It joins what is queued; what is under way goes on, and this queues behind it. What is held back stays out and is named; where the person wants it all the same it is
 * let in again, and what breaks the checks then is held back anew. What a rollback left stays out in any case. Throws NOT_FOUND.
 */
export function createRebuild(ctx: Context, { wake }: RebuildDeps): OperationHandlers["rebuild"] {
  return async ({ image, withHeld = false, by, reason }) => {
    requireImage(ctx.config, image);
    const recipeKey = await currentRecipeKey(ctx, image);
    if (withHeld) await letIn(ctx, image, `${by} wants it tried again: ${reason}`);
    const cause = { kind: "person", who: by, reason } as const;
    // Each asking is its own: the same person may ask again tomorrow, for the same reason.
    const key = `person:${by}:${ctx.clock.now()}`;
    const found = planRequest(await loadPlanFacts(ctx), image, cause, { withHeld });
    const { kept = [], ...left } = found ?? {};
    const { placed } = await ctx.store.savePlan({
      detail: { asked: { by, reason } },
      rebuilds: [
        {
          image,
          lane: "urgent",
          notBefore: ctx.clock.now(),
          recipeKey,
          parents: [],
          causes: [{ key, cause }],
          detail: { ...left, ...(withHeld ? { withHeld } : {}) },
        },
      ],
    });
    const [place] = placed;
    if (place === undefined) return { kind: "refused", reasons: [`nothing came of the asking for ${image}`] };
    ctx.emit({ kind: "queued", image, rebuild: place.rebuild.id, message: `${by} asks: ${reason}` });
    wake();
    return { kind: "queued", image, rebuild: place.rebuild.id, joined: place.kind !== "queued", kept: [...kept] };
  };
}

/** Takes out of quarantine what was found to break the checks of an image: it is proven anew. */
async function letIn({ store }: Context, image: string, reason: string): Promise<void> {
  for (const { digest, who, packages, bases } of await store.loadQuarantines(image)) {
    const all = [...packages, ...bases];
    if (all.length > 0 && all.every(({ terms }) => terms !== undefined))
      await store.saveQuarantineLifted({ image, digest, who, reason });
  }
}
