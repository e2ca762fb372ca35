export {
  judgeVerification,
  type JudgedCheck,
  type JudgedVerification,
  type Judgement,
  type VerificationPolicy,
} from "./judge-verification.ts";
export { planRetention, type Retention, type RetentionFacts, type RetentionPolicy } from "./plan-retention.ts";
export {
  countApprovals,
  approvalsWanted,
  describeLacking,
  findObstacles,
  machine,
  mayMoveAlone,
  type Approval,
  type ApprovalRule,
  type EntryRules,
  type Freeze,
  type Obstacle,
} from "./judge-entry.ts";
export { nextOpening, type Window } from "./windows.ts";
export {
  decideHealth,
  judgeAnswers,
  passedBetween,
  type FailurePolicy,
  type Health,
  type HealthDecision,
  type Look,
} from "./judge-soak.ts";
export { isReverificationDue, type Reverified } from "./judge-reverification.ts";
export { judgeEvidence, type EvidenceDemand, type EvidenceFacts, type StandingEvidence } from "./judge-evidence.ts";
