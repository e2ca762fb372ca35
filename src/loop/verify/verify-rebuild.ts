import { z } from "zod";
import { formatPlatform, type Platform } from "../../core/image/index.ts";
import type { Cause } from "../../core/plan/index.ts";
import { judgeVerification, type Judgement } from "../../core/policy/index.ts";
import { ownImage, type EnvironmentConfig } from "../../core/config/index.ts";
import type { Detail, Lease, Pointer, PromotionFacts, Verdict } from "../../io/store/index.ts";
import type { Digest, Instant } from "../../lib/index.ts";
import type { CandidateOrigin, Context } from "../context.ts";
import { checkAdvisories } from "./check-advisories.ts";
import { keepCheckLogs, storedChecks } from "./keep-check-logs.ts";
import { isPipeline, pipelinesState, stepPipelines, type PipelinesState } from "./check-pipeline.ts";
import type { CandidateVerification, CheckResult, OwnInSet } from "./types.ts";
import { verifyCandidate } from "./verify-candidate.ts";

export type VerifyOutcome =
  | { readonly kind: "verified"; readonly verdict: Verdict; readonly reasons: readonly string[] }
  /** For pipelines, until when nobody needs to work at it. */
  | {
      readonly kind: "waits";
      readonly resumeAt: Instant;
      readonly reason: string;
      readonly waiting: WaitingVerification;
    }
  | { readonly kind: "lost" };

/**
 * Checks the candidate of a rebuild against an environment's rules, and puts the verdict down. Where pipelines have not said yet, what was found is put down and nobody works at it until one is looked at again: then it goes on from there. Throws where the candidate cannot be read at all.
 */
export async function verifyRebuild(
  ctx: Context,
  facts: PromotionFacts,
  lease: Lease,
  environment: EnvironmentConfig,
  signal: AbortSignal,
): Promise<VerifyOutcome> {
  const { image, candidate } = facts.rebuild;
  if (candidate === null) throw new Error(`${image} has no candidate to verify`);
  const stored = facts.verifications.findLast(
    (one) => one.environment === environment.name && one.digest === candidate && one.verdict === null,
  );
  const question = { image, candidate, causes: facts.causes.map(({ cause }) => cause) };
  const before = stored?.waiting === null ? undefined : readWaiting(ctx, question, environment, stored?.waiting);
  const startedAt = before === undefined || stored === undefined ? ctx.clock.now() : stored.startedAt;
  const base = { digest: candidate, environment: environment.name, startedAt };
  if (before === undefined) {
    const begun = await ctx.store.saveVerification(lease, { ...base, verdict: null, checks: [] });
    if (begun.kind === "lost") return { kind: "lost" };
  }
  const end = await judgeCandidate(ctx, question, facts.pointers, environment, signal, before);
  if (end.kind === "waits") {
    const { waiting, resumeAt } = end;
    const found = { ...waiting, checks: waiting.checks.map(({ log: _log, ...check }) => check) };
    const waits = { found: found as unknown as Detail, resumeAt };
    const checks = storedChecks(ctx, waiting.checks);
    const saved = await ctx.store.saveVerification(lease, { ...base, verdict: null, checks, waits });
    if (saved.kind === "lost") return { kind: "lost" };
    await keepCheckLogs(ctx, saved.verification, waiting.checks);
    return end;
  }
  const { found, judged } = end;
  const checks = storedChecks(ctx, found.checks);
  const change =
    judged.verdict === "failed"
      ? { lastError: { code: found.failure ?? "checks-failed", message: judged.reasons.join("; "), hint: null } }
      : undefined;
  const saved = await ctx.store.saveVerification(lease, { ...base, verdict: judged.verdict, checks }, change);
  if (saved.kind === "lost") return { kind: "lost" };
  await keepCheckLogs(ctx, saved.verification, found.checks);
  return { kind: "verified", ...judged };
}

export interface CandidateQuestion {
  readonly image: string;
  readonly candidate: Digest;
  /** Each must have had its effect. */
  readonly causes: readonly Cause[];
}

/** What was found of a candidate while pipelines are waited for: JSON, and all that is needed to go on. */
export interface WaitingVerification {
  readonly checks: readonly CheckResult[];
  readonly failure: CandidateVerification["failure"] | null;
  readonly pipelines: PipelinesState;
}

export type JudgedCandidate =
  | {
      readonly kind: "judged";
      readonly found: Pick<CandidateVerification, "checks" | "failure">;
      readonly judged: Judgement;
    }
  | {
      readonly kind: "waits";
      readonly waiting: WaitingVerification;
      readonly resumeAt: Instant;
      readonly reason: string;
    };

/** What an environment's rules say of a digest, gone on from `before` where that is given; nothing is put down. Throws where it cannot be read at all. */
export async function judgeCandidate(
  ctx: Context,
  question: CandidateQuestion,
  pointers: readonly Pointer[],
  environment: EnvironmentConfig,
  signal: AbortSignal,
  before?: WaitingVerification,
): Promise<JudgedCandidate> {
  const { checks, failure, pipelines } = before ?? (await findOut(ctx, question, pointers, environment, signal));
  const isRefused = checks.some(({ verdict }) => verdict === "failed");
  const platforms = [...new Map(checks.map(({ platform }) => [formatPlatform(platform), platform])).values()];
  const asked = askedOf(ctx, question, environment);
  const step = await stepPipelines(asked, platforms, isRefused, pipelines, ctx.clock, signal);
  if (step.kind === "waits")
    return {
      kind: "waits",
      waiting: { checks, failure, pipelines: step.state },
      resumeAt: step.resumeAt,
      reason: `it waits for the verdict of ${step.names.join(", ")}`,
    };
  const all = [...checks, ...step.checks];
  const hasFailed = all.some(({ verdict }) => verdict === "failed");
  const judged = judgeVerification(
    { checks: all, verdict: hasFailed ? "failed" : "passed" },
    { requireRun: environment.requireRun, engineRuns: await runnablePlatforms(ctx, all) },
  );
  return {
    kind: "judged",
    found: { checks: all, failure: failure ?? (hasFailed ? "checks-failed" : undefined) },
    judged,
  };
}

