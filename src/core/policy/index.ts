export {
  judgeVerification,
  type JudgedCheck,
  type JudgedVerification,
  type Judgement,
  type VerificationPolicy,
} from "./judge-verification.ts";
export { planRetention, type Retention, type RetentionFacts, type RetentionPolicy } from "./plan-retention.ts";
