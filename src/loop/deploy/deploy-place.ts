import { setTimeout as delay } from "node:timers/promises";
import { decideDeployment, type DeploymentDecision, type Observed } from "../../core/deploy/index.ts";
import type { DeployTarget, Place } from "../../io/deploy/index.ts";
import type { DeployLease, Deployment, SavedDeployment } from "../../io/store/index.ts";
import { messageOf, type Digest, type Instant } from "../../lib/index.ts";
import { leaseMs, type Context } from "../context.ts";
import { clearPlaceAlarms, failedAlarm, placeSubject, raisePlaceAlarm } from "./alarms.ts";
import { keepLease, type KeptLease } from "./keep-lease.ts";
import { isForced, loadPlaceFacts, type PlaceFacts } from "./load-facts.ts";
import { requestOf } from "./request-of.ts";

/** What the running systems bring about elsewhere: other steps do it. */
export interface DeployPowers {
  /** Takes an environment back from a digest that could not be deployed to it; false where there is nothing to go back to. */
  readonly takeBack: (failed: FailedDeployment) => Promise<boolean>;
  /** Obeys a person who made a place run what was good there; false where that cannot be recorded. */
  readonly obey: (moved: {
    readonly image: string;
    readonly environment: string;
    readonly digest: Digest;
    readonly found: Digest;
    /** Where it was done. */
    readonly deployment: string;
  }) => Promise<boolean>;
}

export interface FailedDeployment {
  readonly image: string;
  readonly environment: string;
  readonly digest: Digest;
  readonly message: string;
  readonly reason: string;
  readonly alarm: { readonly code: string; readonly subject: string };
  readonly evidence: Readonly<Record<string, unknown>>;
}

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

