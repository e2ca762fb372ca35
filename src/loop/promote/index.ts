export { promoteByPerson, promoteCandidate, resumeIntents, type PromoteOutcome } from "./promote-candidate.ts";
export { rollBack, type RollbackRequest } from "./roll-back.ts";
export { createServedCheck, type ServedCheck, type ServedReport } from "./check-served.ts";
export { retainDigests, type Retained } from "./retain.ts";
