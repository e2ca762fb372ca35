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
    const path = await makeFilled(dir, options, (engine) => fillFromBackup(engine, backup, head.migrations));
    const kept = await replaceDatabase(dir, path, `before-restore-${options.clock.now()}`);
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
    if (await isNew(dir)) await createPglite(database);
    // PGlite makes a new database where it finds none: here it would hide that one is lost.
    if (!(await exists(join(database, "PG_VERSION")))) throw new StoreError("DAMAGED", "its PG_VERSION is gone");
    engine = await openDatabase(database, options);
    await applyMigrations(engine, await readMigrations());
    if (unclean) await readEverything(engine);
    return engine;
  } catch (error) {
    await engine?.close();
    if (error instanceof StoreError && notDamage.has(error.code)) throw error;
    return openReplaced(dir, error, recovery, options);
  }
}

/** Failures that say nothing of the files: who recovered from them would go back in time for nothing. */
const notDamage: ReadonlySet<string> = new Set(["BAD_MIGRATION", "DISK", "TIMEOUT"]);

/** Nothing was ever kept here. */
async function isNew(dir: string): Promise<boolean> {
  for (const name of [names.database, names.audit]) if (await exists(join(dir, name))) return false;
  return (await listSnapshots(join(dir, names.snapshots))).length === 0;
}

function openDatabase(path: string, options: DirectoryOptions): Promise<SqlEngine> {
  return openPglite(path, { statementMs: options.statementMs ?? 30_000, log: options.log });
}

/** Opens what can be had in place of a database that cannot be opened; that one is kept beside it. */
async function openReplaced(
  dir: string,
  failure: unknown,
  recovery: string[],
  options: DirectoryOptions,
): Promise<SqlEngine> {
  const made = await makeReplacement(dir, options);
  const kept = await replaceDatabase(dir, made.path, `damaged-${options.clock.now()}`);
  const where = kept === undefined ? "it is gone" : `it is kept as ${kept}`;
  recovery.push(`the database could not be opened (${messageOf(failure)}): ${where}`, ...made.said);
  return openDatabase(join(dir, names.database), options);
}

/** A database of the newest snapshot that can be read, or an empty one, and what is to be said of it. */
async function makeReplacement(
  dir: string,
  options: DirectoryOptions,
): Promise<{ readonly path: string; readonly said: readonly string[] }> {
  const said: string[] = [];
  for (const snapshot of await listSnapshots(join(dir, names.snapshots))) {
    try {
      const head = await readBackupHead(snapshot);
      const path = await makeFilled(dir, options, (engine) => fillFromBackup(engine, snapshot, head.migrations));
      said.push(`the snapshot of ${new Date(head.at).toISOString()} took its place`);
      return { path, said };
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== "BAD_BACKUP") throw error;
      said.push(`a snapshot could not be used: ${error.message}`);
    }
  }
  said.push("there is no snapshot: what the audit file holds is all that is left");
  const path = await makeFilled(dir, options, async (engine) => {
    await applyMigrations(engine, await readMigrations());
  });
  return { path, said };
}

/** Makes a database beside the one that is there and fills it: nobody ever opens one that is half filled. */
async function makeFilled(
  dir: string,
  options: DirectoryOptions,
  fill: (engine: SqlEngine) => Promise<void>,
): Promise<string> {
  const path = join(dir, `${names.database}.filling`);
  await rm(path, { recursive: true, force: true });
  await createPglite(path);
  const engine = await openDatabase(path, options);
  try {
    await fill(engine);
    await engine.close();
    return path;
  } catch (error) {
    await engine.close();
    await rm(path, { recursive: true, force: true });
    throw error;
  }
}

/** Puts the database at `path` in its place; resolves to where the old one is kept. */
async function replaceDatabase(dir: string, path: string, suffix: string): Promise<string | undefined> {
  const kept = await setAside(join(dir, names.database), suffix);
  await rename(path, join(dir, names.database));
  return kept;
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
