import type { DeployRequest, Place } from "../../io/deploy/index.ts";
import type { DeployLease, Deployment } from "../../io/store/index.ts";
import type { Context } from "../context.ts";

/** An attempt as its target is asked for it. */
export function requestOf(
  ctx: Context,
  { fence }: Pick<DeployLease, "fence">,
  place: Place,
  attempt: Pick<Deployment, "id" | "digest" | "previous" | "kind" | "reason">,
): DeployRequest {
  const { id, digest, previous, kind, reason } = attempt;
  const { deployment, image } = place;
  const reference = (one: string): string =>
    `${ctx.pullName(image, ctx.config.deployments[deployment]?.registry)}@${one}`;
  return {
    ...place,
    id,
    fence,
    digest,
    reference: reference(digest),
    previous: previous === null ? undefined : { digest: previous, reference: reference(previous) },
    kind,
    reason,
  };
}
