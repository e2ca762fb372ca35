export type { Dependant, Offered, Remedy } from "./types.ts";
export type {
  MovedBase,
  OfferedVersion,
  PackageOffers,
  PackagePlace,
  PackageVersion,
  RemedyBase,
  RemedyFacts,
  RemedyImage,
  SourceCure,
  VersionWord,
} from "./facts.ts";
export { planRemedy } from "./plan-remedy.ts";
export { noDemands, type Demand, type Demands } from "./demands.ts";
export { cureSource } from "./cure-source.ts";
export { findPackage, placeOf } from "./find-package.ts";
export { createLoneRemedies, type LoneFacts } from "./lone-remedies.ts";
export { createPackageJudge, type PackageJudge } from "./judge-packages.ts";
export { describeRemedy } from "./describe-remedy.ts";
export {
  scheduleFacts,
  scheduleRemedy,
  type RunningRebuild,
  type Schedule,
  type ScheduleFacts,
} from "./schedule-remedy.ts";
export { findHeldCures, type EnvironmentHold, type HeldCure, type HeldItem } from "./held-cures.ts";
export { groupCures, type Cure, type NamedFinding, type SeverityLevel } from "./group-cures.ts";
export { createLockDemands } from "./demands-of-locks.ts";
export { createDemands, isAskedFor } from "./find-demands.ts";
