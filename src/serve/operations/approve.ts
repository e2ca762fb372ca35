import { approvalsWanted, countApprovals, machine } from "../../core/policy/index.ts";
import type { Rebuild } from "../../io/store/index.ts";
import type { Context } from "../../loop/context.ts";
import { planFleet } from "../../loop/plan/index.ts";
import { versionsBrought } from "../../loop/promote/index.ts";
import type { OperationHandlers, OperationOutput, OperationRequest } from "../../operation/index.ts";
import type { Digest } from "../../lib/index.ts";
import { requireEnvironment, requireImage } from "./find-name.ts";
import { findDigest } from "./promote.ts";

export interface ApproveDeps {
  /** Has what waits looked at now. */
  readonly wake: () => void;
}

type Answer = OperationOutput<"approve">;

/** `approve`: a person says that a digest may come to an environment. Throws NOT_FOUND; a word that does not count is refused. */
export function createApprove(ctx: Context, deps: ApproveDeps): OperationHandlers["approve"] {
  return (request) => decide(ctx, deps, "approved", request);
}

/** `reject`: a person says that it must not. It is quarantined with the versions that it would have brought, so that the next plan does not offer them again. */
export function createReject(ctx: Context, deps: ApproveDeps): OperationHandlers["reject"] {
  return async (request) => {
    const answer = await decide(ctx, deps, "rejected", request);
    if (answer.kind !== "refused") await planFleet(ctx);
    return answer;
  };
}

async function decide(
  ctx: Context,
  { wake }: ApproveDeps,
  verdict: "approved" | "rejected",
  { image, environment, digest: prefix, by, reason }: OperationRequest<"approve">,
): Promise<Answer> {
  requireImage(ctx.config, image);
  requireEnvironment(ctx.config, environment);
  if (by === machine) return refuse(`${machine} is no person's name`);
  const own = ctx.config.environments.find(({ name }) => name === environment)?.approvals;
  if (own?.from !== undefined && !own.from.includes(by))
    return refuse(`${by} is not among those whose word counts for ${environment}: ${own.from.slice(0, 20).join(", ")}`);
  const active = await ctx.store.loadRebuilds({ image, active: true });
  const pointers = await ctx.store.loadPointers(image);
  const current = pointers.find((one) => one.environment === environment)?.digest ?? null;
  const digest = prefix === undefined ? onItsWay(active, current) : await findDigest(ctx, image, prefix);
  if (digest === undefined) return refuse(`no candidate of ${image} is on its way to ${environment}`);
  const verifications = await ctx.store.loadVerifications({ image, digest });
  const newest = verifications.findLast((one) => one.environment === environment);
  const rule = approvalsWanted(own, newest?.checks ?? []);
  if (rule === undefined && verdict === "approved") return refuse(`${environment} wants no approvals`);
  if (digest === current) return refuse(`${environment} names ${digest} already`);
  const quarantined = (await ctx.store.loadQuarantines(image)).find((one) => one.digest === digest);
  if (quarantined !== undefined)
    return refuse(`${image}@${digest} is in quarantine: ${quarantined.reason} (${quarantined.who})`);
  const quarantine = verdict === "approved" ? undefined : await quarantineOf(ctx, { image, digest, current });
  await ctx.store.saveApproval(
    { image, environment, digest, who: by, verdict, reason },
    quarantine && { ...quarantine, reason: `rejected for ${environment}: ${reason}`, who: by },
  );
  for (const { id, candidate } of active) if (candidate === digest) await ctx.store.hurryRebuild(id);
  wake();
  const said = await ctx.store.loadApprovals({ image, digests: [digest] });
  const here = said.filter((one) => one.environment === environment);
  const approvals = rule === undefined ? 0 : countApprovals(rule, here);
  return { kind: verdict, image, environment, digest, approvals, wanted: rule?.count ?? 0 };
}

/** The newest candidate that has not arrived. */
function onItsWay(active: readonly Rebuild[], current: Digest | null): Digest | undefined {
  const newest = [...active].sort((a, b) => b.createdAt - a.createdAt);
  return newest.flatMap(({ candidate }) => candidate ?? []).find((candidate) => candidate !== current);
}

/** What a candidate would have brought; nothing is told of the first of its name, or nothing of it could ever come. */
async function quarantineOf(
  ctx: Context,
  { image, digest, current }: { readonly image: string; readonly digest: Digest; readonly current: Digest | null },
) {
  const packages = current === null ? [] : await versionsBrought(ctx, image, current, digest);
  return { image, digest, packages };
}

function refuse(reason: string): Answer {
  return { kind: "refused", reasons: [reason] };
}
