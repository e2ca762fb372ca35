import type { Cause } from "../../core/plan/index.ts";
import type { Rebuild } from "../../io/store/index.ts";
import type { Instant } from "../../lib/index.ts";
import type { Context } from "../../loop/context.ts";
import { describeCause, formatInstant, type Why } from "../../operation/index.ts";
import { instantOf } from "./upstream-states.ts";

type Link = Why["chain"][number];

/** One cause on the way, and the rebuild that it asked for. */
export interface Step {
  readonly depth: number;
  readonly rebuild: Rebuild;
  readonly cause: Cause;
}

const deepest = 20;
const longest = 1000;

/** The causes of a rebuild, each parent's followed by the causes of the parent's own rebuild. */
export async function loadSteps(ctx: Context, rebuild: Rebuild): Promise<Step[]> {
  const steps: Step[] = [];
  const seen = new Set<string>();
  const follow = async (one: Rebuild, depth: number): Promise<void> => {
    seen.add(one.id);
    for (const { cause } of (await ctx.store.loadCauses([one.id])).get(one.id) ?? []) {
      if (steps.length >= longest) return;
      steps.push({ depth, rebuild: one, cause });
      if (cause.kind !== "parent" || depth >= deepest) continue;
      const parent = await findParent(ctx, one, cause);
      if (parent !== undefined && !seen.has(parent.id)) await follow(parent, depth + 1);
    }
  };
  await follow(rebuild, 0);
  return steps;
}

/** The rebuild of the parent that a `parent` cause means: the one that was waited for, else the one that made its digest. */
async function findParent(
  ctx: Context,
  child: Rebuild,
  cause: Extract<Cause, { kind: "parent" }>,
): Promise<Rebuild | undefined> {
  const waited = await Promise.all(child.parentRebuilds.map((id) => ctx.store.loadRebuild(id)));
  const meant = waited.find((one) => one?.image === cause.image);
  if (meant !== undefined) return meant;
  if (cause.digest === undefined) return undefined;
  return findOrigin(await ctx.store.loadRebuilds({ image: cause.image, candidate: cause.digest, limit: 100 }));
}

/** The rebuild that a digest came from, of all that ended in it (newest first): those that found it in place already made nothing. */
export function findOrigin(rebuilds: readonly Rebuild[]): Rebuild | undefined {
  const made = rebuilds.filter(({ state }) => state !== "unchanged");
  return made.findLast(({ state }) => state === "promoted") ?? made.at(-1) ?? rebuilds.at(-1);
}

/** The chain in the shape of the contract; where it ends in something seen outside, with what was seen and when. */
export async function describeChain(ctx: Context, steps: readonly Step[]): Promise<Link[]> {
  const dates = new Map<string, Promise<Instant | undefined>>();
  const generationOf = (upstream: string, at: Instant) => {
    const key = `${upstream} ${at}`;
    const found = dates.get(key) ?? loadGeneration(ctx, upstream, at);
    dates.set(key, found);
    return found;
  };
  return Promise.all(
    steps.map(async ({ depth, rebuild, cause }) => ({
      depth,
      image: rebuild.image,
      digest: rebuild.candidate,
      rebuild: rebuild.id,
      cause: describeCause(cause),
      observation: cause.kind === "package" ? await describeSight(cause, generationOf) : null,
    })),
  );
}

async function describeSight(
  { origin, firstSeen }: Extract<Cause, { kind: "package" }>,
  generationOf: (upstream: string, at: Instant) => Promise<Instant | undefined>,
): Promise<Link["observation"]> {
  const generation = await generationOf(origin, firstSeen);
  return {
    upstream: origin,
    firstSeen: formatInstant(firstSeen),
    generation: generation === undefined ? null : formatInstant(generation),
  };
}

/** The date of the generation that an upstream showed at that moment. */
async function loadGeneration(ctx: Context, upstream: string, at: Instant): Promise<Instant | undefined> {
  const [seen] = await ctx.store.loadObservations({ upstream, until: at, limit: 1 });
  return instantOf(seen?.detail.date);
}
