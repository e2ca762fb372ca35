import { lineageOf } from "../core/config/index.ts";
import type { ParentFacts, RebuildFacts } from "../core/plan/index.ts";
import type { PromotionFacts } from "../io/store/index.ts";
import type { CandidateOrigin, Context } from "./context.ts";
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
    barred: await findTakenBack(ctx, facts),
    parents: await Promise.all(rebuild.parentRebuilds.map((id) => parentFacts(ctx, id))).then((all) => all.flat()),
    conflicts: await conflictsOf(ctx, rebuild.image, promotions),
  };
}

/**
 * What a candidate has of what a rollback, a person's word or an advisory of malice left, as a sentence: it may have been made before that. What was found by checks is for its own checks to say.
 */
async function findTakenBack(ctx: Context, { rebuild, candidate }: PromotionFacts): Promise<string | undefined> {
  if (candidate === undefined) return undefined;
  const names = new Set([...lineageOf(ctx.config, rebuild.image), rebuild.image]);
  const rows = (await Promise.all([...names].map((name) => ctx.store.loadQuarantines(name)))).flat();
  const others = rows.filter(({ digest }) => digest !== candidate.digest);
  const { bases = {} } = (candidate.detail["origin"] ?? {}) as Partial<CandidateOrigin>;
  for (const { bases: left, who } of others)
    for (const { name, digest, terms } of left)
      if (terms === undefined && bases[name] === digest)
        return `it is made of ${name} at ${digest}, which ${who} took back`;
  const left = others.flatMap(({ packages, who }) => packages.map((one) => ({ ...one, who })));
  const open = left.filter(({ terms }) => terms === undefined);
  if (open.length === 0) return undefined;
  const inventories = await ctx.store.loadInventories(Object.values(candidate.inventories));
  const keyOf = (one: { readonly name: string; readonly architecture: string; readonly version: string }): string =>
    `${one.name}:${one.architecture} ${one.version}`;
  const held = new Set([...inventories.values()].flatMap(({ packages }) => packages.map(keyOf)));
  const found = open.find((one) => held.has(keyOf(one)));
  return found && `it has ${found.name} ${found.version}, which ${found.who} took back`;
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
