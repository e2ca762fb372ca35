import { z } from "zod";
import type { EnvironmentConfig } from "../core/config/index.ts";
import { isReverificationDue, machine, type Reverified } from "../core/policy/index.ts";
import type { Pointer, PromotionFacts } from "../io/store/index.ts";
import { isDigest, messageOf, sha256, type Digest } from "../lib/index.ts";
import type { Context } from "./context.ts";
import { takeBack } from "./promote/index.ts";
import { judgeCandidate, readWaiting, type VerifyOutcome } from "./verify/index.ts";

/** What the checks say of a candidate for an environment, nothing put down. */
export type VerifyAgain = (
  ctx: Context,
  facts: PromotionFacts,
  rules: EnvironmentConfig,
  before?: unknown,
) => Promise<VerifyOutcome>;

const known = z.record(
  z.string(),
  z.object({
    digest: z.custom<Digest>((value) => typeof value === "string" && isDigest(value)),
    at: z.number(),
    advisories: z.string(),
  }),
);
const setting = "reverified";
/** Those whose pipelines have not said yet: what was found of them so far, looked at again with a later pass. */
const pending = z.record(z.string(), z.object({ digest: z.string(), waiting: z.record(z.string(), z.unknown()) }));
const pendingSetting = "reverifying";
/** How long one pass does this; what is left comes with the next. */
const mostMs = 120_000;

/**
 * Verifies again what runs, where an environment asks for it: on its schedule, and when advisories changed. What fails loses the right to go further, is an alarm, and is taken back where the environment
 * says so. A check that cannot run decides nothing.
 */
export async function reverifyRunning(ctx: Context, verify: VerifyAgain = verifyAgain): Promise<void> {
  const { store, config, clock } = ctx;
  if (config.environments.every(({ reverify }) => reverify === undefined)) return;
  const advisories = sha256(JSON.stringify((await store.loadSetting("matched-feeds")) ?? null));
  const parsed = known.safeParse(await store.loadSetting(setting));
  const last: Record<string, Reverified> = parsed.success ? { ...parsed.data } : {};
  const waits = pending.safeParse(await store.loadSetting(pendingSetting));
  const waiting: z.output<typeof pending> = waits.success ? { ...waits.data } : {};
  const began = performance.now();
  for (const pointer of await store.loadPointers()) {
    const { image, environment, digest } = pointer;
    const rules = config.environments.find(({ name }) => name === environment);
    if (rules?.reverify === undefined || digest === null || config.images[image] === undefined) continue;
    const key = `${image}:${environment}`;
    const now = { at: clock.now(), advisories };
    const before = waiting[key]?.digest === digest ? waiting[key] : undefined;
    if (before === undefined && !isReverificationDue(rules.reverify, { ...pointer, digest }, last[key], now)) continue;
    if (performance.now() - began > mostMs) return;
    ctx.signal.throwIfAborted();
    try {
      const looked = await lookAgain(ctx, { ...pointer, digest }, rules, verify, before?.waiting);
      if (looked === false) continue;
      if (looked === true) delete waiting[key];
      else waiting[key] = { digest, waiting: { ...looked.waiting } };
      if (looked !== true || before !== undefined) await store.saveSetting(pendingSetting, waiting);
      if (looked !== true) continue;
    } catch (error) {
      ctx.signal.throwIfAborted();
      // A registry or an engine that does not answer decides nothing; it is asked again at the next pass.
      ctx.log.warn({ image, environment, error: messageOf(error) }, "what runs could not be verified again");
      continue;
    }
    last[key] = { digest, ...now };
    await store.saveSetting(setting, last);
  }
}

/** False where nothing could be told; what is waited for where pipelines have not said yet. */
async function lookAgain(
  ctx: Context,
  { image, environment, digest, promotion }: Pointer & { readonly digest: Digest },
  rules: EnvironmentConfig,
  verify: VerifyAgain,
  before: unknown,
): Promise<boolean | Extract<VerifyOutcome, { kind: "waits" }>> {
  const { store } = ctx;
  const [rebuild] = await store.loadRebuilds({ image, candidate: digest, limit: 1 });
  const facts = rebuild && (await store.loadPromotionFacts(rebuild.id));
  const outcome = facts && (await verify(ctx, facts, rules, before));
  if (outcome === undefined || outcome.kind === "lost") return false;
  if (outcome.kind === "waits") return outcome;
  const { verdict, reasons } = outcome;
  const alarm = { code: "reverification-failed", subject: `${image}:${environment}` };
  const said = await store.loadApprovals({ image, digests: [digest] });
  const own = said.find((one) => one.environment === environment && one.who === machine);
  if (verdict === "not_run") return true;
  if (verdict === "passed") {
    const withdrawn = {
      image,
      environment,
      digest,
      who: machine,
      verdict: "approved",
      reason: "verified again",
    } as const;
    if (own?.verdict === "rejected") await store.saveApproval(withdrawn);
    await store.saveAlarmCleared(alarm);
    return true;
  }
  const reason = `verified again, it failed: ${reasons.slice(0, 5).join("; ")}`.slice(0, 1000);
  if (own?.verdict !== "rejected" || own.reason !== reason)
    await store.saveApproval({ image, environment, digest, who: machine, verdict: "rejected", reason });
  const message = `${image}@${digest} runs in ${environment} and would not come there today: ${reason}`;
  // What an environment was taken back to is older still: there is no end to that way.
  const move = promotion === null ? undefined : (await store.loadPromotionsById([promotion])).get(promotion);
  if (rules.reverify?.failed === "rollback" && move?.kind === "forward") {
    await takeBack(ctx, { image, environment, digest, message, reason, alarm, evidence: { reasons } });
    return true;
  }
  const hint = `It was not taken back: \`tidemill rollback ${image} ${environment}\` does it.`;
  const raised = await store.saveAlarm({ ...alarm, severity: "error", message, hint });
  if (raised.isNew) ctx.emit({ kind: "alarm", image, environment, digest, message });
  return true;
}

/** As the candidate was verified, now; the verdict is none of its rebuild's: what once passed stays what an environment may return to. */
async function verifyAgain(
  ctx: Context,
  facts: PromotionFacts,
  rules: EnvironmentConfig,
  before?: unknown,
): Promise<VerifyOutcome> {
  const { image, candidate } = facts.rebuild;
  if (candidate === null) return { kind: "lost" };
  const question = { image, candidate, causes: facts.causes.map(({ cause }) => cause) };
  const known = readWaiting(ctx, question, rules, before);
  const end = await judgeCandidate(ctx, question, facts.pointers, rules, ctx.signal, known);
  return end.kind === "waits" ? end : { kind: "verified", ...end.judged };
}
