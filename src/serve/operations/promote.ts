import { findObstacles, type Obstacle } from "../../core/policy/index.ts";
import { attestCandidate } from "../../loop/attest-candidate.ts";
import type { Context } from "../../loop/context.ts";
import { promoteByPerson, unprobedPlaces } from "../../loop/promote/index.ts";
import { formatInstant, matchDigest, OperationError, type OperationHandlers } from "../../operation/index.ts";
import type { Digest } from "../../lib/index.ts";
import { requireEnvironment, requireImage } from "./find-name.ts";

/** `promote`: a person moves an environment to a digest that passed there. Without a digest: the newest that did. Throws NOT_FOUND; a rule that forbids it is an answer. */
export function createPromote(ctx: Context): OperationHandlers["promote"] {
  return async ({ image, environment, digest: prefix, by, reason }) => {
    requireImage(ctx.config, image);
    requireEnvironment(ctx.config, environment);
    const { store } = ctx;
    const pointers = await store.loadPointers(image);
    const from = pointers.find((one) => one.environment === environment)?.digest ?? null;
    const to =
      prefix === undefined ? await newestPassed(ctx, image, environment) : await findDigest(ctx, image, prefix);
    if (to === undefined) {
      return { kind: "refused", reasons: [`no digest of ${image} has passed its verification for ${environment}`] };
    }
    const rules = ctx.config.environments.find(({ name }) => name === environment);
    if (rules !== undefined && from !== to) {
      const lane = await laneOf(ctx, image, to);
      const { approvals: _inTheStore, ...times } = rules;
      const closed = findObstacles(environment, times, { lane, approvals: [] }, ctx.clock.now());
      if (unprobedPlaces(ctx.config, image).includes(environment))
        closed.push({ reason: `no probe asks after it in ${environment}, and policy requires one`, until: undefined });
      if (closed.length > 0) return { kind: "refused", reasons: closed.map(describeObstacle) };
    }
    if (from !== to) {
      const unattested = await attestCandidate(ctx, image, to, environment, ctx.signal);
      if (unattested.length > 0) return { kind: "refused", reasons: [...unattested] };
    }
    const intent = {
      image,
      environment,
      digest: to,
      kind: "forward",
      by,
      reason,
      approvals: rules?.approvals,
    } as const;
    const outcome = await promoteByPerson(ctx, intent);
    switch (outcome.kind) {
      case "promoted":
      case "unchanged":
        return { kind: outcome.kind, image, environment, from, to };
      case "refused":
        return { kind: "refused", reasons: [...outcome.reasons] };
      case "conflict":
        return { kind: "refused", reasons: [`somebody else moved ${image}:${environment} to ${outcome.found}`] };
      case "busy":
      case "lost":
        throw new OperationError("BUSY", `another move of ${image} in ${environment} is under way`, {
          hint: "Ask again in a moment; `tidemill status` shows it.",
          retry: true,
        });
    }
  };
}

export function describeObstacle({ reason, until }: Obstacle): string {
  return until === undefined ? reason : `${reason}; until ${formatInstant(until)}`;
}

/** The lane of the newest rebuild that made the digest. */
export async function laneOf(ctx: Context, image: string, candidate: Digest): Promise<"urgent" | "routine"> {
  const [newest] = await ctx.store.loadRebuilds({ image, candidate, limit: 1 });
  return newest?.lane ?? "routine";
}

/** The digest of an image that begins as `prefix`. Throws NOT_FOUND. */
export async function findDigest(ctx: Context, image: string, prefix: string): Promise<Digest> {
  const known = (await ctx.store.loadImageDigests(image)).map(({ digest }) => digest);
  return matchDigest(prefix, known, image);
}

async function newestPassed(ctx: Context, image: string, environment: string): Promise<Digest | undefined> {
  const [verifications, quarantines] = await Promise.all([
    ctx.store.loadVerifications({ image }),
    ctx.store.loadQuarantines(image),
  ]);
  return verifications.findLast(
    (one) =>
      one.environment === environment &&
      one.verdict === "passed" &&
      !quarantines.some(({ digest }) => digest === one.digest),
  )?.digest;
}
