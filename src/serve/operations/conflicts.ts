import type { Pointer } from "../../io/store/index.ts";
import { isDigest, type Digest } from "../../lib/index.ts";
import type { Context } from "../../loop/context.ts";

/** What the tags name that somebody else moved, by `IMAGE:ENVIRONMENT`. */
export type Conflicts = ReadonlyMap<string, Digest>;

const most = 1000;

/**
 * The conflicts that stand: promotions that ended in one as long as no later intent was written, and those that a look at the registry found, which raise an alarm and have
 * no row of their own.
 */
export async function loadConflicts(
  ctx: Context,
  pointers: readonly Pointer[],
  image: string | undefined,
): Promise<Conflicts> {
  const [promotions, alarms] = await Promise.all([
    ctx.store.loadPromotions({ states: ["conflict"], limit: most, ...(image === undefined ? {} : { image }) }),
    ctx.store.loadAlarms(),
  ]);
  const fences = new Map(pointers.map((one) => [`${one.image}:${one.environment}`, one.fence]));
  const found = new Map<string, Digest>();
  for (const promotion of promotions) {
    const place = `${promotion.image}:${promotion.environment}`;
    const tagged = promotion.detail.found;
    const stands = (fences.get(place) ?? promotion.fence) === promotion.fence;
    // Promotions come newest first.
    if (stands && !found.has(place) && typeof tagged === "string" && isDigest(tagged)) found.set(place, tagged);
  }
  for (const { code, subject, message } of alarms) {
    const tagged = code === "tag-conflict" ? message.split(/[\s;]+/).find(isDigest) : undefined;
    if (tagged !== undefined) found.set(subject, tagged);
  }
  return found;
}
