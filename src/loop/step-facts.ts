import type { ParentFacts, RebuildFacts } from "../core/plan/index.ts";
import type { PromotionFacts } from "../io/store/index.ts";
import type { Context } from "./context.ts";
import { lookAtSoak, unprobedPlaces } from "./promote/index.ts";

/** What is to be known of a rebuild before its next step is asked for. */
export async function stepFacts(ctx: Context, facts: PromotionFacts): Promise<RebuildFacts> {
  const { rebuild, verifications, pointers, promotions, holds, quarantines, approvals } = facts;
  const { candidate } = rebuild;
  return {
    state: rebuild.state,
    lane: rebuild.lane,
    candidate,
    approvals,
    unprobed: unprobedPlaces(ctx.config, rebuild.image),
    verifications: verifications.filter(({ digest }) => digest === candidate),
    pointers: await Promise.all(
      pointers.map(async (one) => (one.digest === candidate && candidate !== null ? lookAtSoak(ctx, one) : one)),
    ),
    holds,
    quarantined: quarantines.some(({ digest }) => digest === candidate),
    parents: await Promise.all(rebuild.parentRebuilds.map((id) => parentFacts(ctx, id))).then((all) => all.flat()),
    conflicts: await conflictsOf(ctx, rebuild.image, promotions),
  };
}

async function parentFacts(ctx: Context, id: string): Promise<ParentFacts[]> {
  const parent = await ctx.store.loadRebuild(id);
  if (parent === undefined) return [];
  const first = ctx.config.environments[0]?.name;
  const verifications = await ctx.store.loadVerifications({ rebuilds: [parent.id] });
  const passedFirst = verifications.some(
    (one) => one.environment === first && one.verdict === "passed" && one.digest === parent.candidate,
  );
  const pointers = parent.candidate === null ? [] : await ctx.store.loadPointers(parent.image);
  const places = pointers.filter(({ digest }) => digest === parent.candidate).map(({ environment }) => environment);
  return [{ image: parent.image, state: parent.state, passedFirst, places }];
}

/** Environments whose newest move ended in a conflict that still stands in the registry. */
async function conflictsOf(ctx: Context, image: string, promotions: PromotionFacts["promotions"]): Promise<string[]> {
  const found: string[] = [];
  for (const { name } of ctx.config.environments) {
    const newest = promotions.find((one) => one.environment === name && one.state !== "refused");
    if (newest?.state !== "conflict") continue;
    const tagged = (await ctx.repositoryOf(image).resolve(name, ctx.signal))?.digest;
    if (tagged !== undefined && tagged === newest.detail["found"]) found.push(name);
  }
  return found;
}
