import { findObstacles } from "../../core/policy/index.ts";
import type { Digest } from "../../lib/index.ts";
import type { Context } from "../../loop/context.ts";
import { unprobedPlaces } from "../../loop/promote/index.ts";
import { findLackingEvidence } from "../../loop/standing-evidence.ts";
import { OperationError, type Gate, type OperationHandlers } from "../../operation/index.ts";
import { requireEnvironment, requireImage } from "./find-name.ts";
import { describeObstacle, findDigest, laneOf } from "./promote.ts";

/**
 * `gate`: what a pipeline asks before it deploys. What an environment names is only refused for what makes it unfit (quarantine, evidence that lacks); any other digest for
 * all that would keep it from being promoted there now. Nothing is changed. Throws NOT_FOUND for an image or environment that is not declared, BAD_INPUT for a beginning that several digests have.
 */
export function createGate(ctx: Context): OperationHandlers["gate"] {
  return async ({ image, environment, digest: prefix }) => {
    requireImage(ctx.config, image);
    requireEnvironment(ctx.config, environment);
    const pointers = await ctx.store.loadPointers(image);
    const standing = pointers.find((one) => one.environment === environment)?.digest ?? undefined;
    const digest = prefix === undefined ? standing : await findKnown(ctx, image, prefix);
    const answer = { image, environment };
    if (digest === undefined) {
      const why =
        prefix === undefined ? `${environment} names no digest of ${image}` : `${image} has no digest ${prefix} here`;
      return { ...answer, digest: null, reference: null, named: false, verdict: "refused", reasons: [why] };
    }
    const named = digest === standing;
    const reasons = [
      ...(await ctx.store.loadRefusals({
        ...answer,
        digest,
        kind: named ? "rollback" : "forward",
        approvals: ctx.config.environments.find(({ name }) => name === environment)?.approvals,
      })),
      ...(named ? [] : await closedNow(ctx, image, environment, digest)),
      ...(await findLackingEvidence(ctx, image, digest, environment, ctx.signal)),
    ];
    const reference = `${ctx.pullName(image)}@${digest}`;
    const verdict: Gate["verdict"] = reasons.length === 0 ? "passed" : "refused";
    return { ...answer, digest, reference, named, verdict, reasons };
  };
}

async function findKnown(ctx: Context, image: string, prefix: string): Promise<Digest | undefined> {
  return findDigest(ctx, image, prefix).catch((error: unknown) => {
    if (error instanceof OperationError && error.code === "NOT_FOUND") return undefined;
    throw error;
  });
}

/** Windows, freezes and missing probes of an environment. */
async function closedNow(ctx: Context, image: string, environment: string, digest: Digest): Promise<string[]> {
  const rules = ctx.config.environments.find(({ name }) => name === environment);
  if (rules === undefined) return [];
  // Approvals are looked at beside the digest, in the store.
  const { approvals: _inTheStore, ...times } = rules;
  const lane = await laneOf(ctx, image, digest);
  const closed = findObstacles(environment, times, { lane, approvals: [] }, ctx.clock.now()).map(describeObstacle);
  if (unprobedPlaces(ctx.config, image).includes(environment))
    closed.push(`no probe asks after it in ${environment}, and policy requires one`);
  return closed;
}
