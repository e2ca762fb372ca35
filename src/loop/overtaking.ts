import { soakLeft } from "../core/plan/index.ts";
import { mayMoveAlone } from "../core/policy/index.ts";
import type { Pointer, PromotionFacts, Rebuild } from "../io/store/index.ts";
import type { Instant } from "../lib/index.ts";
import type { Context } from "./context.ts";
import { lookAtSoak } from "./promote/index.ts";

/** Whether a later rebuild of the same image is in the environment already: an older one must not take its place. */
export async function isOvertaken(ctx: Context, facts: PromotionFacts, environment: string): Promise<boolean> {
  const other = await loadOther(ctx, facts, environment);
  return other !== undefined && other.rebuild.createdAt > facts.rebuild.createdAt;
}

/**
 * The earlier rebuild that stands in an environment and is on its way further, and until when it soaks: fixes that come faster than they soak would else never arrive. Only
 * the urgent lane interrupts it. Undefined where there is none, or where it waits for a person: then there is no telling how long.
 */
export async function findSoaking(
  ctx: Context,
  facts: PromotionFacts,
  environment: string,
): Promise<{ readonly rebuild: Rebuild; readonly until: Instant } | undefined> {
  if (facts.rebuild.lane === "urgent") return undefined;
  const chain = ctx.config.environments;
  const at = chain.findIndex(({ name }) => name === environment);
  const [link, next] = [chain[at], chain[at + 1]];
  if (link === undefined || next === undefined) return undefined;
  const other = await loadOther(ctx, facts, environment);
  if (other === undefined || other.rebuild.finishedAt !== null) return undefined;
  const { rebuild, pointer } = other;
  if (!mayMoveAlone(next, rebuild.lane)) return undefined;
  if (facts.quarantines.some(({ digest }) => digest === pointer.digest)) return undefined;
  if (facts.holds.some((hold) => hold.environment === null || hold.environment === next.name)) return undefined;
  const now = ctx.clock.now();
  // What does not go further well after its soak is stuck, and stops nobody.
  if (now > (pointer.since ?? 0) + link.soak + Math.max(stuckMs, link.soak)) return undefined;
  return { rebuild, until: now + soakLeft(link, await lookAtSoak(ctx, pointer), now) };
}

const stuckMs = 3_600_000;

/** The other rebuild whose candidate an environment names. */
async function loadOther(
  ctx: Context,
  facts: PromotionFacts,
  environment: string,
): Promise<{ readonly rebuild: Rebuild; readonly pointer: Pointer } | undefined> {
  const pointer = facts.pointers.find((one) => one.environment === environment);
  const by = facts.promotions.find(({ id }) => id === pointer?.promotion);
  if (pointer === undefined || by === undefined || by.kind === "rollback") return undefined;
  if (by.rebuild === null || by.rebuild === facts.rebuild.id) return undefined;
  const rebuild = await ctx.store.loadRebuild(by.rebuild);
  return rebuild && { rebuild, pointer };
}
