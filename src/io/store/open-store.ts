import type { Clock, Digest, Logger } from "../../lib/index.ts";
import { accountAllocationQueries } from "./account-allocation.ts";
import { alarmQueries } from "./alarm.ts";
import { approvalQueries } from "./approval.ts";
import { auditQueries } from "./audit.ts";
import { bumpQueries } from "./bump.ts";
import { createDatabase, type Database } from "./database.ts";
import { deployLeaseQueries } from "./deploy-lease.ts";
import { deploymentQueries } from "./deployment.ts";
import { eventQueries } from "./event.ts";
import { forgeReportQueries } from "./forge-report.ts";
import { evidenceQueries } from "./evidence.ts";
import { exposureMeasureQueries } from "./exposure-measures.ts";
import { exposureQueries } from "./exposure.ts";
import { externalRunQueries } from "./external-run.ts";
import { findingQueries } from "./finding.ts";
import { holdQueries } from "./hold.ts";
import { idempotencyQueries } from "./idempotency.ts";
import { imageDigestQueries } from "./image-digest.ts";
import { imageQueries } from "./image.ts";
import { imageRemedyQueries } from "./image-remedy.ts";
import { inventoryQueries } from "./inventory.ts";
import { listQueries } from "./list.ts";
import { leaseQueries } from "./lease.ts";
import { applyMigrations, readMigrations } from "./migrate.ts";
import { metricQueries } from "./metric.ts";
import { notificationQueries } from "./notification.ts";
import { observationQueries } from "./observation.ts";
import { openDirectory } from "./open-directory.ts";
import { packageQueries } from "./package.ts";
import { baseVexQueries } from "./base-vex.ts";
import { packageRecordQueries } from "./package-record.ts";
import { packageSeenQueries } from "./package-seen.ts";
import { planQueries } from "./plan.ts";
import { openPostgres } from "./postgres.ts";
import { promotionCountsQueries } from "./promotion-counts.ts";
import { promotionFactsQueries } from "./promotion-facts.ts";
import { promotionQueries } from "./promotion.ts";
import { quarantineQueries } from "./quarantine.ts";
import { rebuildQueries } from "./rebuild.ts";
import { questionQueries } from "./question.ts";
import { checkLogQueries } from "./check-log.ts";
import { buildLogQueries } from "./build-log.ts";
import { sessionQueries } from "./session.ts";
import { settingQueries } from "./setting.ts";
import { soakQueries } from "./soak.ts";
import type { SqlEngine } from "./sql-engine.ts";
import { tokenQueries } from "./token.ts";
import { vexStatementQueries } from "./vex-statement.ts";
import { upstreamQueries } from "./upstream.ts";
import { verificationQueries } from "./verification.ts";

/** A directory of our own, or a PostgreSQL database by its URL. */
export type StorePlace = { readonly dir: string } | { readonly databaseUrl: string };

export interface StoreOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Bound of one statement, in milliseconds. */
  readonly statementMs?: number;
  /** Audit actions (`promoted`, `rebuild-failed`, `held`, `alarm-raised`…) that go into the outbox as well, in the same transaction. */
  readonly notifyOn?: readonly string[];
  /** The digest of the rules that decisions are made by: every row of the audit chain names it. */
  readonly policy?: Digest;
}

/** Every question and every change of the tables, one file of queries each. */
function allQueries(db: Database) {
  return {
    ...imageQueries(db),
    ...upstreamQueries(db),
    ...observationQueries(db),
    ...packageSeenQueries(db),
    ...packageRecordQueries(db),
    ...inventoryQueries(db),
    ...packageQueries(db),
    ...findingQueries(db),
    ...exposureQueries(db),
    ...exposureMeasureQueries(db),
    ...imageDigestQueries(db),
    ...imageRemedyQueries(db),
    ...planQueries(db),
    ...leaseQueries(db),
    ...rebuildQueries(db),
    ...verificationQueries(db),
    ...promotionQueries(db),
    ...promotionFactsQueries(db),
    ...promotionCountsQueries(db),
    ...deployLeaseQueries(db),
    ...deploymentQueries(db),
    ...bumpQueries(db),
    ...externalRunQueries(db),
    ...approvalQueries(db),
    ...holdQueries(db),
    ...soakQueries(db),
    ...vexStatementQueries(db),
    ...baseVexQueries(db),
    ...evidenceQueries(db),
    ...quarantineQueries(db),
    ...auditQueries(db),
    ...alarmQueries(db),
    ...notificationQueries(db),
    ...accountAllocationQueries(db),
    ...buildLogQueries(db),
    ...tokenQueries(db),
    ...sessionQueries(db),
    ...checkLogQueries(db),
    ...questionQueries(db),
    ...idempotencyQueries(db),
    ...listQueries(db),
    ...settingQueries(db),
    ...eventQueries(db),
    ...forgeReportQueries(db),
    ...metricQueries(db),
  };
}

export interface Store extends ReturnType<typeof allQueries> {
  readonly kind: SqlEngine["kind"];
  /** The database below, for the queue and for backups. */
  readonly engine: SqlEngine;
  /** What was reconciled when it was opened, one sentence each; nothing after a clean stop. */
  readonly recovery: readonly string[];
  /** Folder of the snapshots that recovery looks for; undefined with PostgreSQL, whose backups are its operator's. */
  readonly snapshots: string | undefined;
  /** With a directory: writes where the local API listens into the lock file. */
  readonly announce: (address: string, token: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

/**
 * Opens the state, making it where there is none, and brings its tables up to date. A directory that a power cut tore comes back from its last
 * snapshot and the audit file; `recovery` says what was reconciled. Throws LOCKED (another process holds the directory), UNAVAILABLE,
 * BAD_MIGRATION, DAMAGED, DISK.
 */
export async function openStore(place: StorePlace, options: StoreOptions): Promise<Store> {
  return "dir" in place ? openInDirectory(place.dir, options) : openAtUrl(place.databaseUrl, options);
}

async function openAtUrl(url: string, options: StoreOptions): Promise<Store> {
  const { log, statementMs = 30_000 } = options;
  const engine = openPostgres(url, { statementMs, log });
  try {
    await applyMigrations(engine, await readMigrations());
  } catch (error) {
    await engine.close();
    throw error;
  }
  return {
    ...allQueries(createDatabase(engine, options)),
    kind: "postgres",
    engine,
    recovery: [],
    snapshots: undefined,
    announce: () => Promise.resolve(),
    close: () => engine.close(),
  };
}

async function openInDirectory(dir: string, options: StoreOptions): Promise<Store> {
  const opened = await openDirectory(dir, options);
  const { engine, auditFile, recovery } = opened;
  const queries = allQueries(createDatabase(engine, { ...options, auditFile }));
  try {
    if (recovery.length > 0) {
      options.log.warn({ reconciled: recovery }, "the state was recovered");
      await queries.saveAudit("tidemill", "recovered", { reconciled: recovery });
    }
  } catch (error) {
    await opened.close();
    throw error;
  }
  return {
    ...queries,
    kind: "pglite",
    engine,
    recovery,
    snapshots: opened.snapshots,
    announce: opened.announce,
    close: opened.close,
  };
}
