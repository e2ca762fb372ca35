export {
  createOperations,
  isOperationName,
  operationNames,
  operations,
  parseInput,
  type OperationHandlers,
  type OperationInput,
  type OperationName,
  type OperationOutput,
  type OperationRequest,
  type Operations,
} from "./operations.ts";
export { role, type Role } from "../core/access/index.ts";
export { access, type Principal } from "./access.ts";
export { OperationError } from "./error.ts";
export { matchDigest } from "./match-digest.ts";
export { advisoriesOf, describeCause, describeReasons, formatInstant } from "./describe.ts";
export { progressEvent, type ProgressEvent, type ProgressListener } from "./progress.ts";
export type {
  AdvisoryRef,
  AdvisoryState,
  ApprovalView,
  CauseView,
  HoldView,
  PackageChangeView,
  PackageDifferenceView,
} from "./shapes.ts";
export type { Status } from "./status.ts";
export type { Gate } from "./gate.ts";
export type { Graph } from "./graph.ts";
export type { RetentionView } from "./retention.ts";
export type { Looked } from "./look.ts";
export type { Log } from "./log.ts";
export type { Plan } from "./plan.ts";
export type { BumpView, CureView, FindingLifeView, FindingView, RemedyView, ScheduleView } from "./remedy.ts";
export type { Check, Diff, History, Why } from "./explain.ts";
export type { Scan, ScanFindingView } from "./scan.ts";
export type { InventoryView } from "./inventory.ts";
export { vexJustification, vexStatus, type BaseWordView, type VexStatementView } from "./vex.ts";
export type { AuditExport, AuditVerified, EvidenceRules, Verified } from "./evidence.ts";
export type { SessionView } from "./session.ts";
export type { TokenView } from "./token.ts";
export type { Run } from "./action.ts";
export type { ExposureList, ExposureView, Report, ReportDocument } from "./exposure.ts";
export type { Rebase } from "./rebase.ts";
export type { Doctor, Validate } from "./upkeep.ts";
export type { QuickstartCounts, QuickstartResult, QuickstartRow } from "./quickstart.ts";
export type { KeysRequest, KeysView, KeyView } from "./keys.ts";
export type {
  AppApi,
  AppOptions,
  Connection,
  ForgeReportRequest,
  ForgeReportView,
  InitRequest,
  InitView,
  LoginRequest,
  LoginView,
  QuickstartOptions,
  RunningApp,
  RunningQuickstart,
  StartOptions,
} from "./app.ts";
