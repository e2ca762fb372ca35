import type { PlanFacts, PlannedRebuild } from "./facts.ts";
import { planRebuilds } from "./plan-rebuilds.ts";
import type { Cause, ImageName } from "./types.ts";

/** What a rebuild that a person asks for leaves as it is. */
export interface RequestedRebuild extends Pick<PlannedRebuild, "holdBack" | "keepOut" | "bases"> {
  /** A sentence for each thing that is newer and does not come. */
  readonly kept: readonly string[];
}

/**
 * A rebuild of one image because a person asks for it, whatever is paused: what breaks it or was taken back stays out, and what waits out its cool-down stays where it is, but where the person wants that
 * (`withHeld`). Undefined where nothing is known of the image.
 */
export function planRequest(
  facts: PlanFacts,
  name: ImageName,
  cause: Extract<Cause, { kind: "person" }>,
  { withHeld }: { readonly withHeld: boolean },
): RequestedRebuild | undefined {
  const image = facts.images.find((one) => one.name === name);
  if (image === undefined) return undefined;
  const bases = withHeld ? image.bases.map((base) => ({ ...base, readyAt: facts.now })) : image.bases;
  const policy = withHeld ? { ...facts.policy, coolDown: 0, securityCoolDown: 0 } : facts.policy;
  const plan = planRebuilds({
    ...facts,
    policy,
    images: [{ ...image, bases, broken: undefined, parents: [], requests: [cause] }],
    holds: [],
  });
  const rebuild = plan.waves.flat()[0];
  if (rebuild === undefined) return undefined;
  const { holdBack, keepOut } = rebuild;
  const kept = plan.keptOut.map(({ reason }) => reason);
  const isKept = new Set(
    plan.keptOut
      .flatMap(({ causes }) => causes.map((one) => one.cause))
      .flatMap((one) => (one.kind === "package" ? one.packages.map(({ name: package_ }) => package_) : [])),
  );
  const cooling = holdBack.filter(({ name: package_ }) => !isKept.has(package_));
  const waiting = image.bases.filter(({ from, to, isBlocked, readyAt }) => {
    const isMoved = from !== undefined && from !== to && isBlocked !== true;
    return isMoved && readyAt > facts.now && !withHeld;
  });
  return {
    holdBack,
    keepOut,
    bases: rebuild.bases,
    kept: [
      ...kept,
      ...cooling.map(({ name: package_, to }) => `${package_} ${to ?? ""} waits out its cool-down`),
      ...waiting.map(({ name: base }) => `a newer ${base} waits out its cool-down`),
    ],
  };
}
