import { nextStep, summarizeCauses, type NextStep } from "../core/plan/index.ts";
import type { Lease, PromotionFacts, StoredError } from "../io/store/index.ts";
import { AppError, messageOf, type Instant } from "../lib/index.ts";
import { askPeople } from "./ask-people.ts";
import { attestCandidate } from "./attest-candidate.ts";
import { buildCandidate, type Makers } from "./build/index.ts";
import { leaseMs, type Context } from "./context.ts";
import { keepOutBreaking } from "./keep-out-breaking.ts";
import { findTurn, isOvertaken } from "./overtaking.ts";
import { promoteCandidate, tendTrains } from "./promote/index.ts";
import { stepFacts } from "./step-facts.ts";
import { findDeparture, hurryMates } from "./trains.ts";
import { verifyRebuild } from "./verify/index.ts";

/** How a spell of work at one rebuild ended: at an end of its own, waiting, with the lease in other hands, or at an end after which a new plan takes its other updates. */
export type WorkEnd = "finished" | "waiting" | "lost" | "kept out";

const minute = 60_000;
/** How soon to look again at what waits for something without a time. */
const lookAgainMs = minute;
/** Builds of one rebuild that never came to an end, before it is taken for the reason. */
const mostCrashes = 50;

/**
 * Takes a leased rebuild as far as it goes now: every next step is decided anew from the store. The lease is renewed meanwhile, and given back at the end. A step that
 * fails is tried again later where that may help, else the rebuild fails with what went wrong; only an abort throws.
 */
export async function workOn(ctx: Context, makers: Makers, lease: Lease): Promise<WorkEnd> {
  const lost = new AbortController();
  const signal = AbortSignal.any([ctx.signal, lost.signal]);
  const renewal = setInterval(() => {
    ctx.store.renewLease(lease, leaseMs).then(
      (renewed) => {
        if ("kind" in renewed) lost.abort(new Error("the lease was lost"));
      },
      // The store may be back before the lease ends.
      () => undefined,
    );
  }, leaseMs / 4);
  try {
    // What waits for somebody's pipeline is built by no process that could have ended.
    const isAwaited = lease.rebuild.detail["awaited"] === true;
    if (lease.rebuild.state === "building" && !isAwaited && !(await countCrash(ctx, lease))) return "finished";
    return await takeSteps(ctx, makers, lease, signal);
  } catch (error) {
    if (lost.signal.aborted) return "lost";
    if (ctx.signal.aborted) {
      await ctx.store.releaseLease(lease, ctx.clock.now());
      throw error;
    }
    return await saveFailure(ctx, lease, error);
  } finally {
    clearInterval(renewal);
  }
}

