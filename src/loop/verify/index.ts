export { type VerifyDeps } from "./verify-candidate.ts";
export type { CandidateVerification, CheckResult, PlatformFacts, VerifyRequest } from "./types.ts";
export { judgeCandidate, verifyRebuild, type VerifyOutcome } from "./verify-rebuild.ts";
