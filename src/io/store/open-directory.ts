import { chmod, mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { messageOf, type Clock, type Instant, type Logger } from "../../lib/index.ts";
import { openAuditFile, type AuditFile } from "./audit-file.ts";
import { dropTables, fillTables, readBackupHead } from "./backup.ts";
import { createDatabase } from "./database.ts";
import { StoreError } from "./error.ts";
import { takeLock } from "./lock-file.ts";
import { applyMigrations, applyMissing, readMigrations } from "./migrate.ts";
import { createPglite, openPglite } from "./pglite.ts";
import { repairAudit } from "./repair-audit.ts";
import { inTransaction, withConnection, type SqlEngine } from "./sql-engine.ts";

export interface DirectoryOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly statementMs?: number;
}

export interface OpenDirectory {
  readonly engine: SqlEngine;
  readonly auditFile: AuditFile;
  readonly snapshots: string;
  readonly recovery: readonly string[];
  readonly announce: (address: string, token: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Names in the directory. */
const names = { lock: "lock", database: "pglite", audit: "audit.jsonl", snapshots: "snapshots" } as const;

/** Path of the lock file of a directory. */
export function lockPath(dir: string): string {
  return join(dir, names.lock);
}

/** Opens the database in `dir` under its lock, whole: from itself, else from its newest snapshot, and brought together with the audit file. */
export async function openDirectory(dir: string, options: DirectoryOptions): Promise<OpenDirectory> {
  const { clock, log } = options;
  await makeFolder(dir);
  let engine: SqlEngine | undefined;
  const lock = await takeLock(lockPath(dir), (error) => {
    log.error({ err: error }, error.message);
    void engine?.close();
  });
  try {
    const recovery: string[] = [];
    engine = await openWhole(dir, lock.tookOver, recovery, options);
    const opened = engine;
    const repaired = await repairAudit(createDatabase(opened, { clock, log }), join(dir, names.audit), openAuditFile);
    recovery.push(...repaired.reconciled);
    return {
      engine: opened,
      auditFile: repaired.file,
      snapshots: join(dir, names.snapshots),
      recovery,
      announce: lock.announce,
      close: async () => {
        await opened.close();
        await repaired.file.close();
        await lock.release();
      },
    };
  } catch (error) {
    await engine?.close();
    await lock.release();
    throw error instanceof StoreError
      ? error
      : new StoreError("DISK", `${dir} cannot be opened: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * Puts a backup in the place of what `dir` holds, which is kept beside it. Resolves to the time of the backup and to where the old database was put.
 */
export async function restoreDirectory(
  dir: string,
  backup: string,
  options: DirectoryOptions,
): Promise<{ readonly at: Instant; readonly kept: string | undefined }> {
  const head = await readBackupHead(backup);
  await makeFolder(dir);
  const lock = await takeLock(lockPath(dir), () => undefined);
  try {
    const kept = await setAside(join(dir, names.database), `before-restore-${options.clock.now()}`);
    const engine = await openFilled(dir, backup, head.migrations, options);
    await engine.close();
    return { at: head.at, kept };
  } finally {
    await lock.release();
  }
}

async function openWhole(
  dir: string,
  unclean: boolean,
  recovery: string[],
  options: DirectoryOptions,
): Promise<SqlEngine> {
  const database = join(dir, names.database);
  let engine: SqlEngine | undefined;
  try {
    if (!(await exists(database))) await createPglite(database);
    engine = await openPglite(database, { statementMs: options.statementMs ?? 30_000, log: options.log });
    await applyMigrations(engine, await readMigrations());
    if (unclean) await readEverything(engine);
    return engine;
  } catch (error) {
    await engine?.close();
    if (error instanceof StoreError && (error.code === "BAD_MIGRATION" || error.code === "DISK")) throw error;
    return openFromSnapshot(dir, error, recovery, options);
  }
}

async function openFromSnapshot(
  dir: string,
  failure: unknown,
  recovery: string[],
  options: DirectoryOptions,
): Promise<SqlEngine> {
  const kept = await setAside(join(dir, names.database), `damaged-${options.clock.now()}`);
  recovery.push(`the database could not be opened (${messageOf(failure)}): it is kept as ${kept ?? "nothing"}`);
  for (const snapshot of await listSnapshots(join(dir, names.snapshots))) {
    try {
      const head = await readBackupHead(snapshot);
      const engine = await openFilled(dir, snapshot, head.migrations, options);
      recovery.push(`the snapshot of ${new Date(head.at).toISOString()} took its place`);
      return engine;
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== "BAD_BACKUP") throw error;
      recovery.push(`a snapshot could not be used: ${error.message}`);
    }
  }
  recovery.push("there is no snapshot: what the audit file holds is all that is left");
  await createPglite(join(dir, names.database));
  const engine = await openPglite(join(dir, names.database), {
    statementMs: options.statementMs ?? 30_000,
    log: options.log,
  });
  await applyMigrations(engine, await readMigrations());
  return engine;
}

/** A new database with the tables that the backup was made of, its rows, and the migrations since. */
async function openFilled(
  dir: string,
  backup: string,
  applied: readonly string[],
  options: DirectoryOptions,
): Promise<SqlEngine> {
  const database = join(dir, names.database);
  await createPglite(database);
  const engine = await openPglite(database, { statementMs: options.statementMs ?? 30_000, log: options.log });
  try {
    await fillFromBackup(engine, backup, applied);
    return engine;
  } catch (error) {
    await engine.close();
    await rm(database, { recursive: true, force: true });
    throw error;
  }
}

/**
 * Makes the tables as they were when the backup was made, fills them, and applies the migrations since: all of it or nothing. With `replace` our
 * tables that are there go first.
 */
export async function fillFromBackup(
  engine: SqlEngine,
  backup: string,
  applied: readonly string[],
  replace = false,
): Promise<void> {
  const migrations = await readMigrations();
  const unknown = applied.find((name) => !migrations.some((one) => one.name === name));
  if (unknown !== undefined) {
    throw new StoreError("BAD_BACKUP", `${backup} was made by a newer version: it has the migration ${unknown}`, {
      hint: "Restore it with the version that made it.",
    });
  }
  await inTransaction(engine, "begin", async (session) => {
    if (replace) await dropTables(session);
    await applyMissing(
      session,
      migrations.filter(({ name }) => applied.includes(name)),
    );
    await fillTables(session, backup);
    await applyMissing(session, migrations);
  });
}

/** Newest first. */
export async function listSnapshots(folder: string): Promise<string[]> {
  const found = await readdir(folder).catch(() => []);
  return found
    .filter((name) => name.endsWith(".jsonl.gz"))
    .sort()
    .toReversed()
    .map((name) => join(folder, name));
}

/** After a stop that was not clean: a page that was torn shows when it is read, and it is better read now. */
async function readEverything(engine: SqlEngine): Promise<void> {
  await withConnection(engine, async (session) => {
    const { rows } = await session.query("select tablename from pg_tables where schemaname = 'public'");
    for (const { tablename } of rows) {
      await session.query(`select count(*), max(length(t::text)) from "${String(tablename)}" t`);
    }
  });
}

async function setAside(path: string, suffix: string): Promise<string | undefined> {
  if (!(await exists(path))) return undefined;
  const aside = `${path}.${suffix}-${randomUUID().slice(0, 8)}`;
  await rename(path, aside);
  return aside;
}

async function makeFolder(dir: string): Promise<void> {
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    await chmod(dir, 0o700);
  } catch (error) {
    throw new StoreError("DISK", `${dir} cannot be made or written: ${messageOf(error)}`, {
      cause: error,
      hint: "Choose a directory that this user may write, with --data or TIDEMILL_DATA.",
    });
  }
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
