import type { Digest, Instant } from "../../lib/index.ts";
import type { Subject } from "../../core/events/index.ts";
import type { BumpFinding, BumpMove, BumpProposal, BumpType } from "../../core/bump/index.ts";
import type { Cause, EnvironmentName, ImageName, Lane, RebuildState } from "../../core/plan/index.ts";
import type { DeploymentState } from "../../core/deploy/index.ts";
import type { Default, Detail, Json, MaybeTime, StoredError, Time } from "./columns.ts";
import type { ColumnType, Selectable } from "kysely";
import type { KnownTables } from "./known-tables.ts";
import type { ExposureTables } from "./exposure-tables.ts";
import type { RunTables } from "./run-tables.ts";
export type { Detail, StoredError } from "./columns.ts";

/** What a forge is told of a commit. */
export interface ForgeReportDetail {
  readonly commit: string;
  readonly environment: EnvironmentName;
  readonly state: "pending" | "success" | "failure" | "inactive";
  /** Name of the status, or of the forge's environment. */
  readonly name: string;
  readonly description: string;
}

/** One check of a verification, as the contract shows it. */
export interface StoredCheck {
  readonly name: string;
  readonly verdict: "passed" | "failed" | "warned" | "not_run";
  readonly message: string;
  /** Only a person may let pass what it says. */
  readonly asks?: true;
}

export type PromotionKind = "forward" | "rollback";
export type PromotionState = "intent" | "confirmed" | "conflict" | "refused";
export type Verdict = "passed" | "failed" | "not_run";

/**
 * Where a bump stands. `waiting`: for its cool-down. `intent`: a push is under way. `proposed`: a pull request waits for people. `closing`: we are about to close it. `merged`, `committed`: the branch has it.
 * `declined`: a person does not want it. `refused`: it could not be made, or not be proven. `ended`: it is not needed any more.
 */
export type BumpState =
  "waiting" | "intent" | "proposed" | "closing" | "merged" | "committed" | "declined" | "refused" | "ended";

/** A version that must not come back: what a quarantined digest brought. */
export interface BlockedPackage {
  readonly name: string;
  readonly architecture: string;
  readonly version: string;
  /** Only as long as the image is checked under these terms; always without it. */
  readonly terms?: Digest;
}

/** A digest of somebody else's image that must not come again: what a quarantined digest was made of. */
export interface BlockedBase {
  /** As its upstream is called. */
  readonly name: string;
  readonly digest: Digest;
  /** Only as long as the image is checked under these terms; always without it. */
  readonly terms?: Digest;
}

