import { diffInventories } from "../../core/inventory/index.ts";
import { formatPlatform } from "../../core/image/index.ts";
import { broughtVersions, decideRollback, type RollbackDecision, type RollbackFacts } from "../../core/plan/index.ts";
import type { BlockedBase, BlockedPackage } from "../../io/store/index.ts";
import type { Digest } from "../../lib/index.ts";
import type { CandidateOrigin, Context } from "../context.ts";
import { findUnpullable } from "./find-unpullable.ts";
import { carryOut } from "./promote-candidate.ts";

export interface RollbackRequest {
  readonly image: string;
  readonly environment: string;
  readonly by: string;
  readonly reason: string;
  /** Without it: the last good digest before the one that runs. */
  readonly digest?: Digest | undefined;
  /** What has to be left: where the environment names something else by now, nothing is done. */
  readonly leaving?: Digest | undefined;
  /** Whether what is left may come again: it is not the reason. */
  readonly mayReturn?: boolean;
  /** Facts that are kept with it. */
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** The decision, and the digests that would have been good but can no longer be pulled. */
export type RolledBack = RollbackDecision & {
  readonly gone: readonly { readonly digest: Digest; readonly problem: string }[];
};

/**
 * Takes an environment back to a digest that once passed there. What it leaves goes into quarantine with the versions that it brought, so that the next plan does not
 * bring them again. It never goes back to what cannot be pulled. A refusal is an answer, with its reasons.
 */
export async function rollBack(ctx: Context, request: RollbackRequest): Promise<RolledBack> {
  const { store } = ctx;
  const { image, environment, by, reason } = request;
  const [pointers, promotions, verifications, quarantines] = await Promise.all([
    store.loadPointers(image),
    store.loadPromotions({ image, environment, states: ["confirmed"], limit: 1000 }),
    store.loadVerifications({ image }),
    store.loadQuarantines(image),
  ]);
  const current = pointers.find((one) => one.environment === environment)?.digest ?? undefined;
  if (request.leaving !== undefined && current !== request.leaving)
    return { kind: "refused", reasons: [`${environment} does not name ${request.leaving} any more`], gone: [] };
  const facts: RollbackFacts = {
    image,
    environment,
    current,
    past: [...new Set(promotions.map(({ digest }) => digest))],
    passed: new Set(
      verifications
        .filter((one) => one.environment === environment && one.verdict === "passed")
        .map(({ digest }) => digest),
    ),
    quarantined: new Set(quarantines.map(({ digest }) => digest)),
    wanted: request.digest,
  };
  const { decision, gone } = await decideAmongPullable(ctx, facts);
  if (decision.kind === "refused") return { ...decision, gone };
  const { from, to } = decision;
  const packages = request.mayReturn === true ? [] : await versionsBrought(ctx, image, to, from);
  const bases = request.mayReturn === true ? [] : await basesBrought(ctx, image, to, from);
  const saved = await store.saveIntent({
    image,
    environment,
    digest: to,
    kind: "rollback",
    by,
    reason,
    leaving: from,
    ...(request.detail === undefined ? {} : { detail: request.detail }),
    ...(request.mayReturn === true ? {} : { quarantine: { image, digest: from, packages, bases, reason, who: by } }),
  });
  if (saved.kind === "refused") return { kind: "refused", reasons: saved.reasons, gone };
  if (saved.kind === "busy" || saved.kind === "lost")
    return { kind: "refused", reasons: [`another move of ${image}:${environment} is under way`], gone };
  const outcome = await carryOut(ctx, saved, { force: by !== "tidemill" });
  if (outcome.kind === "conflict") {
    return { kind: "refused", reasons: [`somebody else moved ${image}:${environment} to ${outcome.found}`], gone };
  }
  return { ...decision, gone };
}

/** Passes over what was good and is gone. Throws where the registry does not answer: that decides nothing. */
async function decideAmongPullable(
  ctx: Context,
  facts: RollbackFacts,
): Promise<{ readonly decision: RollbackDecision; readonly gone: RolledBack["gone"] }> {
  const gone: { digest: Digest; problem: string }[] = [];
  for (;;) {
    const isThere = (digest: Digest): boolean => !gone.some((one) => one.digest === digest);
    const decision = decideRollback({ ...facts, past: facts.past.filter(isThere) });
    if (decision.kind === "refused") return { decision, gone };
    const problem = await findUnpullable(ctx.repositoryOf(facts.image), decision.to, ctx.signal);
    if (problem === undefined) return { decision, gone };
    gone.push({ digest: decision.to, problem });
    if (facts.wanted === undefined) continue;
    const reasons = [`${facts.image}@${decision.to} cannot be pulled: ${problem}`];
    return { decision: { kind: "refused", reasons }, gone };
  }
}

/** The versions that `from` has over `to`, on any platform. */
export async function versionsBrought(
  ctx: Context,
  image: string,
  to: Digest,
  from: Digest,
): Promise<BlockedPackage[]> {
  const rows = await Promise.all([to, from].map((digest) => ctx.store.loadImageDigest(image, digest)));
  const [older, newer] = await Promise.all(
    rows.map((row) => ctx.store.loadInventories(Object.values(row?.inventories ?? {}))),
  );
  const before = [...(older ?? new Map()).values()];
  const brought = [...(newer ?? new Map()).values()].flatMap((inventory) =>
    broughtVersions(
      diffInventories(
        before.find(({ platform }) => formatPlatform(platform) === formatPlatform(inventory.platform)),
        inventory,
      ),
    ),
  );
  return [...new Map(brought.map((one) => [JSON.stringify(one), one])).values()];
}

/** The digests of other people's images that `from` is made of and `to` is not. */
async function basesBrought({ store }: Context, image: string, to: Digest, from: Digest): Promise<BlockedBase[]> {
  const [older, newer] = await Promise.all(
    [to, from].map(async (digest) => {
      const made = await store.loadImageDigest(image, digest);
      return (made?.detail["origin"] as CandidateOrigin | undefined)?.bases ?? {};
    }),
  );
  return Object.entries(newer ?? {}).flatMap(([name, digest]) =>
    older?.[name] === undefined || older[name] === digest ? [] : [{ name, digest }],
  );
}
