import type { Context } from "../../loop/context.ts";
import { currentRecipeKey } from "../../loop/recipe-key.ts";
import type { OperationHandlers } from "../../operation/index.ts";
import { requireImage } from "./find-name.ts";

export interface RebuildDeps {
  /** Makes the loop look sooner; nothing depends on it. */
  readonly wake: () => void;
}

/** `rebuild`: a person asks for one. It joins what is queued; what is under way goes on, and this queues behind it. Throws NOT_FOUND. */
export function createRebuild(ctx: Context, { wake }: RebuildDeps): OperationHandlers["rebuild"] {
  return async ({ image, by, reason }) => {
    requireImage(ctx.config, image);
    const cause = { kind: "person", who: by, reason } as const;
    // Each asking is its own: the same person may ask again tomorrow, for the same reason.
    const key = `person:${by}:${ctx.clock.now()}`;
    const { placed } = await ctx.store.savePlan({
      detail: { asked: { by, reason } },
      rebuilds: [
        {
          image,
          lane: "urgent",
          notBefore: ctx.clock.now(),
          recipeKey: await currentRecipeKey(ctx, image),
          parents: [],
          causes: [{ key, cause }],
        },
      ],
    });
    const [place] = placed;
    if (place === undefined) return { kind: "refused", reasons: [`nothing came of the asking for ${image}`] };
    ctx.emit({ kind: "queued", image, rebuild: place.rebuild.id, message: `${by} asks: ${reason}` });
    wake();
    return { kind: "queued", image, rebuild: place.rebuild.id, joined: place.kind !== "queued" };
  };
}
