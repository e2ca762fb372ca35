import { decideDeparture, nextStep, type Mate, type TrainDeparture } from "../core/plan/index.ts";
import type { PromotionFacts, Rebuild } from "../io/store/index.ts";
import type { Context } from "./context.ts";
import { stepFacts } from "./step-facts.ts";

/** Whether the train of an image leaves for an environment now; undefined where it is in none. */
export type FoundDeparture =
  | { readonly kind: "waits"; readonly train: undefined; readonly waiting: readonly string[] }
  | { readonly kind: "departs"; readonly train: TrainDeparture; readonly waiting: readonly string[] };

/** Looks at the others of the train that a candidate is to take into an environment. */
export async function findDeparture(
  ctx: Context,
  facts: PromotionFacts,
  environment: string,
): Promise<FoundDeparture | undefined> {
  const { image } = facts.rebuild;
  const train = trainOf(ctx, image, environment);
  if (train === undefined) return undefined;
  const others = train.images.filter((one) => one !== image);
  const mates = await Promise.all(others.map((one) => loadMate(ctx, one, environment, train.images)));
  const departure = decideDeparture(mates);
  if (departure.kind === "departs") {
    const { waiting } = departure;
    return { kind: "departs", train: { name: train.name, mates: departure.mates }, waiting };
  }
  const message = `the train ${train.name} waits for ${departure.missing.join(", ")}`;
  ctx.emit({ kind: "note", image, environment, rebuild: facts.rebuild.id, message });
  return { kind: "waits", train: undefined, waiting: [] };
}

/** Has those looked at that may have waited for an image, now that it is proven for an environment. */
export async function hurryMates(ctx: Context, image: string, environment: string): Promise<void> {
  for (const mate of trainOf(ctx, image, environment)?.images ?? []) {
    if (mate === image) continue;
    const resting = await ctx.store.loadRebuilds({ image: mate, active: true, states: ["built"] });
    for (const { id } of resting) await ctx.store.hurryRebuild(id);
  }
}

function trainOf(ctx: Context, image: string, environment: string) {
  const trains = ctx.config.environments.find(({ name }) => name === environment)?.trains ?? [];
  return trains.find(({ images }) => images.includes(image));
}

async function loadMate(ctx: Context, image: string, environment: string, members: readonly string[]): Promise<Mate> {
  const active = await ctx.store.loadRebuilds({ image, active: true });
  // What is not due yet, in a cool-down, is not under way.
  const due = active.filter(({ state, notBefore }) => state !== "queued" || notBefore <= ctx.clock.now());
  const underWay = await Promise.all(
    due.map(async (rebuild) => ({
      id: rebuild.id,
      candidate: rebuild.candidate,
      stands: await standingOf(ctx, rebuild, environment, members),
    })),
  );
  return { image, underWay, fell: active.length === 0 && (await fellIn(ctx, image, environment)) };
}

async function standingOf(
  ctx: Context,
  rebuild: Rebuild,
  environment: string,
  members: readonly string[],
): Promise<"ready" | "there" | "behind"> {
  const facts = await ctx.store.loadPromotionFacts(rebuild.id);
  if (facts === undefined || rebuild.candidate === null) return "behind";
  const { candidate } = rebuild;
  if (facts.pointers.some((one) => one.environment === environment && one.digest === candidate)) return "there";
  const known = await stepFacts(ctx, facts);
  // Parents of the same train move with it, before it: it does not wait for them to have moved.
  const parents = known.parents.filter((parent) => !members.includes(parent.image));
  const step = nextStep({ ...known, parents }, ctx.config.environments, ctx.clock.now());
  return step.kind === "promote" && step.environment === environment ? "ready" : "behind";
}

/** Whether the newest rebuild of an image passed its verification for an environment and failed all the same. */
async function fellIn({ store }: Context, image: string, environment: string): Promise<boolean> {
  const [newest] = await store.loadRebuilds({ image, limit: 1 });
  if (newest?.state !== "failed" || newest.candidate === null) return false;
  const verifications = await store.loadVerifications({ rebuilds: [newest.id] });
  return verifications.some((one) => one.environment === environment && one.verdict === "passed");
}