interface Worker {
  readonly ctx: Context;
  readonly powers: DeployPowers;
  readonly place: Place;
  readonly lease: DeployLease;
  readonly kept: KeptLease;
  readonly target: DeployTarget;
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

/** What came of one step: `moved`, `on` and `again` (after a pause) are followed by another. */
type StepEnd = "moved" | "on" | "again" | "settled" | "waits" | "lost";

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
    case "begin":
      return begin(worker, decision.digest);
    case "adopt":
      return adopt(worker, decision.digest);
    case "resume":
      return facts.open === undefined ? "on" : resume(worker, facts, facts.open);
    case "undo":
      return facts.open === undefined ? "on" : undo(worker, facts.open);
    case "obey": {
      const digest = facts.wanted?.digest;
      const { found } = decision;
      await endOpen(worker, facts, `a person made ${deployment} run ${found}`);
      if (digest !== undefined && (await powers.obey({ image, environment, digest, found, deployment })))
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

function runsThere({ observed, current }: PlaceFacts): boolean | undefined {
  if (observed.kind === "unknown") return undefined;
  return observed.kind === "running" && observed.digests.length === 1 && observed.digests[0] === current;
}

/** What is about to be done is written down before anything is; what is written down already is taken up. */
async function saveIntent({ ctx, place, lease }: Worker, digest: Digest): Promise<SavedDeployment> {
  const { environment, deployment } = place;
  const reason = `${environment} names it`;
  const saved = await ctx.store.saveDeployIntent(lease, { environment, digest, by: "tidemill", reason });
  if (saved.kind === "refused")
    await ctx.store.savePlaceLook(lease, { waiting: saved.reasons.join("; "), runs: undefined });
  if (saved.kind === "saved" && saved.isNew)
    ctx.emit({ kind: "deploying", image: place.image, environment, digest, message: `deploying to ${deployment}` });
  return saved;
}

async function begin(worker: Worker, digest: Digest): Promise<StepEnd> {
  const saved = await saveIntent(worker, digest);
  return saved.kind === "saved" ? "on" : saved.kind === "refused" ? "waits" : "lost";
}

async function adopt(worker: Worker, digest: Digest): Promise<StepEnd> {
  const saved = await saveIntent(worker, digest);
  if (saved.kind !== "saved") return saved.kind === "refused" ? "waits" : "lost";
  return confirm(worker, saved.deployment);
}

async function resume(worker: Worker, { observed, attempts }: PlaceFacts, open: Deployment): Promise<StepEnd> {
  const { ctx, lease, kept, target, place } = worker;
  let attempt = open;
  if (open.fence !== lease.fence) {
    const taken = await saveIntent(worker, open.digest);
    if (taken.kind !== "saved") return taken.kind === "refused" ? "waits" : "lost";
    attempt = taken.deployment;
  }
  const end = deadlineOf(ctx, place, attempt);
  if (attempt.state === "applied") {
    if (!target.observes || isOnly(observed, attempt.digest)) return confirm(worker, attempt);
    if (ctx.clock.now() < end) return "again";
    return fail(worker, attempt, `it was not seen serving in time: ${describeSeen(observed)}`);
  }
  const brought = new Set(attempts.map(({ digest }) => digest));
  const applied = await target.apply(requestOf(ctx, lease, place, attempt), {
    signal: kept.signal,
    deadlineMs: Math.max(1, end - ctx.clock.now()),
    confirmOurs: kept.confirm,
    isOurs: (digest) => brought.has(digest),
    forced: isForced(attempt),
  });
  switch (applied.kind) {
    case "applied": {
      const detail = applied.detail === undefined ? {} : { detail: applied.detail };
      const saved = await ctx.store.saveDeployment(lease, attempt.id, { to: "applied", ...detail });
      return saved.kind === "saved" ? "on" : "lost";
    }
    case "again": {
      if (ctx.clock.now() >= end) return fail(worker, attempt, `it was not done in time: ${applied.reason}`);
      await ctx.store.savePlaceLook(lease, { waiting: applied.reason, runs: undefined });
      return "again";
    }
    case "unreachable":
    case "stale": {
      await giveUpFor(worker, applied.reason);
      return "waits";
    }
    case "failed":
      return fail(worker, attempt, applied.reason);
  }
}

/** Until when an attempt has to be seen serving: from when whoever works at it began. */
function deadlineOf({ config }: Context, { deployment }: Place, attempt: Deployment): Instant {
  const begun = attempt.detail["begunAt"];
  return (typeof begun === "number" ? begun : attempt.createdAt) + (config.deployments[deployment]?.deadline ?? 0);
}

function isOnly(observed: Observed, digest: Digest): boolean {
  return observed.kind === "running" && observed.digests.length === 1 && observed.digests[0] === digest;
}

function describeSeen(observed: Observed): string {
  return observed.kind === "running" ? `it runs ${observed.digests.join(", ")}` : observed.reason;
}

async function confirm(worker: Worker, attempt: Deployment): Promise<StepEnd> {
  const { ctx, place, lease } = worker;
  const { image, environment, deployment } = place;
  const saved = await ctx.store.saveDeployment(lease, attempt.id, { to: "confirmed" });
  if (saved.kind !== "saved") return "lost";
  await clearPlaceAlarms(ctx, place);
  // What was taken back stays told of until another one runs.
  if (attempt.kind === "forward") await ctx.store.saveAlarmCleared(failedAlarm(place));
  const { digest } = attempt;
  ctx.emit({ kind: "deployed", image, environment, digest, message: `it runs in ${deployment}` });
  await hurryRebuilds(ctx, image);
  return "moved";
}

async function fail({ ctx, lease }: Worker, attempt: Deployment, reason: string): Promise<StepEnd> {
  const saved = await ctx.store.saveDeployment(lease, attempt.id, { to: "failing", reason });
  return saved.kind === "saved" ? "on" : "lost";
}

/** The place first, then the environment, then the record: whoever follows after a crash does all of it again. */
async function undo(worker: Worker, attempt: Deployment): Promise<StepEnd> {
  const { ctx, place, lease, kept, target, powers } = worker;
  const { image, environment, deployment } = place;
  const { digest } = attempt;
  const undone = await target.undo(requestOf(ctx, lease, place, attempt), {
    signal: kept.signal,
    deadlineMs: ctx.config.deployments[deployment]?.deadline ?? 0,
    confirmOurs: kept.confirm,
    isOurs: () => true,
    forced: isForced(attempt),
  });
  if (undone.kind === "again") {
    await giveUpFor(worker, `it cannot be undone yet: ${undone.reason}`);
    return "waits";
  }
  const said = attempt.detail["failure"];
  const failure = typeof said === "string" ? said : "it failed";
  const message = `${image}@${digest} could not be deployed to ${environment} by ${deployment}: ${failure}`;
  const alarm = failedAlarm(place);
  await kept.confirm();
  // What an environment was taken back to is older still: there is no end to that way.
  if (attempt.kind === "forward") {
    const reason = `it could not be deployed by ${deployment}: ${failure}`.slice(0, 1000);
    await powers.takeBack({ image, environment, digest, message, reason, alarm, evidence: { deployment, failure } });
  } else {
    const hint = "It is what was good there before: look at the system. It is tried again.";
    const raised = await ctx.store.saveAlarm({ ...alarm, severity: "error", message, hint });
    if (raised.isNew) ctx.emit({ kind: "alarm", image, environment, digest, message });
  }
  const saved = await ctx.store.saveDeployment(lease, attempt.id, { to: "failed", reason: failure });
  if (saved.kind !== "saved") return "lost";
  await clearPlaceAlarms(ctx, place);
  await hurryRebuilds(ctx, image);
  return "moved";
}

async function endOpen({ ctx, lease }: Worker, { open }: PlaceFacts, reason: string): Promise<void> {
  if (open !== undefined) await ctx.store.saveDeployment(lease, open.id, { to: "ended", reason });
}

/** What somebody else made it run stays until a person decides. */
async function saveConflict({ ctx, place, lease }: Worker, found: Digest): Promise<StepEnd> {
  const { image, environment, deployment } = place;
  const message = `somebody else made ${placeSubject(place)} run ${found}; it stays so until a person decides`;
  const hint = `\`tidemill deploy ${image} ${environment}\` replaces it with what ${environment} names.`;
  await raisePlaceAlarm(ctx, place, { code: "deploy-conflict", message, hint });
  const waiting = `somebody else made ${deployment} run ${found}`;
  await ctx.store.savePlaceLook(lease, { waiting, runs: false });
  return "waits";
}

/** That a target cannot be used says nothing of the image: it is told of, and tried again. */
async function giveUpFor({ ctx, place, lease }: Worker, reason: string): Promise<void> {
  const message = `${placeSubject(place)} cannot be brought up to date: ${reason}`;
  const hint = "It is tried again; nothing goes back for it. Look at the system that it runs in.";
  await raisePlaceAlarm(ctx, place, { code: "deploy-stuck", message, hint });
  await ctx.store.savePlaceLook(lease, { waiting: reason, runs: undefined });
}

/** What waits for the deployment is looked at anew. */
async function hurryRebuilds({ store }: Context, image: string): Promise<void> {
  for (const { id } of await store.loadRebuilds({ image, active: true, states: ["built"] }))
    await store.hurryRebuild(id);
}
