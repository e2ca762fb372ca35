export { jobPlacesOf } from "./job-places.ts";
export { type VerifyDeps } from "./verify-candidate.ts";
export type { CandidateVerification, CheckResult, PlatformFacts, VerifyRequest } from "./types.ts";
export {
  judgeCandidate,
  judgeToEnd,
  readWaiting,
  verifyRebuild,
  type VerifyOutcome,
  type WaitingVerification,
} from "./verify-rebuild.ts";