/** The same for those who have nowhere to keep what is waited for: they wait. */
export async function judgeToEnd(
  ctx: Context,
  question: CandidateQuestion,
  pointers: readonly Pointer[],
  environment: EnvironmentConfig,
  signal: AbortSignal,
): Promise<Extract<JudgedCandidate, { kind: "judged" }>> {
  let end = await judgeCandidate(ctx, question, pointers, environment, signal);
  while (end.kind === "waits") {
    await ctx.clock.sleep(Math.max(0, end.resumeAt - ctx.clock.now()), signal);
    end = await judgeCandidate(ctx, question, pointers, environment, signal, end.waiting);
  }
  return end;
}

/** What an earlier look kept; undefined where it cannot be read, or other pipelines are asked by now: then it begins anew. */
export function readWaiting(
  ctx: Context,
  question: CandidateQuestion,
  environment: EnvironmentConfig,
  kept: unknown,
): WaitingVerification | undefined {
  const parsed = waitingShape.safeParse(kept);
  if (!parsed.success) return undefined;
  const names = askedOf(ctx, question, environment)
    .checks.filter(isPipeline)
    .map(({ name }) => name);
  const isSame = names.sort().join("\0") === Object.keys(parsed.data.pipelines).sort().join("\0");
  return isSame ? parsed.data : undefined;
}

const waitingShape = z.object({
  checks: z.array(
    z.looseObject({
      name: z.string(),
      platform: z.looseObject({ os: z.string(), architecture: z.string() }),
      verdict: z.enum(["passed", "failed", "warned", "not_run"]),
      messages: z.array(z.string()),
      ms: z.number(),
    }),
  ),
  failure: z.enum(["fix-not-landed", "checks-failed"]).nullable(),
  pipelines: pipelinesState,
});

function askedOf(ctx: Context, { image, candidate, causes }: CandidateQuestion, environment: EnvironmentConfig) {
  return {
    digest: candidate,
    causes,
    checks: [...(ctx.config.images[image]?.checks ?? []), ...environment.checks],
    told: { image, environment: environment.name, reference: `${ctx.pullName(image)}@${candidate}` },
    referenceIn: (registry: string) => `${ctx.pullName(image, registry)}@${candidate}`,
  };
}

/** Every check but the verdicts of pipelines. */
async function findOut(
  ctx: Context,
  question: CandidateQuestion,
  pointers: readonly Pointer[],
  environment: EnvironmentConfig,
  signal: AbortSignal,
): Promise<WaitingVerification> {
  const { image, candidate } = question;
  const source = ctx.repositoryOf(image);
  const made = await ctx.store.loadImageDigest(image, candidate);
  const origin = made?.detail["origin"] as CandidateOrigin | undefined;
  const last = ctx.config.environments.at(-1)?.name;
  const running = pointers.find((one) => one.environment === last)?.digest ?? undefined;
  const seen = await verifyCandidate(
    {
      ...askedOf(ctx, question, environment),
      source,
      ...(origin === undefined ? {} : { origin }),
      previous: running === undefined || running === candidate ? undefined : { source, digest: running },
      drift: environment.gates.drift,
      ownInSet: (name) => findOwnInSet(ctx, name, environment.name),
    },
    ctx,
    signal,
  );
  const more = await checkAdvisories(ctx, { image, candidate, made, running, environment }, seen.platforms);
  const hasFailed = more.some(({ verdict }) => verdict === "failed");
  const failure = seen.failure ?? (hasFailed ? "checks-failed" : null);
  return { checks: [...seen.checks, ...more], failure, pipelines: {} };
}

/** The image of the fleet that a compose file means by a name, and what an environment names of it. */
async function findOwnInSet(ctx: Context, name: string, environment: string): Promise<OwnInSet | undefined> {
  let image: string | undefined;
  try {
    image = ownImage(ctx.config, "", name);
  } catch {
    // A name that nothing can be found by: Compose says so.
    return undefined;
  }
  if (image === undefined) return undefined;
  const pointers = await ctx.store.loadPointers(image);
  const digest = pointers.find((one) => one.environment === environment)?.digest ?? undefined;
  return { image, source: ctx.repositoryOf(image), digest };
}

/** Platforms that the engine here can run: `requireRun` binds those. */
async function runnablePlatforms(ctx: Context, checks: readonly CheckResult[]): Promise<Platform[]> {
  const { engine } = ctx;
  if (engine === undefined) return [];
  const platforms = new Map(checks.map(({ platform }) => [formatPlatform(platform), platform]));
  const runnable: Platform[] = [];
  for (const platform of platforms.values())
    if (await engine.canRun(platform).catch(() => false)) runnable.push(platform);
  return runnable;
}
