import type { Intent, Lease, Promotion, PromotionFacts, SavedIntent } from "../../io/store/index.ts";
import { AppError, messageOf, type Digest } from "../../lib/index.ts";
import type { TrainDeparture } from "../../core/plan/index.ts";
import type { Context } from "../context.ts";
import { findLackingEvidence, gateEvidence } from "../standing-evidence.ts";
import { moveTag } from "./move-tag.ts";

/** What became of a promotion; `busy`: another one of the same environment is under way. */
export type PromoteOutcome =
  | { readonly kind: "promoted" | "unchanged" | "busy" | "lost" }
  | { readonly kind: "refused"; readonly reasons: readonly string[] }
  | { readonly kind: "conflict"; readonly found: Digest };

/** Moves an environment to the candidate of a rebuild, if the evidence that is demanded stands beside it: intent, effect, confirmation. Throws what the registry throws; then the intent stands, and is done again. */
export async function promoteCandidate(
  ctx: Context,
  facts: PromotionFacts,
  lease: Lease,
  environment: string,
  why: { readonly reason: string; readonly train: TrainDeparture | undefined },
  signal: AbortSignal,
): Promise<PromoteOutcome> {
  const { image, candidate } = facts.rebuild;
  if (candidate === null) return { kind: "refused", reasons: ["there is no candidate yet"] };
  const lacking = await gateEvidence(ctx, image, candidate, environment, signal);
  if (lacking.length > 0) {
    await ctx.store.saveRefusal(lease, { environment, digest: candidate, reasons: lacking });
    return { kind: "refused", reasons: lacking };
  }
  const approvals = ctx.config.environments.find(({ name }) => name === environment)?.approvals;
  const { reason, train } = why;
  const intent: Intent = {
    image,
    environment,
    digest: candidate,
    kind: "forward",
    by: "tidemill",
    reason,
    approvals,
    ...(train === undefined ? {} : { detail: { train } }),
  };
  const saved = await ctx.store.saveIntent(intent, lease);
  if (saved.kind === "refused") {
    await ctx.store.saveRefusal(lease, { environment, digest: candidate, reasons: saved.reasons });
    return saved;
  }
  return carryOut(ctx, saved, { lease, signal });
}

/** Moves an environment to a digest because a person says so; the same rules hold: holds, verification and evidence among them. */
export async function promoteByPerson(ctx: Context, intent: Intent): Promise<PromoteOutcome> {
  const { image, environment, digest } = intent;
  const pointers = await ctx.store.loadPointers(image);
  if (!pointers.some((one) => one.environment === environment && one.digest === digest)) {
    const reasons = await findLackingEvidence(ctx, image, digest, environment, ctx.signal);
    if (reasons.length > 0) return { kind: "refused", reasons };
  }
  const saved = await ctx.store.saveIntent(intent);
  if (saved.kind === "refused") return saved;
  if (saved.kind === "unchanged") {
    // The pointer is right; where somebody moved the tag, this is how a person takes it back.
    await moveTag(ctx, { ...intent, force: true });
    await ctx.store.saveAlarmCleared(conflictAlarm(intent.image, intent.environment));
    return { kind: "unchanged" };
  }
  return carryOut(ctx, saved, { force: true });
}

/** Does what an intent says, and confirms it. */
export async function carryOut(
  ctx: Context,
  saved: Exclude<SavedIntent, { kind: "refused" }>,
  options: { readonly lease?: Lease; readonly signal?: AbortSignal; readonly force?: boolean } = {},
): Promise<Exclude<PromoteOutcome, { kind: "refused" }>> {
  if (saved.kind === "busy" || saved.kind === "lost") return { kind: saved.kind };
  if (saved.kind === "unchanged") return { kind: "unchanged" };
  const { promotion } = saved;
  const { image, environment, digest } = promotion;
  const { lease, signal = ctx.signal, force = false } = options;
  const moved = await moveTag(ctx, { image, environment, digest, force }, signal);
  if (moved.kind === "conflict") {
    await ctx.store.saveConflict(promotion, moved.found, lease);
    await raiseConflict(ctx, promotion, moved.found);
    return moved;
  }
  const confirmed = await ctx.store.savePromotion(promotion, lease);
  if (confirmed.kind === "lost") return { kind: "lost" };
  await ctx.store.saveAlarmCleared(conflictAlarm(image, environment));
  const event = promotion.kind === "forward" ? "promoted" : "rolled-back";
  const { rebuild, reason } = promotion;
  ctx.emit({ kind: event, image, environment, digest, ...(rebuild === null ? {} : { rebuild }), message: reason });
  return { kind: "promoted" };
}

/**
 * Finishes what a crash or a registry's refusal left between intent and confirmation. One that cannot be finished now is an alarm and stays; one whose rebuild has ended
 * otherwise is ended too. Resolves to how many there were.
 */
export async function resumeIntents(ctx: Context): Promise<number> {
  const open = await ctx.store.loadOpenIntents();
  for (const promotion of open) {
    if (promotion.rebuild !== null && promotion.kind === "forward") {
      const rebuild = await ctx.store.loadRebuild(promotion.rebuild);
      // A rebuild's own are taken up by whoever leases it next.
      if (rebuild?.finishedAt === null) continue;
      await ctx.store.saveIntentEnded(promotion, "its rebuild ended before it was carried out");
      continue;
    }
    await resumeIntent(ctx, promotion);
  }
  return open.length;
}

async function resumeIntent(ctx: Context, promotion: Promotion): Promise<void> {
  const { image, environment, digest } = promotion;
  const alarm = stuckAlarm(image, environment);
  try {
    const own = await ctx.store.saveIntentTakenOver(promotion);
    await carryOut(ctx, { kind: "saved", promotion: own }, { force: promotion.by !== "tidemill" });
  } catch (error) {
    ctx.signal.throwIfAborted();
    const message = `${image}:${environment} is to be moved to ${digest}, and cannot be yet: ${messageOf(error)}`;
    const hint = error instanceof AppError ? error.hint : undefined;
    const raised = await ctx.store.saveAlarm({
      ...alarm,
      severity: "error",
      message,
      ...(hint === undefined ? {} : { hint }),
    });
    if (raised.isNew) ctx.emit({ kind: "alarm", image, environment, digest, message });
  }
}

function stuckAlarm(image: string, environment: string): { readonly code: string; readonly subject: string } {
  return { code: "promotion-stuck", subject: `${image}:${environment}` };
}

/** Says that a tag names what none of our promotions named: it stays so until a person decides. */
export async function raiseConflict(
  ctx: Context,
  pointer: Pick<Promotion, "image" | "environment">,
  found: Digest,
): Promise<void> {
  const { image, environment } = pointer;
  const alarm = conflictAlarm(image, environment);
  const message = `somebody else moved ${image}:${environment} to ${found}; it stays so until a person decides`;
  const hint = `\`tidemill promote ${image} ${environment}\` takes it back.`;
  const raised = await ctx.store.saveAlarm({ ...alarm, severity: "error", message, hint });
  if (raised.isNew) ctx.emit({ kind: "alarm", image, environment, digest: found, message });
}

export function conflictAlarm(image: string, environment: string): { readonly code: string; readonly subject: string } {
  return { code: "tag-conflict", subject: `${image}:${environment}` };
}
