export { openStore, type Store, type StoreOptions, type StorePlace } from "./open-store.ts";
export { backupStore, restoreStore, saveSnapshot } from "./restore.ts";
export type { Backup } from "./backup.ts";
export { StoreError } from "./error.ts";
export { readLock, takeLock, type LockFile, type LockHolder } from "./lock-file.ts";
export { lockPath } from "./open-directory.ts";
export type { Lease, LeaseRequest, Lost } from "./lease.ts";
export type { KeyedCause, PlacedRebuild, PlannedRebuild, SavedPlan } from "./plan.ts";
export type { Candidate, RebuildChange, RebuildFilter, SavedRebuild } from "./rebuild.ts";
export type { VerificationChange } from "./verification.ts";
export type { Intent, SavedIntent, SavedPromotion } from "./promotion.ts";
export type { DeployLease } from "./deploy-lease.ts";
export type { AnsweredRun, ExternalRunChange, RunAnswer } from "./external-run.ts";
export type { BumpLease, BumpStep, BumpWish } from "./bump.ts";
export type { DeployIntent, DeploymentStep, SavedDeployment } from "./deployment.ts";
export type { PromotionFacts } from "./promotion-facts.ts";
export type { MatchPackage, UnindexedInventory } from "./package.ts";
export type {
  AffectedPlace,
  EnvironmentHistory,
  FindingCounts,
  HoldingPlace,
  MaliciousHolding,
  MatchedPackage,
  SavedMatches,
} from "./finding.ts";
export type { DerivedExposures, RenewedExposures } from "./exposure.ts";
export type { ExposureFacts } from "./exposure-history.ts";
export type { NewQuarantine } from "./quarantine.ts";
export type { DeclaredImage } from "./image.ts";
export type { EvidenceId } from "./evidence.ts";
export type { BaseVex } from "./base-vex.ts";
export type { RaisedAlarm } from "./alarm.ts";
export { auditContent, auditLine } from "./audit-file.ts";
export type { AuditFilter, AuditVerdict } from "./audit.ts";
export type {
  AccountAllocation,
  Alarm,
  Approval,
  AuditRow,
  BlockedBase,
  BlockedPackage,
  Bump,
  ForgeReport,
  BumpState,
  Deployed,
  Deployment,
  Detail,
  EvidenceRow,
  Exposure,
  ExposureRebuild,
  ExternalRun,
  Hold,
  IdempotencyRow,
  Image,
  ImageDigest,
  ImageRemedy,
  Notification,
  Observation,
  PackageSeen,
  PlanRow,
  Pointer,
  Promotion,
  PromotionKind,
  PromotionState,
  Quarantine,
  Rebuild,
  RebuildStep,
  Soak,
  StoredCheck,
  StoredError,
  SessionRow,
  TokenRow,
  Upstream,
  Verdict,
  Verification,
  VexStatementRow,
} from "./schema.ts";
export type { NewEvent } from "./event.ts";
export type { WantedReport } from "./forge-report.ts";
export { durationBounds, type RebuildCounts } from "./metric.ts";
