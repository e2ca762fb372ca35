import { setTimeout as delay } from "node:timers/promises";
import type { Plan } from "../core/plan/index.ts";
import type { Makers } from "./build/index.ts";
import { closeQuestions } from "./ask-people.ts";
import { bumpSources } from "./bump/index.ts";
import { leaseMs, type Context } from "./context.ts";
import { deployFleet } from "./deploy-environments.ts";
import { tendDeadlines, tendExposures } from "./expose/index.ts";
import { matchFindings } from "./match/index.ts";
import { planFleet, renewRemedies } from "./plan/index.ts";
import { resumeIntents, tendTrains, type ServedCheck, type ServedReport } from "./promote/index.ts";
import { watchUpstreams, type Watched } from "./watch/index.ts";
import { leaveMalicious } from "./leave-malicious.ts";
import { reverifyRunning } from "./reverify-running.ts";
import { checkpointAudit } from "./checkpoint-audit.ts";
import { tendAlarms } from "./tend-alarms.ts";
import { tendClock } from "./tend-clock.ts";
import { withdrawRuns } from "./withdraw-runs.ts";
import { workOn } from "./work-on.ts";

export interface PassResult {
  readonly watched: Watched;
  readonly plan: Plan;
  readonly served: ServedReport;
}

export interface PassOptions {
  /** Only these images are worked at. */
  readonly images?: ReadonlySet<string>;
  /** Plans from what was last seen, without asking the upstreams. */
  readonly offline?: boolean;
  /** The running systems are made to use what the environments name: a server does that by itself, all the time. */
  readonly deploy?: boolean;
  /** Packages are bumped in the sources of images: a server does that by itself, too. */
  readonly bump?: boolean;
}

/** What lasts from pass to pass. */
export interface LoopParts {
  readonly makers: Makers;
  readonly checkServed: ServedCheck;
}

/** On the machine's clock, whatever the fleet's says: it is the machine that rests. */
const lookAgainMs = 500;

const noWatch: Watched = { updated: [], failed: [] };

/** One pass of the loop: finish what a crash left, watch, match, leave what does harm, plan, carry out all that can be done now, look at what is served, and at what stands in alarm. */
export async function runPass(ctx: Context, parts: LoopParts, options: PassOptions = {}): Promise<PassResult> {
  await tendClock(ctx);
  await resumeIntents(ctx);
  const watched = options.offline === true ? noWatch : await watchUpstreams(ctx);
  await matchFindings(ctx);
  await leaveMalicious(ctx);
  const { plan } = await planFleet(ctx);
  await workOff(ctx, parts.makers, options.images);
  // What runs now goes further, where there is no soak.
  while (options.deploy === true && (await deployFleet(ctx))) await workOff(ctx, parts.makers, options.images);
  await matchFindings(ctx);
  await renewRemedies(ctx);
  if (options.bump === true) await bumpSources(ctx);
  const served = await parts.checkServed(ctx);
  await tendTrains(ctx);
  await reverifyRunning(ctx);
  await tendExposures(ctx);
  await tendDeadlines(ctx);
  await tendAlarms(ctx);
  await closeQuestions(ctx);
  await checkpointAudit(ctx);
  return { watched, plan, served };
}

/** Works at all rebuilds that are due, until none is: children come when their parents are ready. */
export async function workOff(ctx: Context, makers: Makers, images?: ReadonlySet<string>): Promise<void> {
  await withdrawRuns(ctx);
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];
  const passedOver: string[] = [];
  let isPlanDue = false;
  for (;;) {
    while (running.size < ctx.config.workers && failures.length === 0 && !ctx.signal.aborted) {
      const lease = await ctx.store.leaseRebuild({ owner: ctx.owner, leaseMs, except: passedOver });
      if (lease === undefined) break;
      if (images?.has(lease.rebuild.image) === false) {
        passedOver.push(lease.rebuild.id);
        await ctx.store.releaseLease(lease);
        continue;
      }
      const work = workOn(ctx, makers, lease).then(
        (end) => {
          isPlanDue ||= end === "kept out";
          running.delete(work);
        },
        (error: unknown) => {
          failures.push(error);
          running.delete(work);
        },
      );
      running.add(work);
    }
    if (running.size === 0) {
      if (!isPlanDue || failures.length > 0 || ctx.signal.aborted) break;
      // What breaks an image stays out: its other updates need not wait for the next look at the upstreams.
      isPlanDue = false;
      await planFleet(ctx);
      continue;
    }
    // Somebody with nothing to do looks again soon: a soak ends, a person asks.
    const isIdle = running.size < ctx.config.workers && !ctx.signal.aborted;
    await Promise.race(isIdle ? [...running, delay(lookAgainMs, undefined, { ref: false })] : running);
  }
  if (failures.length > 0) throw failures[0];
  ctx.signal.throwIfAborted();
  await withdrawRuns(ctx);
}
