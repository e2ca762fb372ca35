import { wantedReports, type ReportState, type WantedReport } from "../../core/ci/index.ts";
import { deploymentsOf, reportTargetOf, type ReportTarget } from "../../core/config/index.ts";
import { ForgeError, type ForgeNews } from "../../io/forge/index.ts";
import type { Deployment, ForgeReport, Promotion } from "../../io/store/index.ts";
import { messageOf } from "../../lib/index.ts";
import type { CandidateDetail, Context } from "../context.ts";

/** What telling needs of the world. */
export type TellContext = Pick<Context, "config" | "store" | "clock" | "log" | "signal">;

/** Where what becomes of commits is said. */
export type NewsOf = (target: ReportTarget) => ForgeNews;

/** So few that all of them can time out, four questions each, within the lease. */
const batch = 5;
const leaseMs = 10 * 60_000;
const longestPauseMs = 6 * 3_600_000;
const mostMoves = 50;
/** What failed as often is no passing trouble. */
const mostAttempts = 4;

const promoted: Readonly<Record<Promotion["state"], ReportState>> = {
  intent: "pending",
  confirmed: "success",
  conflict: "failure",
  refused: "failure",
};
const deployed: Readonly<Record<Deployment["state"], ReportState>> = {
  intent: "pending",
  applied: "pending",
  failing: "pending",
  confirmed: "success",
  failed: "failure",
  ended: "inactive",
};

/**
 * Tells forges what became of the commits that images are built from. What is to be said follows from stored facts and is written down under a key before it is said, so whoever is killed goes on where the rows stand; a forge that
 * fails is asked again after growing pauses, and keeps no other one waiting. Resolves to why something could not be said for some time, where there is such.
 */
export async function tellForges(ctx: TellContext, newsOf: NewsOf): Promise<string | undefined> {
  const targets = new Map(
    Object.keys(ctx.config.images).flatMap((image) => {
      const target = reportTargetOf(ctx.config, image);
      return target === undefined ? [] : [[image, target] as const];
    }),
  );
  if (targets.size === 0) return undefined;
  for (const [image, target] of targets) await ctx.store.saveForgeReports(await wantedOf(ctx, image, target));
  for (;;) {
    const due = await ctx.store.leaseForgeReports(leaseMs, batch);
    if (due.length === 0 || ctx.signal.aborted) break;
    // One forge is asked one thing at a time, and one that does not answer keeps no other waiting.
    const places = Map.groupBy(due, ({ image }) => targets.get(image)?.api ?? "");
    await Promise.all([...places.values()].map((rows) => tellOneByOne(ctx, rows, targets, newsOf)));
  }
  const [untold] = await ctx.store.loadUntoldReports(mostAttempts, 1);
  return untold === undefined ? undefined : `${untold.image}: ${untold.lastError ?? ""}`;
}

async function tellOneByOne(
  ctx: TellContext,
  rows: readonly ForgeReport[],
  targets: ReadonlyMap<string, ReportTarget>,
  newsOf: NewsOf,
): Promise<void> {
  for (const row of rows) {
    const target = targets.get(row.image);
    // Nobody asks for it any more.
    if (target === undefined) await ctx.store.saveForgeReported(row.key, saidOf(row, row.remote ?? undefined));
    else await tell(ctx, row, newsOf(target));
  }
}

async function tell(ctx: TellContext, row: ForgeReport, news: ForgeNews): Promise<void> {
  const { state, commit, name, description } = row.detail;
  try {
    let remote: string | undefined;
    if (row.kind === "status") {
      const shown = state === "inactive" ? "success" : state;
      await news.sayStatus(commit, { state: shown, context: name, description }, ctx.signal);
    } else if (news.sayDeployment !== undefined) {
      const { key } = row;
      const known = row.remote ?? undefined;
      const told = { key, sha: commit, ref: refOf(ctx, row.image) ?? commit, environment: name, state, description };
      remote = await news.sayDeployment({ ...told, remote: known }, ctx.signal);
    }
    await ctx.store.saveForgeReported(row.key, saidOf(row, remote));
  } catch (error) {
    if (ctx.signal.aborted) return;
    const asked = error instanceof ForgeError ? (error.afterMs ?? 0) : 0;
    const pause = Math.min(Math.max(10_000 * 4 ** (row.attempts - 1), asked), longestPauseMs);
    ctx.log.warn({ image: row.image, error: messageOf(error) }, "a forge was not told");
    const nextAttempt = ctx.clock.now() + pause;
    await ctx.store.saveForgeReported(row.key, { kind: "failed", error: messageOf(error), nextAttempt });
  }
}

function saidOf({ wanted }: ForgeReport, remote: string | undefined) {
  return { kind: "said", said: wanted, remote } as const;
}

/** The branch or tag that an image is built by; undefined where nothing but the commit is known. */
function refOf(ctx: TellContext, image: string): string | undefined {
  const declared = ctx.config.images[image];
  const ref = declared?.recipe === "dockerfile" ? declared.git?.ref : undefined;
  return ref === "HEAD" ? undefined : ref?.replace(/^refs\/(?:heads|tags)\//, "");
}

async function wantedOf(ctx: TellContext, image: string, target: ReportTarget): Promise<WantedReport[]> {
  const [digests, verifications, known, moves] = await Promise.all([
    ctx.store.loadImageDigests(image, 200),
    ctx.store.loadVerifications({ image, newest: mostMoves }),
    ctx.store.loadForgeReports(image),
    loadMoves(ctx, image),
  ]);
  const commits = new Map(
    digests.flatMap(({ digest, detail }) => {
      const { source } = (detail as unknown as Partial<CandidateDetail>).origin ?? {};
      return source !== undefined && /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(source) ? [[digest, source] as const] : [];
    }),
  );
  return wantedReports(
    {
      image,
      commitOf: (digest) => commits.get(digest as (typeof digests)[number]["digest"]),
      verifications: verifications.map(({ environment, digest, verdict }) => ({
        environment,
        digest,
        state: verdict === null || verdict === "not_run" ? "pending" : verdict === "passed" ? "success" : "failure",
      })),
      moves,
      known: new Set(known.map(({ key }) => key)),
    },
    target,
  );
}

/** What environments came to run: by the deployments of the configuration where it has some, else by where the pointers were moved. */
async function loadMoves(ctx: TellContext, image: string) {
  const [promotions, deployments] = await Promise.all([
    ctx.store.loadPromotions({ image, limit: mostMoves }),
    ctx.store.loadDeployments({ image, limit: mostMoves }),
  ]);
  return [
    ...deployments.map(({ id, environment, name, digest, state }) => ({
      id,
      environment,
      system: name,
      digest,
      state: deployed[state],
    })),
    ...promotions
      .filter(({ environment }) => deploymentsOf(ctx.config, image, environment).length === 0)
      .map(({ id, environment, digest, state }) => ({
        id,
        environment,
        system: undefined,
        digest,
        state: promoted[state],
      })),
  ];
}
