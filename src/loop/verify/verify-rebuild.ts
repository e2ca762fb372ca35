import { formatPlatform, type Platform } from "../../core/image/index.ts";
import type { Cause } from "../../core/plan/index.ts";
import { judgeVerification, type Judgement } from "../../core/policy/index.ts";
import { ownImage, type EnvironmentConfig } from "../../core/config/index.ts";
import type { Lease, Pointer, PromotionFacts, StoredCheck, Verdict } from "../../io/store/index.ts";
import type { Digest } from "../../lib/index.ts";
import type { CandidateOrigin, Context } from "../context.ts";
import { checkAdvisories } from "./check-advisories.ts";
import type { CandidateVerification, CheckResult, OwnInSet } from "./types.ts";
import { verifyCandidate } from "./verify-candidate.ts";

export type VerifyOutcome =
  | { readonly kind: "verified"; readonly verdict: Verdict; readonly reasons: readonly string[] }
  | { readonly kind: "lost" };

/** Checks the candidate of a rebuild against an environment's rules, and puts the verdict down. Throws where the candidate cannot be read at all. */
export async function verifyRebuild(
  ctx: Context,
  facts: PromotionFacts,
  lease: Lease,
  environment: EnvironmentConfig,
  signal: AbortSignal,
): Promise<VerifyOutcome> {
  const { image, candidate } = facts.rebuild;
  if (candidate === null) throw new Error(`${image} has no candidate to verify`);
  const startedAt = ctx.clock.now();
  const begun = { digest: candidate, environment: environment.name, verdict: null, checks: [], startedAt };
  if ((await ctx.store.saveVerification(lease, begun)).kind === "lost") return { kind: "lost" };

  const question = { image, candidate, causes: facts.causes.map(({ cause }) => cause) };
  const { found, judged } = await judgeCandidate(ctx, question, facts.pointers, environment, signal);
  const checks = found.checks.map(storedCheck);
  const ended = { digest: candidate, environment: environment.name, verdict: judged.verdict, checks, startedAt };
  const change =
    judged.verdict === "failed"
      ? { lastError: { code: found.failure ?? "checks-failed", message: judged.reasons.join("; "), hint: null } }
      : undefined;
  if ((await ctx.store.saveVerification(lease, ended, change)).kind === "lost") return { kind: "lost" };
  return { kind: "verified", ...judged };
}

export interface CandidateQuestion {
  readonly image: string;
  readonly candidate: Digest;
  /** Each must have had its effect. */
  readonly causes: readonly Cause[];
}

/** What an environment's rules say of a digest; nothing is put down. Throws where it cannot be read at all. */
export async function judgeCandidate(
  ctx: Context,
  { image, candidate, causes }: CandidateQuestion,
  pointers: readonly Pointer[],
  environment: EnvironmentConfig,
  signal: AbortSignal,
): Promise<{ readonly found: CandidateVerification; readonly judged: Judgement }> {
  const source = ctx.repositoryOf(image);
  const made = await ctx.store.loadImageDigest(image, candidate);
  const origin = made?.detail["origin"] as CandidateOrigin | undefined;
  const last = ctx.config.environments.at(-1)?.name;
  const running = pointers.find((one) => one.environment === last)?.digest ?? undefined;
  const seen = await verifyCandidate(
    {
      source,
      digest: candidate,
      causes,
      ...(origin === undefined ? {} : { origin }),
      previous: running === undefined || running === candidate ? undefined : { source, digest: running },
      checks: [...(ctx.config.images[image]?.checks ?? []), ...environment.checks],
      drift: environment.gates.drift,
      ownInSet: (name) => findOwnInSet(ctx, name, environment.name),
      told: { image, environment: environment.name, reference: `${ctx.pullName(image)}@${candidate}` },
    },
    ctx,
    signal,
  );
  const found = withChecks(
    seen,
    await checkAdvisories(ctx, { image, candidate, made, running, environment }, seen.platforms),
  );
  const judged = judgeVerification(found, {
    requireRun: environment.requireRun,
    engineRuns: await runnablePlatforms(ctx, found.checks),
  });
  return { found, judged };
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

function withChecks(found: CandidateVerification, more: readonly CheckResult[]): CandidateVerification {
  const hasFailed = more.some(({ verdict }) => verdict === "failed");
  return {
    ...found,
    checks: [...found.checks, ...more],
    ...(hasFailed ? { verdict: "failed", failure: found.failure ?? "checks-failed" } : {}),
  };
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

function storedCheck({ name, platform, verdict, messages, asks }: CheckResult): StoredCheck {
  const message = messages.slice(0, 20).join("; ");
  return { name: `${name} (${formatPlatform(platform)})`, verdict, message, ...(asks === true ? { asks } : {}) };
}
