export { promoteByPerson, promoteCandidate, resumeIntents, type PromoteOutcome } from "./promote-candidate.ts";
export { probeEnvironments } from "./probe-environments.ts";
export { rollBack, versionsBrought, type RollbackRequest } from "./roll-back.ts";
export { takeBack } from "./take-back.ts";
export { obeyPerson } from "./obey-moved-tag.ts";
export { tendTrains } from "./tend-trains.ts";
export { describeDeployed, describeStanding, isSoaking, lookAtSoak, probesOf, unprobedPlaces } from "./soak.ts";
export { createServedCheck, type ServedCheck, type ServedReport } from "./check-served.ts";
export { planImageRetention, retainDigests, type Retained } from "./retain.ts";
