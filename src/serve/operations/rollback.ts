import type { Context } from "../../loop/context.ts";
import { planFleet } from "../../loop/plan/index.ts";
import { rollBack } from "../../loop/promote/index.ts";
import type { OperationHandlers } from "../../operation/index.ts";
import { requireEnvironment, requireImage } from "./find-name.ts";
import { findDigest } from "./promote.ts";

/** `rollback`: a person takes an environment back. What it leaves is quarantined with the versions that it brought. Throws NOT_FOUND; a refusal is an answer. */
export function createRollback(ctx: Context): OperationHandlers["rollback"] {
  return async ({ image, environment: named, digest: prefix, by, reason }) => {
    requireImage(ctx.config, image);
    const environment = named ?? ctx.config.environments.at(-1)?.name ?? "";
    requireEnvironment(ctx.config, environment);
    const digest = prefix === undefined ? undefined : await findDigest(ctx, image, prefix);
    const decision = await rollBack(ctx, { image, environment, by, reason, digest });
    if (decision.kind === "refused") return { kind: "refused", reasons: [...decision.reasons] };
    // The plan says at once what the image holds for.
    await planFleet(ctx);
    const { from, to } = decision;
    return { kind: "rolled-back", image, environment, from, to, reopened: await reopenedBy(ctx, image, from) };
  };
}

/** What the rebuild that made the digest had closed. */
async function reopenedBy(ctx: Context, image: string, left: string): Promise<string[]> {
  const rebuilds = (await ctx.store.loadRebuilds({ image })).filter(({ candidate }) => candidate === left);
  const causes = await ctx.store.loadCauses(rebuilds.map(({ id }) => id));
  const ids = [...causes.values()].flat().flatMap(({ cause }) => (cause.kind === "package" ? cause.advisories : []));
  return [...new Set(ids)].sort();
}
