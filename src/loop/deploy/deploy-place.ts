import { setTimeout as delay } from "node:timers/promises";
import { decideDeployment, type DeploymentDecision } from "../../core/deploy/index.ts";
import type { Place } from "../../io/deploy/index.ts";
import type { Deployment } from "../../io/store/index.ts";
import { messageOf, type Digest } from "../../lib/index.ts";
import { leaseMs, type Context } from "../context.ts";
import { findLackingEvidence } from "../standing-evidence.ts";
import { clearPlaceAlarms, placeSubject, raisePlaceAlarm } from "./alarms.ts";
import { adopt, begin, resume } from "./carry-out.ts";
import { keepLease } from "./keep-lease.ts";
import { loadPlaceFacts, type PlaceFacts } from "./load-facts.ts";
import { undo } from "./undo.ts";
import { giveUpFor, type DeployPowers, type StepEnd, type Worker } from "./worker.ts";

/** How work at a place ended. `moved`: something was deployed, or undone. `waits`: not all is as it should be, and time or a person is waited for. `busy`: somebody else works there. */
export type PlaceEnd = { readonly kind: "settled" | "moved" | "waits" | "busy" };

/** Between two looks at a target that has taken a digest and does not show it yet. */
const lookAgainMs = 500;

/**
 * Makes a place use what its environment names, and looks that it does: every next step is decided anew from the store and from what the target says, so that it can be stopped anywhere and done again. Only an abort throws.
 */
export async function deployPlace(ctx: Context, powers: DeployPowers, place: Place): Promise<PlaceEnd> {
  const { deployment: name, image } = place;
  const lease = await ctx.store.leasePlace({ name, image, owner: ctx.owner, leaseMs });
  if (lease === undefined) return { kind: "busy" };
  const kept = keepLease(ctx, lease);
  const worker: Worker = { ctx, powers, place, lease, kept, target: ctx.targetOf(name) };
  try {
    return await takeSteps(worker);
  } catch (error) {
    ctx.signal.throwIfAborted();
    if (kept.isLost()) return { kind: "busy" };
    ctx.log.error({ err: error, ...place }, "a deployment failed in a way that was not foreseen");
    await giveUpFor(worker, messageOf(error));
    return { kind: "waits" };
  } finally {
    kept.end();
    await ctx.store.releasePlace(lease).catch(() => undefined);
  }
}

async function takeSteps(worker: Worker): Promise<PlaceEnd> {
  const { ctx, place, kept, target } = worker;
  let hasMoved = false;
  for (;;) {
    kept.signal.throwIfAborted();
    const facts = await loadPlaceFacts(ctx, place, () => target.observe(place, kept.signal));
    const step = await takeStep(worker, facts, decideDeployment(facts, ctx.clock.now()));
    hasMoved ||= step === "moved";
    if (step === "again") await delay(lookAgainMs, undefined, { signal: kept.signal });
    if (step === "settled" || step === "waits") return { kind: hasMoved ? "moved" : step };
    if (step === "lost") return { kind: "busy" };
  }
}

async function takeStep(worker: Worker, facts: PlaceFacts, decision: DeploymentDecision): Promise<StepEnd> {
  const { ctx, place, lease, powers, target } = worker;
  const { store } = ctx;
  const { image, environment, deployment } = place;
  switch (decision.kind) {
    case "rest": {
      if (facts.observed.kind === "unknown" && target.observes && facts.wanted !== undefined) {
        await giveUpFor(worker, `it cannot be seen what runs: ${facts.observed.reason}`);
        return "waits";
      }
      await store.savePlaceLook(lease, { waiting: null, runs: runsThere(facts) });
      await clearPlaceAlarms(ctx, place);
      return "settled";
    }
    case "wait": {
      await store.savePlaceLook(lease, { waiting: decision.reason, runs: undefined });
      return "waits";
    }
    case "begin": {
      const lacking = facts.wanted?.kind === "forward" ? await findLacking(worker, decision.digest) : [];
      if (lacking.length === 0) return begin(worker, decision.digest, facts.reason);
      await store.savePlaceLook(lease, { waiting: lacking.join("; "), runs: undefined });
      return "waits";
    }
    case "adopt":
      return adopt(worker, decision.digest, facts.reason);
    case "resume":
      return facts.open === undefined ? "on" : goOn(worker, facts, facts.open);
    case "undo":
      return facts.open === undefined ? "on" : undo(worker, facts.open);
    case "obey": {
      const digest = facts.wanted?.digest;
      const { found } = decision;
      const reason = `${deployment} was made to run ${found} by hand`;
      await endOpen(worker, facts, reason);
      if (digest !== undefined && (await powers.obey({ image, environment, digest, found, deployment, reason })))
        return "moved";
      return saveConflict(worker, found);
    }
    case "conflict": {
      await endOpen(worker, facts, `somebody else made ${deployment} run ${decision.found}`);
      return saveConflict(worker, decision.found);
    }
    case "absent": {
      const message = `${placeSubject(place)} does not run: ${decision.reason}`;
      const hint = `\`tidemill deploy ${image} ${environment}\` brings it back.`;
      await raisePlaceAlarm(ctx, place, { code: "deploy-absent", message, hint });
      await store.savePlaceLook(lease, { waiting: decision.reason, runs: false });
      return "waits";
    }
  }
}

/** Goes on with the open attempt, as long as nobody overruled it. */
async function goOn(worker: Worker, facts: PlaceFacts, open: Deployment): Promise<StepEnd> {
  const step = await resume(worker, facts, open);
  if (typeof step === "string") return step;
  const { place, powers } = worker;
  const { image, environment, deployment } = place;
  const { digest } = open;
  const reason = `${deployment}: ${step.reason} while ${digest} was on its way`.slice(0, 1000);
  // The attempt stays open: a way back of the environment takes its place, or a person does who decides.
  if (await powers.obey({ image, environment, digest, found: step.found, deployment, reason })) return "moved";
  return saveConflict(worker, step.found ?? "an image without a digest");
}

/** What was promoted may have lost its evidence since, or been promoted before any was demanded: then no system is brought to it. */
async function findLacking({ ctx, place, kept }: Worker, digest: Digest): Promise<string[]> {
  const { image, environment } = place;
  const reasons = await findLackingEvidence(ctx, image, digest, environment, kept.signal);
  return reasons.length === 0 ? [] : [...reasons, `\`tidemill evidence attach ${image}\` signs it anew`];
}

function runsThere({ observed, current }: PlaceFacts): boolean | undefined {
  if (observed.kind === "unknown") return undefined;
  return observed.kind === "running" && observed.digests.length === 1 && observed.digests[0] === current;
}

async function endOpen({ ctx, lease }: Worker, { open }: PlaceFacts, reason: string): Promise<void> {
  if (open !== undefined) await ctx.store.saveDeployment(lease, open.id, { to: "ended", reason });
}

/** What somebody else made it run stays until a person decides. */
async function saveConflict({ ctx, place, lease }: Worker, found: string): Promise<StepEnd> {
  const { image, environment, deployment } = place;
  const message = `somebody else made ${placeSubject(place)} run ${found}; it stays so until a person decides`;
  const hint = `\`tidemill deploy ${image} ${environment}\` replaces it with what ${environment} names.`;
  await raisePlaceAlarm(ctx, place, { code: "deploy-conflict", message, hint });
  const waiting = `somebody else made ${deployment} run ${found}`;
  await ctx.store.savePlaceLook(lease, { waiting, runs: false });
  return "waits";
}
