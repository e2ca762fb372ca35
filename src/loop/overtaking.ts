import { decideTurn, isOvertakenBy, nextStep, type Turn } from "../core/plan/index.ts";
import type { Pointer, PromotionFacts, Rebuild } from "../io/store/index.ts";
import type { Context } from "./context.ts";
import { stepFacts } from "./step-facts.ts";

/** Whether a later rebuild of the same image is in the environment already, or ready for it: an older one must not take its place, and need not go before it. */
export async function isOvertaken(ctx: Context, facts: PromotionFacts, environment: string): Promise<boolean> {
  const other = await loadOther(ctx, facts, environment);
  if (other !== undefined && other.rebuild.createdAt > facts.rebuild.createdAt) return true;
  // What stands in an earlier environment has a place of its own, and goes its way to the end.
  if (facts.pointers.some(({ digest }) => digest === facts.rebuild.candidate)) return false;
  return (await loadReady(ctx, facts, environment)).some((newer) =>
    isOvertakenBy(facts.rebuild, { ...newer, isReady: true }),
  );
}

/** Whether a candidate may take the place of the earlier one that stands in an environment and is on its way further, by `decideTurn`. */
export async function findTurn(ctx: Context, facts: PromotionFacts, environment: string): Promise<Turn> {
  const other = await loadOther(ctx, facts, environment);
  const digest = other?.pointer.digest ?? null;
  if (other === undefined || digest === null || other.rebuild.finishedAt !== null) return { kind: "goes" };
  const ahead = await ctx.store.loadPromotionFacts(other.rebuild.id);
  if (ahead === undefined) return { kind: "goes" };
  const known = await stepFacts(ctx, ahead);
  const approvedAt = lastApproval(ahead);
  return decideTurn(
    facts.rebuild.lane,
    environment,
    { digest, facts: known, approvedAt },
    ctx.config.environments,
    ctx.clock.now(),
  );
}

/** When a person last approved a candidate. */
export function lastApproval({ approvals }: Pick<PromotionFacts, "approvals">): number | undefined {
  const given = approvals.filter(({ verdict }) => verdict === "approved").map(({ createdAt }) => createdAt);
  return given.length === 0 ? undefined : Math.max(...given);
}

/** Later rebuilds of the same image whose candidate could go into an environment now. */
async function loadReady(ctx: Context, facts: PromotionFacts, environment: string): Promise<Rebuild[]> {
  const { image, createdAt } = facts.rebuild;
  const built = await ctx.store.loadRebuilds({ image, active: true, states: ["built"] });
  const ready: Rebuild[] = [];
  for (const rebuild of built) {
    if (rebuild.createdAt <= createdAt) continue;
    const known = await ctx.store.loadPromotionFacts(rebuild.id);
    if (known === undefined) continue;
    const step = nextStep(await stepFacts(ctx, known), ctx.config.environments, ctx.clock.now());
    if (step.kind === "promote" && step.environment === environment) ready.push(rebuild);
  }
  return ready;
}

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
