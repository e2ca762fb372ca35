import type { Context } from "../../loop/context.ts";
import { planImageRetention } from "../../loop/promote/index.ts";
import { formatInstant, OperationError, type OperationHandlers } from "../../operation/index.ts";

/** `retention`: what the next round would do, by the same plan. Throws NOT_FOUND for an image that there is not. */
export function createRetention(ctx: Context): OperationHandlers["retention"] {
  return async ({ image }) => {
    const names = Object.keys(ctx.config.images).filter((name) => image === undefined || name === image);
    if (image !== undefined && names.length === 0)
      throw new OperationError("NOT_FOUND", `there is no image ${image}`, { hint: "`tidemill status` shows all." });
    const now = ctx.clock.now();
    const images = [];
    for (const name of names) {
      ctx.signal.throwIfAborted();
      const { digests, drop, keptFor } = await planImageRetention(ctx, name, now);
      const goes = new Set(drop);
      const created = new Map(digests.map((one) => [one.digest, formatInstant(one.createdAt)]));
      const view = [...created].map(([digest, at]) => ({ digest, created: at, why: keptFor.get(digest) }));
      images.push({
        image: name,
        keep: view.flatMap(({ why, ...one }) => (why === undefined ? [] : [{ ...one, why }])),
        drop: view.flatMap(({ digest, created: at }) => (goes.has(digest) ? [{ digest, created: at }] : [])),
      });
    }
    return { images };
  };
}