/** The tables, in camel case; migrations/ has what each column means. */
export interface Tables extends KnownTables, ExposureTables, RunTables {
  plan: { id: string; createdAt: Time; detail: Json<Detail> };
  rebuild: {
    id: string;
    image: ImageName;
    plan: string | null;
    state: RebuildState;
    lane: Lane;
    notBefore: Time;
    candidate: Digest | null;
    recipeKey: string;
    parentRebuilds: Default<readonly string[]>;
    attempts: Default<number>;
    fence: Default<number>;
    leaseOwner: string | null;
    leaseUntil: MaybeTime;
    lastError: Json<StoredError | null> | null;
    detail: Json<Detail>;
    createdAt: Time;
    updatedAt: Time;
    finishedAt: MaybeTime;
  };
  question: {
    key: string;
    kind: string;
    image: ImageName;
    environment: EnvironmentName;
    digest: Digest;
    rebuild: string;
    message: string;
    answer: string;
    askedAt: Time;
    closedAt: MaybeTime;
  };
  checkLog: { verification: string; name: string; at: Time; packed: string };
  buildLog: { rebuild: string; at: Time; text: string; leftOut: number };
  cause: { rebuild: string; key: string; kind: Cause["kind"]; detail: Json<Cause> };
  rebuildStep: { rebuild: string; key: string; fence: number; detail: Json<Detail>; doneAt: Time };
  verification: {
    id: string;
    image: ImageName;
    rebuild: string;
    digest: Digest;
    environment: EnvironmentName;
    verdict: Verdict | null;
    checks: Json<readonly StoredCheck[]>;
    startedAt: Time;
    finishedAt: MaybeTime;
    told: ColumnType<Verdict | null, Verdict | undefined, Verdict>;
    waiting: ColumnType<Detail | null, string | null | undefined, string | null>;
    resumeAt: MaybeTime;
  };
  promotion: {
    id: string;
    image: ImageName;
    environment: EnvironmentName;
    digest: Digest;
    previous: Digest | null;
    rebuild: string | null;
    kind: PromotionKind;
    state: PromotionState;
    by: string;
    reason: string;
    detail: Json<Detail>;
    fence: number;
    createdAt: Time;
    confirmedAt: MaybeTime;
  };
  pointer: {
    image: ImageName;
    environment: EnvironmentName;
    digest: Digest | null;
    previous: Digest | null;
    promotion: string | null;
    since: MaybeTime;
    fence: Default<number>;
  };
  deployment: {
    id: string;
    name: string;
    image: ImageName;
    environment: EnvironmentName;
    digest: Digest;
    previous: Digest | null;
    promotion: string | null;
    kind: PromotionKind;
    state: DeploymentState;
    by: string;
    reason: string;
    detail: Json<Detail>;
    fence: number;
    createdAt: Time;
    appliedAt: MaybeTime;
    confirmedAt: MaybeTime;
    finishedAt: MaybeTime;
  };
  deployed: {
    name: string;
    image: ImageName;
    digest: Digest | null;
    deployment: string | null;
    since: MaybeTime;
    waiting: string | null;
    fence: Default<number>;
    leaseOwner: string | null;
    leaseUntil: MaybeTime;
    /** In the target's own words. */
    brought: ColumnType<unknown, string | null | undefined, string | null>;
  };
  bump: {
    key: string;
    repository: string;
    branch: string;
    file: string;
    type: BumpType;
    package: string;
    images: Json<readonly ImageName[]>;
    moves: Json<readonly BumpMove[]>;
    findings: Json<readonly BumpFinding[]>;
    state: BumpState;
    reason: string;
    inputs: string | null;
    head: string | null;
    url: string | null;
    proposals: ColumnType<readonly BumpProposal[], string | undefined, string>;
    code: ColumnType<string | null, string | null | undefined, string | null>;
    firstSeen: Time;
    retryAt: MaybeTime;
    updatedAt: Time;
    fence: Default<number>;
    leaseOwner: string | null;
    leaseUntil: MaybeTime;
  };
  soak: { image: ImageName; environment: EnvironmentName; promotion: string; stoodMs: number; detail: Json<Detail> };
  hold: {
    id: string;
    image: ImageName | null;
    environment: EnvironmentName | null;
    byPerson: boolean;
    who: string;
    reason: string;
    until: MaybeTime;
    createdAt: Time;
    liftedAt: MaybeTime;
    liftedBy: string | null;
  };
  vexStatement: {
    id: string;
    vulnerability: string;
    package: string | null;
    image: ImageName | null;
    status: "not_affected" | "affected" | "fixed" | "under_investigation";
    justification: string | null;
    reason: string;
    author: string;
    until: MaybeTime;
    createdAt: Time;
    createdBy: string;
    removedAt: MaybeTime;
    removedBy: string | null;
  };
  approval: {
    image: ImageName;
    environment: EnvironmentName;
    digest: Digest;
    who: string;
    verdict: "approved" | "rejected";
    reason: string;
    createdAt: Time;
  };
  evidence: {
    image: ImageName;
    digest: Digest;
    subject: Digest;
    predicate: string;
    scope: string;
    key: string;
    bundle: string | null;
    artifact: Digest | null;
    createdAt: Time;
    attachedAt: MaybeTime;
  };
  quarantine: {
    image: ImageName;
    digest: Digest;
    packages: Json<readonly BlockedPackage[]>;
    bases: Json<readonly BlockedBase[]>;
    reason: string;
    who: string;
    createdAt: Time;
  };
  audit: {
    seq: number;
    at: Time;
    actor: string;
    action: string;
    detail: Json<Detail>;
    previous: string;
    hash: string;
  };
  alarm: {
    key: string;
    code: string;
    subject: string;
    severity: "warning" | "error";
    message: string;
    hint: string | null;
    since: Time;
    lastSeen: Time;
    clearedAt: MaybeTime;
  };
  notification: {
    id: string;
    event: string;
    body: Json<Detail>;
    attempts: Default<number>;
    nextAttempt: Time;
    createdAt: Time;
    deliveredAt: MaybeTime;
    lastError: string | null;
    /** Null until it is decided who is told. */
    receiver: string | null;
    about: string | null;
    repeats: Default<number>;
  };
  accountAllocation: { name: string; uid: number; gid: number };
  token: {
    id: string;
    name: string;
    hash: Digest;
    person: string | null;
    roles: Json<readonly string[]>;
    labels: Json<readonly string[]>;
    createdAt: Time;
    createdBy: string;
    expiresAt: Time;
    lastUsedAt: MaybeTime;
    revokedAt: MaybeTime;
    revokedBy: string | null;
  };
  session: {
    id: string;
    hash: Digest;
    name: string;
    subject: string;
    roles: Json<readonly string[]>;
    labels: Json<readonly string[]>;
    rules: Digest;
    createdAt: Time;
    lastUsedAt: Time;
    expiresAt: Time;
    endedAt: MaybeTime;
    endedBy: string | null;
  };
  idempotency: {
    caller: string;
    key: string;
    operation: string;
    input: Digest;
    server: string;
    state: "begun" | "answered" | "done";
    status: number | null;
    answer: string | null;
    createdAt: Time;
  };
  setting: { key: string; value: Json<unknown> };
  forgeReport: {
    key: string;
    image: ImageName;
    kind: "status" | "deployment";
    detail: Json<ForgeReportDetail>;
    wanted: string;
    said: string | null;
    remote: string | null;
    attempts: ColumnType<number, number | undefined, number>;
    nextAttempt: Time;
    lastError: string | null;
    createdAt: Time;
    updatedAt: Time;
  };
  event: {
    id: string;
    endpoint: string;
    key: string;
    subjects: Json<readonly Subject[]>;
    receivedAt: Time;
    lookedAt: MaybeTime;
  };
}