async function takeSteps(ctx: Context, makers: Makers, lease: Lease, signal: AbortSignal): Promise<WorkEnd> {
  const { id, image } = lease.rebuild;
  for (;;) {
    signal.throwIfAborted();
    const facts = await ctx.store.loadPromotionFacts(id);
    if (facts === undefined) return "lost";
    const step = nextStep(await stepFacts(ctx, facts), ctx.config.environments, ctx.clock.now());
    await askPeople(ctx, facts, step);
    const event = { image, rebuild: id };
    if (step.kind === "wait") {
      await ctx.store.releaseLease(lease, step.until ?? ctx.clock.now() + lookAgainMs);
      await hurryIfReady(ctx, id);
      return "waiting";
    }
    if (step.kind === "finish") return finish(ctx, makers, facts, lease, step, signal);
    if (step.kind === "build") {
      if (facts.rebuild.detail["awaited"] !== true) ctx.emit({ ...event, kind: "building", message: "building" });
      const built = await buildCandidate(ctx, makers, facts, lease, signal);
      if (built.kind === "lost") return "lost";
      if (built.kind === "waits") return await restFor(ctx, facts, lease, built);
      ctx.emit({ ...event, kind: built.kind, digest: built.digest, message: built.kind });
      if (built.kind === "unchanged") return "finished";
      continue;
    }
    const { environment } = step;
    const isAsked = facts.verifications.some((one) => one.environment === environment && one.resumeAt !== null);
    if ((step.kind === "promote" || isAsked) && (await isOvertaken(ctx, facts, environment))) {
      const saved = await ctx.store.saveRebuild(lease, { state: "superseded" });
      if (saved.kind === "lost") return "lost";
      ctx.emit({ ...event, kind: "note", environment, message: `a newer candidate takes its place in ${environment}` });
      return "finished";
    }
    const turn = step.kind === "promote" ? await findTurn(ctx, facts, environment) : undefined;
    if (turn?.kind === "waits") {
      const now = ctx.clock.now();
      await ctx.store.releaseLease(lease, Math.max(turn.until ?? now, now) + lookAgainMs);
      return "waiting";
    }
    const departure = step.kind === "promote" ? await findDeparture(ctx, facts, environment) : undefined;
    if (departure?.kind === "waits") {
      await ctx.store.releaseLease(lease, ctx.clock.now() + lookAgainMs);
      // The one that was missing may have come between the look at it and the rest that was taken.
      if ((await findDeparture(ctx, facts, environment))?.kind === "departs") await ctx.store.hurryRebuild(id);
      return "waiting";
    }
    if (step.kind === "verify") {
      const rules = ctx.config.environments.find(({ name }) => name === environment);
      if (rules === undefined) return "lost";
      ctx.emit({ ...event, kind: "verifying", environment, message: `verifying for ${environment}` });
      const verified = await verifyRebuild(ctx, facts, lease, rules, signal);
      if (verified.kind === "lost") return "lost";
      if (verified.kind === "waits") {
        ctx.emit({ ...event, kind: "note", environment, message: verified.reason });
        await ctx.store.releaseLease(lease, verified.resumeAt);
        return "waiting";
      }
      ctx.emit({ ...event, kind: "verified", environment, message: describeVerdict(verified) });
      if (verified.verdict === "passed") await hurryMates(ctx, image, environment);
      if (verified.verdict === "failed" && (await buildAnew(ctx, lease)) === "lost") return "lost";
      continue;
    }
    const unattested = await attestStep(ctx, facts, environment, signal);
    if (unattested.length > 0) {
      const digest = facts.rebuild.candidate;
      if (digest !== null) await ctx.store.saveRefusal(lease, { environment, digest, reasons: unattested });
      await ctx.store.releaseLease(lease, ctx.clock.now() + lookAgainMs);
      return "waiting";
    }
    ctx.emit({ ...event, kind: "promoting", environment, message: `promoting to ${environment}` });
    const promoted = await promoteCandidate(
      ctx,
      facts,
      lease,
      environment,
      { reason: summarizeCauses(facts.causes.map(({ cause }) => cause)), train: departure?.train },
      signal,
    );
    if (promoted.kind === "lost") return "lost";
    if (promoted.kind === "promoted" || promoted.kind === "unchanged") {
      await ctx.store.hurryChildren(id);
      for (const mate of departure?.waiting ?? []) await ctx.store.hurryRebuild(mate);
      continue;
    }
    if (departure !== undefined) await tendTrains(ctx);
    await ctx.store.releaseLease(lease, ctx.clock.now() + lookAgainMs);
    return "waiting";
  }
}

/** Nobody works at what a pipeline builds until it is looked at again. */
async function restFor(
  ctx: Context,
  { rebuild }: PromotionFacts,
  lease: Lease,
  { resumeAt, reason }: { readonly resumeAt: Instant; readonly reason: string },
): Promise<WorkEnd> {
  if (rebuild.detail["awaited"] !== true) {
    if ((await ctx.store.saveRebuild(lease, { detail: { awaited: true } })).kind === "lost") return "lost";
    ctx.emit({ kind: "note", image: rebuild.image, rebuild: rebuild.id, message: reason });
  }
  await ctx.store.releaseLease(lease, resumeAt);
  // Its pipeline may have called between the look at it and the rest that was taken.
  const last = (await ctx.store.loadRuns([rebuild.id])).get(rebuild.id)?.at(-1);
  if (last?.closedAt !== null && last !== undefined) await ctx.store.hurryRebuild(rebuild.id);
  return "waiting";
}

/** Why the candidate's evidence cannot be made, where a person has to see to that first. */
async function attestStep(
  ctx: Context,
  { rebuild: { image, candidate } }: PromotionFacts,
  environment: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  return candidate === null ? [] : attestCandidate(ctx, image, candidate, environment, signal);
}

/** A parent may have arrived between the look at it and the rest that was taken: its word found nobody resting. */
async function hurryIfReady(ctx: Context, id: string): Promise<void> {
  const facts = await ctx.store.loadPromotionFacts(id);
  if (facts === undefined || facts.rebuild.parentRebuilds.length === 0) return;
  const step = nextStep(await stepFacts(ctx, facts), ctx.config.environments, ctx.clock.now());
  if (step.kind !== "wait") await ctx.store.hurryRebuild(id);
}

/** A cache may have hidden the fix: what a Dockerfile or a pipeline made is built once more without any. */
async function buildAnew(ctx: Context, lease: Lease): Promise<"again" | "no" | "lost"> {
  const rebuild = await ctx.store.loadRebuild(lease.rebuild.id);
  if (rebuild === undefined) return "lost";
  if (rebuild.lastError?.code !== "fix-not-landed" || !mayBeCached(ctx, rebuild)) return "no";
  const saved = await ctx.store.saveRebuild(lease, { state: "building", detail: { noCache: true } });
  if (saved.kind === "lost") return "lost";
  ctx.emit({
    kind: "note",
    image: rebuild.image,
    rebuild: rebuild.id,
    message: "the fix has not landed: it is built once more, without caches",
  });
  return "again";
}

