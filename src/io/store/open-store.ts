import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Clock, Logger } from "../../lib/index.ts";
import { accountAllocationQueries } from "./account-allocation.ts";
import { alarmQueries } from "./alarm.ts";
import { openAuditFile } from "./audit-file.ts";
import { auditQueries } from "./audit.ts";
import { createDatabase, type Database } from "./database.ts";
import { StoreError } from "./error.ts";
import { holdQueries } from "./hold.ts";
import { imageDigestQueries } from "./image-digest.ts";
import { imageQueries } from "./image.ts";
import { inventoryQueries } from "./inventory.ts";
import { leaseQueries } from "./lease.ts";
import { takeLock } from "./lock-file.ts";
import { applyMigrations, readMigrations } from "./migrate.ts";
import { notificationQueries } from "./notification.ts";
import { observationQueries } from "./observation.ts";
import { packageSeenQueries } from "./package-seen.ts";
import { openPglite } from "./pglite.ts";
import { planQueries } from "./plan.ts";
import { openPostgres } from "./postgres.ts";
import { promotionFactsQueries } from "./promotion-facts.ts";
import { promotionQueries } from "./promotion.ts";
import { quarantineQueries } from "./quarantine.ts";
import { rebuildQueries } from "./rebuild.ts";
import { settingQueries } from "./setting.ts";
import type { SqlEngine } from "./sql-engine.ts";
import { upstreamQueries } from "./upstream.ts";
import { verificationQueries } from "./verification.ts";

/** A directory of our own, or a PostgreSQL database by its URL. */
export type StorePlace = { readonly dir: string } | { readonly databaseUrl: string };

export interface StoreOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Bound of one statement, in milliseconds. */
  readonly statementMs?: number;
}

/** Every question and every change of the tables, one file of queries each. */
function allQueries(db: Database) {
  return {
    ...imageQueries(db),
    ...upstreamQueries(db),
    ...observationQueries(db),
    ...packageSeenQueries(db),
    ...inventoryQueries(db),
    ...imageDigestQueries(db),
    ...planQueries(db),
    ...leaseQueries(db),
    ...rebuildQueries(db),
    ...verificationQueries(db),
    ...promotionQueries(db),
    ...promotionFactsQueries(db),
    ...holdQueries(db),
    ...quarantineQueries(db),
    ...auditQueries(db),
    ...alarmQueries(db),
    ...notificationQueries(db),
    ...accountAllocationQueries(db),
    ...settingQueries(db),
  };
}

export interface Store extends ReturnType<typeof allQueries> {
  readonly kind: SqlEngine["kind"];
  /** The database below, for the queue and for backups. */
  readonly engine: SqlEngine;
  /** With a directory: writes where the local API listens into the lock file. */
  readonly announce: (address: string, token: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Names in the directory. */
export const storeFiles = { lock: "lock", database: "pglite", audit: "audit.jsonl", snapshots: "snapshots" } as const;

/**
 * Opens the state, making it where there is none, and brings its tables up to date. Throws LOCKED (another process holds the directory),
 * UNAVAILABLE, BAD_MIGRATION, DAMAGED.
 */
export async function openStore(place: StorePlace, options: StoreOptions): Promise<Store> {
  return "dir" in place ? openDirectory(place.dir, options) : openUrl(place.databaseUrl, options);
}

async function openUrl(url: string, options: StoreOptions): Promise<Store> {
  const { clock, log, statementMs = 30_000 } = options;
  const engine = openPostgres(url, { statementMs, log });
  try {
    await applyMigrations(engine, await readMigrations());
  } catch (error) {
    await engine.close();
    throw error;
  }
  return {
    ...allQueries(createDatabase(engine, clock, log, undefined)),
    kind: "postgres",
    engine,
    announce: () => Promise.resolve(),
    close: () => engine.close(),
  };
}

async function openDirectory(dir: string, options: StoreOptions): Promise<Store> {
  const { clock, log, statementMs = 30_000 } = options;
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await chmod(dir, 0o700).catch(() => undefined);
  let engine: SqlEngine | undefined;
  const lock = await takeLock(join(dir, storeFiles.lock), (error) => {
    log.error({ err: error }, error.message);
    void engine?.close();
  });
  try {
    const [opened, migrations] = await Promise.all([
      openPglite(join(dir, storeFiles.database), { statementMs, log }),
      readMigrations(),
    ]);
    engine = opened;
    await applyMigrations(engine, migrations);
    const audit = await openAuditFile(join(dir, storeFiles.audit));
    return {
      ...allQueries(createDatabase(engine, clock, log, audit)),
      kind: "pglite",
      engine,
      announce: lock.announce,
      close: async () => {
        await opened.close();
        await audit.close();
        await lock.release();
      },
    };
  } catch (error) {
    await engine?.close();
    await lock.release();
    if (error instanceof StoreError) throw error;
    throw new StoreError("DISK", `${dir} cannot be opened`, { cause: error });
  }
}