/** A row as it is read: moments are Instants, what is not there is null. */
export type Row<Name extends keyof Tables> = Selectable<Tables[Name]>;

export type Image = Row<"image">;
export type Upstream = Row<"upstream">;
export type Observation = Row<"observation">;
export type PackageSeen = Row<"packageSeen">;
export type ImageRemedy = Row<"imageRemedy">;
export type ImageDigest = Row<"imageDigest">;
export type PlanRow = Row<"plan">;
export type Rebuild = Row<"rebuild">;
export type RebuildStep = Row<"rebuildStep">;
export type Verification = Row<"verification">;
export type Promotion = Row<"promotion">;
export type Pointer = Row<"pointer">;
export type Deployment = Row<"deployment">;
export type Deployed = Row<"deployed">;
export type Bump = Row<"bump">;
export type ForgeReport = Row<"forgeReport">;
export type ExternalRun = Row<"externalRun">;
export type Soak = Row<"soak">;
export type Hold = Row<"hold">;
export type VexStatementRow = Row<"vexStatement">;
export type Approval = Row<"approval">;
export type Quarantine = Row<"quarantine">;
export type EvidenceRow = Row<"evidence">;
export type Exposure = Row<"exposure">;
export type ExposureRebuild = Row<"exposureRebuild">;
export type AuditRow = Row<"audit">;
export type Alarm = Row<"alarm">;
export type Question = Row<"question">;
export type Notification = Row<"notification">;
export type AccountAllocation = Row<"accountAllocation">;
export type IdempotencyRow = Row<"idempotency">;
export type TokenRow = Row<"token">;
export type SessionRow = Row<"session">;

/** A moment as timestamptz takes it. */
export function timestamp(at: Instant): string {
  return new Date(at).toISOString();
}

/** A value as jsonb takes it. PostgreSQL has no U+0000 in text: it becomes U+FFFD. */
export function json(value: unknown): string {
  return JSON.stringify(value).replaceAll("\\u0000", "\\ufffd");
}
