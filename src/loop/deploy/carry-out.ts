import { setTimeout as delay } from "node:timers/promises";
import type { Observed } from "../../core/deploy/index.ts";
import type { Applied, DeployMeans, Overruled, Place } from "../../io/deploy/index.ts";
import type { Deployment, SavedDeployment } from "../../io/store/index.ts";
import type { Digest, Instant } from "../../lib/index.ts";
import type { Context } from "../context.ts";
import { clearPlaceAlarms, failedAlarm } from "./alarms.ts";
import { isForced, type PlaceFacts } from "./load-facts.ts";
import { requestOf } from "./request-of.ts";
import { memoryOf } from "./memory-of.ts";
import { giveUpFor, hurryRebuilds, type StepEnd, type Worker } from "./worker.ts";

/** Between two questions to a target that says that it is under way. */
const askAgainMs = 2000;
/** How often it is asked whether what is applied is still wanted. */
const lookMs = 1000;

/** What is about to be done is written down before anything is; what is written down already is taken up. */
async function saveIntent({ ctx, place, lease }: Worker, digest: Digest, reason: string): Promise<SavedDeployment> {
  const { environment, deployment } = place;
  const saved = await ctx.store.saveDeployIntent(lease, { environment, digest, by: "tidemill", reason });
  if (saved.kind === "refused")
    await ctx.store.savePlaceLook(lease, { waiting: saved.reasons.join("; "), runs: undefined });
  if (saved.kind === "saved" && saved.isNew)
    ctx.emit({ kind: "deploying", image: place.image, environment, digest, message: `deploying to ${deployment}` });
  return saved;
}

export async function begin(worker: Worker, digest: Digest, reason: string): Promise<StepEnd> {
  const saved = await saveIntent(worker, digest, reason);
  return saved.kind === "saved" ? "on" : saved.kind === "refused" ? "waits" : "lost";
}

export async function adopt(worker: Worker, digest: Digest, reason: string): Promise<StepEnd> {
  const saved = await saveIntent(worker, digest, reason);
  if (saved.kind !== "saved") return saved.kind === "refused" ? "waits" : "lost";
  // Whoever brought it there, it is what is wanted now: what we brought before is no measure any more.
  await memoryOf(worker).save(null);
  return confirm(worker, saved.deployment);
}

/** Goes on with the open attempt. A person who overruled it is an answer: what is done about that is decided with all that is known of the place. */
export async function resume(
  worker: Worker,
  { observed, attempts }: PlaceFacts,
  open: Deployment,
): Promise<StepEnd | Overruled> {
  const { ctx, lease, kept, target, place } = worker;
  let attempt = open;
  if (open.fence !== lease.fence) {
    const taken = await saveIntent(worker, open.digest, open.reason);
    if (taken.kind !== "saved") return taken.kind === "refused" ? "waits" : "lost";
    attempt = taken.deployment;
  }
  const end = deadlineOf(ctx, place, attempt);
  if (attempt.state === "applied") {
    if (!target.observes || isOnly(observed, attempt.digest)) return confirm(worker, attempt);
    const overruled = await target.findOverruled?.(requestOf(ctx, lease, place, attempt), {
      signal: kept.signal,
      deadlineMs: Math.max(1, end - ctx.clock.now()),
      confirmOurs: kept.confirm,
      isOurs: () => true,
      forced: isForced(attempt),
      memory: memoryOf(worker),
    });
    if (overruled !== undefined) return overruled;
    if (ctx.clock.now() < end) return "again";
    return fail(worker, attempt, `it was not seen serving in time: ${describeSeen(observed)}`);
  }
  const brought = new Set(attempts.map(({ digest }) => digest));
  const applied = await applyWhileNamed(worker, attempt, {
    deadlineMs: Math.max(1, end - ctx.clock.now()),
    isOurs: (digest) => brought.has(digest),
  });
  if (applied === undefined) return "on";
  switch (applied.kind) {
    case "applied": {
      const detail = applied.detail === undefined ? {} : { detail: applied.detail };
      const saved = await ctx.store.saveDeployment(lease, attempt.id, { to: "applied", ...detail });
      return saved.kind === "saved" ? "on" : "lost";
    }
    case "again": {
      if (ctx.clock.now() >= end) return fail(worker, attempt, `it was not done in time: ${applied.reason}`);
      await ctx.store.savePlaceLook(lease, { waiting: applied.reason, runs: undefined });
      await delay(askAgainMs, undefined, { signal: kept.signal });
      return "on";
    }
    case "pending": {
      if (ctx.clock.now() >= attempt.createdAt + applied.withinMs)
        return fail(worker, attempt, `nobody did in time what it waits for: ${applied.reason}`);
      await ctx.store.savePlaceLook(lease, { waiting: applied.reason, runs: undefined });
      return "waits";
    }
    case "unreachable":
    case "stale": {
      await giveUpFor(worker, applied.reason);
      return "waits";
    }
    case "failed":
      return fail(worker, attempt, applied.reason);
    case "overruled":
      return applied;
  }
}

/** Has the target apply an attempt, for as long as the environment names its digest: a way back does not wait for what is left. Undefined where it names another by now. */
async function applyWhileNamed(
  worker: Worker,
  attempt: Deployment,
  means: Pick<DeployMeans, "deadlineMs" | "isOurs">,
): Promise<Applied | undefined> {
  const { ctx, lease, kept, target, place } = worker;
  const overtaken = new AbortController();
  const look = async (): Promise<void> => {
    const pointers = await ctx.store.loadPointers(place.image);
    const pointer = pointers.find(({ environment }) => environment === place.environment);
    if (pointer !== undefined && pointer.digest !== attempt.digest)
      overtaken.abort(new Error("it is not named any more"));
  };
  // A store that is away says nothing.
  const watch = setInterval(() => void look().catch(() => undefined), lookMs);
  try {
    return await target.apply(requestOf(ctx, lease, place, attempt), {
      ...means,
      signal: AbortSignal.any([kept.signal, overtaken.signal]),
      confirmOurs: kept.confirm,
      forced: isForced(attempt),
      memory: memoryOf(worker),
    });
  } catch (error) {
    kept.signal.throwIfAborted();
    if (overtaken.signal.aborted) return undefined;
    throw error;
  } finally {
    clearInterval(watch);
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