function mayBeCached({ config }: Context, { image, detail }: Pick<Lease["rebuild"], "image" | "detail">): boolean {
  const recipe = config.images[image]?.recipe;
  return (recipe === "dockerfile" || recipe === "external") && detail["noCache"] !== true;
}

async function finish(
  ctx: Context,
  makers: Makers,
  facts: PromotionFacts,
  lease: Lease,
  step: Extract<NextStep, { kind: "finish" }>,
  signal: AbortSignal,
): Promise<WorkEnd> {
  const { image, id, lastError } = lease.rebuild;
  const kept = step.state === "failed" ? await keepOutBreaking(ctx, makers, facts, lease, signal) : undefined;
  if (kept?.kind === "lost") return "lost";
  const known = (await ctx.store.loadRebuild(id))?.lastError ?? lastError;
  const failed = step.state === "failed";
  const error: StoredError | undefined = failed
    ? (known ?? { code: "failed", message: step.reason, hint: null })
    : undefined;
  const saved = await ctx.store.saveRebuild(lease, {
    state: step.state,
    ...(failed ? { lastError: error ?? null } : {}),
  });
  if (saved.kind === "lost") return "lost";
  if (failed) ctx.emit({ kind: "failed", image, rebuild: id, message: error?.message ?? step.reason });
  return kept?.kind === "kept out" || (failed && (await isParentKeptOut(ctx, facts))) ? "kept out" : "finished";
}

/** What fails because something is kept out of its parent has other updates that may go. */
async function isParentKeptOut({ store }: Context, { rebuild }: PromotionFacts): Promise<boolean> {
  const parents = await Promise.all(rebuild.parentRebuilds.map((id) => store.loadRebuild(id)));
  return parents.some((parent) => parent?.state === "failed" && parent.lastError?.code === "held-back");
}

/** Puts down what went wrong; a failure that may pass is tried again, later each time. */
async function saveFailure(ctx: Context, lease: Lease, thrown: unknown): Promise<WorkEnd> {
  const { store, config, clock } = ctx;
  const { id, image } = lease.rebuild;
  const isOurs = thrown instanceof AppError;
  const error: StoredError = {
    code: isOurs ? thrown.code : "INTERNAL",
    message: messageOf(thrown),
    hint: isOurs ? (thrown.hint ?? null) : null,
  };
  if (!isOurs) ctx.log.error({ err: thrown, image, rebuild: id }, "a rebuild failed in a way that was not foreseen");
  const rebuild = await store.loadRebuild(id);
  const failures = Number(rebuild?.detail["failures"] ?? 0) + 1;
  const isPromoting = (await store.loadOpenIntents()).some((open) => open.rebuild === id);
  // What is proven and on its way stays so: it failed at the registry, not at itself.
  const again = isOurs && (isPromoting || (thrown.retry && failures < config.policies.attempts));
  const built = rebuild?.candidate !== null && rebuild?.candidate !== undefined;
  // What is built is not built again: the step that failed is asked for anew.
  const state = built ? "built" : "queued";
  const notBefore = clock.now() + Math.min(15 * minute, 1000 * 4 ** failures);
  const saved = again
    ? await store.saveRebuild(lease, { state, lastError: error, notBefore, detail: { failures } })
    : await store.saveRebuild(lease, { state: "failed", lastError: error });
  if (saved.kind === "lost") return "lost";
  const message = again ? `${error.message}; it is tried again` : error.message;
  ctx.emit({ kind: again ? "note" : "failed", image, rebuild: id, message });
  if (again) await store.releaseLease(lease, notBefore);
  return again ? "waiting" : "finished";
}

/** Counts a build whose process ended in the middle; false where that was once too often, and the rebuild has failed. */
async function countCrash(ctx: Context, lease: Lease): Promise<boolean> {
  const crashes = Number(lease.rebuild.detail["crashes"] ?? 0) + 1;
  if (crashes <= mostCrashes) {
    await ctx.store.saveRebuild(lease, { detail: { crashes } });
    return true;
  }
  const message = `${crashes} processes ended while they built it`;
  const hint = "Look for what kills them (memory?), then ask for a rebuild.";
  await ctx.store.saveRebuild(lease, { state: "failed", lastError: { code: "CRASHED", message, hint } });
  ctx.emit({ kind: "failed", image: lease.rebuild.image, rebuild: lease.rebuild.id, message });
  return false;
}

function describeVerdict({
  verdict,
  reasons,
}: {
  readonly verdict: string;
  readonly reasons: readonly string[];
}): string {
  if (reasons.length === 0) return verdict;
  if (verdict === "passed") return `passed, ${reasons.length === 1 ? "1 warning" : `${reasons.length} warnings`}`;
  return `${verdict}: ${reasons.slice(0, 3).join("; ")}`;
}
