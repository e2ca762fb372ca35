import type { HeldImage, Lane, Plan, PlannedRebuild } from "../plan/index.ts";
import type { Instant } from "../../lib/index.ts";
import type { Cure } from "./group-cures.ts";
import { startsRebuild } from "./plan-remedy.ts";
import type { Remedy } from "./types.ts";

/** When a remedy is carried out. */
export type Schedule =
  /** A rebuild of this plan brings it. */
  | { readonly kind: "planned"; readonly lane: Lane; readonly notBefore: Instant; readonly wave: number }
  /** A rebuild that is under way brings it. */
  | { readonly kind: "under-way"; readonly lane: Lane; readonly rebuild: string; readonly reason: string }
  /** It waits: for a cool-down, a hold, a pause after failures. Undefined `until`: for a person. */
  | { readonly kind: "waiting"; readonly until: Instant | undefined; readonly reason: string }
  /** A person has to do it. */
  | { readonly kind: "person"; readonly reason: string }
  /** Somebody else has to. */
  | { readonly kind: "upstream" }
  /** It is not carried out: somebody took the risk. */
  | { readonly kind: "accepted"; readonly until: Instant | undefined };

/** What a remedy cures, as far as its time depends on it. */
export type CuredPackages = Pick<Cure, "source" | "packages" | "architectures">;

/** A rebuild that has not ended. */
export interface RunningRebuild {
  readonly id: string;
  readonly lane: Lane;
  /** Where it stands, in words. */
  readonly reason: string;
  /** Sources of the packages that it brings; undefined where it brings whatever is newest. */
  readonly sources: ReadonlySet<string>;
}

export interface ScheduleFacts {
  readonly now: Instant;
  readonly planned: ReadonlyMap<string, { readonly rebuild: PlannedRebuild; readonly wave: number }>;
  readonly held: ReadonlyMap<string, HeldImage>;
  readonly untouched: ReadonlyMap<string, string>;
  readonly running: ReadonlyMap<string, RunningRebuild>;
  /** Milliseconds that an update waits which feeds call a cure. */
  readonly coolDown: number;
}

/** What a plan means for remedies. */
export function scheduleFacts(
  plan: Plan,
  running: ReadonlyMap<string, RunningRebuild>,
  { now, coolDown }: Pick<ScheduleFacts, "now" | "coolDown">,
): ScheduleFacts {
  const planned = plan.waves.flatMap((wave, at) =>
    wave.map((rebuild) => [rebuild.image, { rebuild, wave: at }] as const),
  );
  return {
    now,
    coolDown,
    running,
    planned: new Map(planned),
    held: new Map(plan.held.map((one) => [one.image, one])),
    untouched: new Map(plan.untouched.map(({ image, reason }) => [image, reason])),
  };
}

/** When a remedy is carried out, by the plan and what is under way. */
export function scheduleRemedy(about: CuredPackages, remedy: Remedy, facts: ScheduleFacts): Schedule {
  if (remedy.kind === "accepted") return { kind: "accepted", until: remedy.until };
  if (remedy.kind === "wait-upstream") return { kind: "upstream" };
  if (remedy.kind === "bump-source") return { kind: "person", reason: "the source has to change" };
  if (remedy.kind === "replace-base") return { kind: "person", reason: "its base has to be replaced" };
  if (!startsRebuild(remedy)) return { kind: "upstream" };
  const { image, offered } = remedy;
  const running = facts.running.get(image);
  if (
    running !== undefined &&
    (remedy.kind === "rebase" || running.sources.size === 0 || running.sources.has(about.source))
  )
    return { kind: "under-way", lane: running.lane, rebuild: running.id, reason: running.reason };
  const planned = facts.planned.get(image);
  const waits = planned?.rebuild.holdBack.some(({ name }) => about.packages.includes(name)) === true;
  const end = offered.since === undefined ? undefined : offered.since + facts.coolDown;
  if (planned !== undefined && !(waits && !brings(planned.rebuild, about))) {
    const { lane, notBefore } = planned.rebuild;
    return { kind: "planned", lane, notBefore, wave: planned.wave };
  }
  if (planned !== undefined) return { kind: "waiting", until: end, reason: "in cool-down" };
  const held = facts.held.get(image);
  if (held !== undefined) {
    const isCooling = held.kind === "cool-down" && remedy.kind !== "rebase" && end !== undefined && end > facts.now;
    return { kind: "waiting", until: isCooling ? end : held.until, reason: held.reason };
  }
  const reason = facts.untouched.get(image) ?? "the plan does not know it";
  return { kind: "person", reason: `nothing asks for a rebuild of ${image}: ${reason}` };
}

/** Whether a planned rebuild has one of the packages among its causes. */
function brings({ causes }: PlannedRebuild, { packages, architectures }: CuredPackages): boolean {
  return causes.some(
    ({ cause }) =>
      cause.kind === "package" &&
      cause.packages.some(({ name, architecture }) => packages.includes(name) && architectures.includes(architecture)),
  );
}
