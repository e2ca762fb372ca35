import { planRebuilds, summarizeCauses, type Plan, type PlannedRebuild } from "../../core/plan/index.ts";
import { groupCures } from "../../core/remedy/index.ts";
import type { SavedPlan } from "../../io/store/index.ts";
import { canonicalJson } from "../../lib/index.ts";
import type { Context } from "../context.ts";
import { currentDigests, loadPlanFacts, type FleetFacts } from "./load-facts.ts";
import { loadRemedies, type ImageRemedies } from "./load-remedies.ts";
import { tendHeld } from "./tend-held.ts";

export interface PlannedFleet {
  readonly plan: Plan;
  readonly saved: SavedPlan;
}

/** What would be done now; nothing is changed. */
export async function proposePlan(ctx: Context): Promise<Plan> {
  return planRebuilds(await loadPlanFacts(ctx));
}

export interface ProposedRemedies {
  readonly plan: Plan;
  readonly remedies: readonly ImageRemedies[];
  /** What of the VEX documents could not be read: it counts for nothing. */
  readonly problems: readonly string[];
}

/** The same, with what is wrong with what the images are now, and what would cure it. */
export async function proposeRemedies(ctx: Context): Promise<ProposedRemedies> {
  const facts = await loadPlanFacts(ctx);
  const { problems } = facts.matched.vex;
  return { plan: planRebuilds(facts), remedies: await loadRemedies(ctx, facts), problems };
}

/** Makes the plan and its rebuilds stand in the store. The same facts again bring nothing new. */
export async function planFleet(ctx: Context): Promise<PlannedFleet> {
  const { store, config } = ctx;
  const facts = await loadPlanFacts(ctx);
  await store.saveImages(
    facts.images.map(({ name, parents, bases, recipeKey }) => ({
      name,
      repository: config.images[name]?.repository ?? name,
      // Nothing of the configuration that is not asked for: its checks and pipelines hold secrets.
      definition: {
        recipe: config.images[name]?.recipe ?? null,
        distro: facts.distros.get(name) ?? null,
        bases: bases.map((base) => base.name),
      },
      recipeKey,
      parents,
    })),
  );
  const plan = planRebuilds(facts);
  const rebuilds = plan.waves.flatMap((wave, index) =>
    wave.map(({ holdBack, keepOut, bases, ...rebuild }) => ({
      ...rebuild,
      notFor: keptFrom(plan, rebuild),
      detail: { wave: index, holdBack, keepOut, bases },
    })),
  );
  const detail = {
    held: [...plan.held, ...plan.keptOut].map(({ image, kind, until, reason }) => ({
      image,
      kind,
      until: until ?? null,
      reason,
    })),
    untouched: plan.untouched,
  };
  const saved = rebuilds.length === 0 ? { plan: null, placed: [] } : await store.savePlan({ detail, rebuilds });
  const fresh = saved.placed.filter(({ kind }) => kind === "queued");
  const planned = new Map(plan.waves.flat().map((one) => [one.image, one]));
  if (fresh.length > 0) {
    ctx.emit({
      kind: "planned",
      message: `${fresh.length} to rebuild, ${plan.held.length} held, ${plan.untouched.length} not touched`,
    });
  }
  for (const { rebuild } of fresh) {
    const message = summarizeCauses((planned.get(rebuild.image)?.causes ?? []).map(({ cause }) => cause));
    ctx.emit({ kind: "queued", image: rebuild.image, rebuild: rebuild.id, message });
  }
  await tendHeld(ctx, facts, plan, await keepRemedies(ctx, facts));
  const known = heldBefore(await store.loadSetting("last-plan"));
  await store.saveSetting("last-plan", { at: facts.now, held: detail.held });
  // What was said at the last pass need not be said at every one.
  for (const held of detail.held)
    if (!known.has(canonicalJson(held))) ctx.emit({ kind: "held", image: held.image, message: held.reason });
  return { plan, saved };
}

/** Finds anew what is wrong with the images where one of them is another digest than when that was last written down: what was cured is seen at once, not at the next pass. */
export async function renewRemedies(ctx: Context): Promise<void> {
  const [rows, pointers] = await Promise.all([ctx.store.loadImageRemedies(), ctx.store.loadPointers()]);
  const known = new Map(rows.map(({ image, digest }) => [image, digest]));
  const current = currentDigests(ctx.config, pointers);
  if ([...current].some(([image, digest]) => known.get(image) !== digest))
    await keepRemedies(ctx, await loadPlanFacts(ctx));
}

async function keepRemedies(ctx: Context, facts: FleetFacts): Promise<readonly ImageRemedies[]> {
  const remedies = await loadRemedies(ctx, facts);
  await ctx.store.saveImageRemedies(
    remedies.map(({ findings, ...image }) => ({ ...image, cures: groupCures(findings) })),
  );
  return remedies;
}

/** Keys of what is kept out of a rebuild, and does not go with it in part. */
function keptFrom({ keptOut }: Plan, { image, causes }: Pick<PlannedRebuild, "image" | "causes">): string[] {
  const going = new Set(causes.map(({ key }) => key));
  const kept = keptOut.filter((one) => one.image === image).flatMap((one) => one.causes.map(({ key }) => key));
  return kept.filter((key) => !going.has(key));
}

/** What the last plan held, each as text. */
function heldBefore(plan: unknown): ReadonlySet<string> {
  const held = typeof plan === "object" && plan !== null && "held" in plan ? plan.held : undefined;
  return new Set(Array.isArray(held) ? held.map((one) => canonicalJson(one)) : []);
}
