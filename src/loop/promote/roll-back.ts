import { diffInventories } from "../../core/inventory/index.ts";
import { formatPlatform } from "../../core/image/index.ts";
import { broughtVersions, decideRollback, type RollbackDecision } from "../../core/plan/index.ts";
import type { BlockedPackage } from "../../io/store/index.ts";
import type { Digest } from "../../lib/index.ts";
import type { Context } from "../context.ts";
import { carryOut } from "./promote-candidate.ts";

export interface RollbackRequest {
  readonly image: string;
  readonly environment: string;
  readonly by: string;
  readonly reason: string;
  /** Without it: the last good digest before the one that runs. */
  readonly digest?: Digest | undefined;
}

/**
 * Takes an environment back to a digest that once passed there. What it leaves goes into quarantine with the versions that it brought, so that the next plan does not
 * bring them again. A refusal is an answer, with its reasons.
 */
export async function rollBack(ctx: Context, request: RollbackRequest): Promise<RollbackDecision> {
  const { store } = ctx;
  const { image, environment, by, reason } = request;
  const [pointers, promotions, verifications, quarantines] = await Promise.all([
    store.loadPointers(image),
    store.loadPromotions({ image, environment, states: ["confirmed"], limit: 1000 }),
    store.loadVerifications({ image }),
    store.loadQuarantines(image),
  ]);
  const current = pointers.find((one) => one.environment === environment)?.digest ?? undefined;
  const decision = decideRollback({
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
  });
  if (decision.kind === "refused") return decision;
  const { from, to } = decision;
  const packages = await versionsBrought(ctx, image, to, from);
  const saved = await store.saveIntent({
    image,
    environment,
    digest: to,
    kind: "rollback",
    by,
    reason,
    quarantine: { image, digest: from, packages, reason, who: by },
  });
  if (saved.kind === "refused") return { kind: "refused", reasons: saved.reasons };
  if (saved.kind === "busy" || saved.kind === "lost")
    return { kind: "refused", reasons: [`another move of ${image}:${environment} is under way`] };
  const outcome = await carryOut(ctx, saved, { force: by !== "tidemill" });
  if (outcome.kind === "conflict") {
    return { kind: "refused", reasons: [`somebody else moved ${image}:${environment} to ${outcome.found}`] };
  }
  return decision;
}

/** The versions that `from` has over `to`, on any platform. */
async function versionsBrought(ctx: Context, image: string, to: Digest, from: Digest): Promise<BlockedPackage[]> {
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
