import type { FindingLife } from "../../core/advisory/index.ts";
import { describePipeline, pipelinePlace } from "../../core/external/index.ts";
import type { HeldImage, Plan as CorePlan, PlannedRebuild } from "../../core/plan/index.ts";
import { groupCures } from "../../core/remedy/index.ts";
import type { Context } from "../../loop/context.ts";
import { proposeRemedies, type ProposedRemedies } from "../../loop/plan/index.ts";
import {
  describeCause,
  describeReasons,
  formatInstant,
  type OperationHandlers,
  type Plan,
} from "../../operation/index.ts";
import { describeCures, describeFindings, scheduleOf } from "./describe-remedies.ts";
import { loadLives } from "./finding-lives.ts";
import { loadRebuildsInFlight } from "./rebuilds-in-flight.ts";
import { describeDoubts, loadUpstreamStates } from "./upstream-states.ts";

export interface PlanDeps {
  /** Asks the upstreams; one that does not answer is written down, not thrown. */
  readonly refresh: () => Promise<void>;
}

/** `plan`: what would be done now, by what was last seen or, with `refresh`, by what the upstreams say now. */
export function createPlan(ctx: Context, { refresh }: PlanDeps): OperationHandlers["plan"] {
  return async (request) => {
    if (request.refresh) await refresh();
    const [{ plan, remedies, problems }, upstreams, unread, pointers, holds] = await Promise.all([
      proposeRemedies(ctx),
      loadUpstreamStates(ctx),
      describeUnread(ctx),
      ctx.store.loadPointers(),
      ctx.store.loadHolds(),
    ]);
    const inFlight = await loadRebuildsInFlight(ctx, { image: undefined, pointers, holds, conflicts: new Map() });
    const schedule = scheduleOf(ctx, plan, inFlight);
    const lives = await loadOpenLives(ctx, remedies);
    const findings = describeFindings(remedies, schedule, (image) => lives.get(image) ?? []);
    const cures = remedies.map((one) => ({ image: one.image, cures: groupCures(one.findings) }));
    return {
      at: formatInstant(ctx.clock.now()),
      waves: plan.waves.map((wave) => ({ rebuilds: wave.map((rebuild) => describeRebuild(ctx, rebuild)) })),
      held: [...plan.held, ...plan.keptOut].map(describeHeld),
      waiting: inFlight.flatMap(({ rebuild, environment, waits, until }) =>
        waits === undefined || rebuild.candidate === null
          ? []
          : [
              {
                image: rebuild.image,
                environment,
                reason: waits,
                until: until === undefined ? null : formatInstant(until),
              },
            ],
      ),
      untouched: plan.untouched.map(({ image, reason }) => ({ image, reason })),
      findings: findings.slice(0, mostFindings),
      findingsLeftOut: Math.max(0, findings.length - mostFindings),
      cures: describeCures(cures, schedule).slice(0, mostFindings),
      unknown: remedies.flatMap(({ image, state, reasons }) =>
        state === "known" ? [] : [{ image, reasons: [...reasons] }],
      ),
      breaker: describeBreaker(plan),
      warnings: [...describeDoubts(upstreams), ...unread, ...problems.map((problem) => `VEX: ${problem}`)],
    };
  };
}

const mostFindings = 5000;
/** Images of whose findings the times are told. */
const mostTimed = 200;

/** The findings that are open in the last environment that has an image, of the first images that have any. */
async function loadOpenLives(
  ctx: Context,
  remedies: ProposedRemedies["remedies"],
): Promise<Map<string, readonly FindingLife[]>> {
  const found = new Map<string, readonly FindingLife[]>();
  const order = ctx.config.environments.map(({ name }) => name);
  for (const { image } of remedies.filter(({ findings }) => findings.length > 0).slice(0, mostTimed)) {
    const environments = await loadLives(ctx, image);
    environments.sort((a, b) => order.indexOf(a.environment) - order.indexOf(b.environment));
    found.set(image, environments.at(-1)?.lives.filter(({ end }) => end === undefined || end.kind === "vex") ?? []);
  }
  return found;
}

function describeRebuild(ctx: Context, rebuild: PlannedRebuild): Plan["waves"][number]["rebuilds"][number] {
  const causes = rebuild.causes.map(({ cause }) => describeCause(cause));
  return {
    image: rebuild.image,
    remedy: mayRebase(ctx, rebuild) ? "rebase" : "rebuild",
    lane: rebuild.lane,
    notBefore: rebuild.notBefore <= ctx.clock.now() ? null : formatInstant(rebuild.notBefore),
    causes,
    reason: `${describeReasons(causes)}${builtBy(ctx, rebuild.image)}`,
  };
}

/** Who builds it, where Tidemill does not. */
function builtBy({ config }: Context, image: string): string {
  const declared = config.images[image];
  return declared?.recipe === "external" ? `; it is built by ${describePipeline(pipelinePlace(declared))}` : "";
}

/** Where only what an image stands on moves, its layers go onto the new base, if the build shows that to be safe. */
function mayRebase({ config }: Context, { image, causes }: PlannedRebuild): boolean {
  const declared = config.images[image];
  if (declared?.recipe !== "dockerfile" || !declared.rebase) return false;
  return causes.every(({ cause }) => cause.kind === "base" || cause.kind === "parent");
}

function describeHeld({ image, kind, until, causes, reason }: HeldImage): Plan["held"][number] {
  return {
    image,
    kind,
    until: until === undefined ? null : formatInstant(until),
    causes: causes.map(({ cause }) => describeCause(cause)),
    reason,
  };
}

function describeBreaker({ held }: CorePlan): Plan["breaker"] {
  const stopped = held.filter(({ kind }) => kind === "breaker");
  const [first, ...others] = stopped;
  if (first === undefined) return { open: false, reason: null };
  const more = others.length === 0 ? "" : `, and ${others.length} more`;
  return { open: true, reason: `${first.image}: ${first.reason}${more}` };
}

/** What runs and could not be read: a plan says nothing of it. */
async function describeUnread(ctx: Context): Promise<string[]> {
  const problems = await ctx.store.loadUnreadInventories();
  if (problems.size === 0) return [];
  const pointers = await ctx.store.loadPointers();
  const named = new Set(pointers.map(({ image, digest }) => `${image} ${digest}`));
  const digests = await ctx.store.loadDigests(pointers.flatMap(({ digest }) => digest ?? []));
  return digests
    .filter(({ image, digest }) => named.has(`${image} ${digest}`))
    .flatMap(({ image, inventories }) =>
      Object.entries(inventories).flatMap(([platform, key]) => {
        const found = problems.get(key);
        if (found === undefined) return [];
        return [`${image} on ${platform} could not be read: ${found[0] ?? "no reason is known"}`];
      }),
    )
    .filter((warning, at, all) => all.indexOf(warning) === at);
}
