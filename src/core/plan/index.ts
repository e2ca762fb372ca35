export type { Cause, EnvironmentName, ImageName, Lane, PackageChange, RebuildState } from "./types.ts";
export type {
  HeldImage,
  HeldKind,
  KeyedCause,
  ClosedByUpdate,
  CoolDownExemption,
  PackageUpdate,
  Plan,
  PlanBase,
  PlanFacts,
  PlanHold,
  PlanImage,
  PlannedRebuild,
  PlanPackage,
  PlanPolicy,
} from "./facts.ts";
export { findBreaking, type TakenUpdates, type TrialOutcome } from "./find-breaking.ts";
export { findRing, reachedBy, type GraphImage } from "./image-graph.ts";
export { chooseUpdates, shortCoolDown } from "./package-causes.ts";
export { planRebuilds } from "./plan-rebuilds.ts";
export { planRequest, type RequestedRebuild } from "./plan-request.ts";
export {
  nextStep,
  soakLeft,
  type ChainLink,
  type NextStep,
  type PersonAsked,
  type ParentFacts,
  type RebuildFacts,
  type StandingDigest,
} from "./next-step.ts";
export { broughtVersions, decideRollback, type RollbackDecision, type RollbackFacts } from "./decide-rollback.ts";
export { decideDeparture, isTrainBroken, type Mate, type TrainDeparture } from "./decide-departure.ts";
export { decideTurn, isOvertakenBy, type CandidateAhead, type Turn } from "./decide-turn.ts";
export { decideMovedTag, type MovedTag } from "./decide-moved-tag.ts";
export { summarizeCauses } from "./summarize-causes.ts";
