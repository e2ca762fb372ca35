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
export { planRemedy, startsRebuild } from "./plan-remedy.ts";
export { planSourceCure, type Demand, type SourceFacts } from "./plan-source-cure.ts";
