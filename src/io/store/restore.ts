import { rm } from "node:fs/promises";
import { join } from "node:path";
import { backupEngine, readBackupHead, type Backup } from "./backup.ts";
import { fillFromBackup, listSnapshots, restoreDirectory } from "./open-directory.ts";
import { openPostgres } from "./postgres.ts";
import { openStore, type Store, type StoreOptions, type StorePlace } from "./open-store.ts";
import type { Instant } from "../../lib/index.ts";

/** Writes all of a store to one file, which restores into a directory and into PostgreSQL alike. */
export async function backupStore(store: Store, path: string, at: Instant): Promise<Backup> {
  return backupEngine(store.engine, path, at);
}

/** Keeps a snapshot where recovery looks for it, and removes all but the newest `keep`. Undefined with PostgreSQL. */
export async function saveSnapshot(store: Store, at: Instant, keep = 5): Promise<Backup | undefined> {
  if (store.snapshots === undefined) return undefined;
  const name = `${new Date(at).toISOString().replaceAll(":", "-")}.jsonl.gz`;
  const snapshot = await backupEngine(store.engine, join(store.snapshots, name), at);
  for (const old of (await listSnapshots(store.snapshots)).slice(keep)) await rm(old, { force: true });
  return snapshot;
}

/**
 * Puts a backup in the place of what is there. The backup is read through before anything is touched. In a directory the old database is kept beside the new one, and
 * what the audit file knows beyond the backup is done again. In PostgreSQL our tables are replaced in one transaction. Resolves to the time of the backup and what was reconciled.
 */
export async function restoreStore(
  place: StorePlace,
  path: string,
  options: StoreOptions,
): Promise<{ readonly at: Instant; readonly reconciled: readonly string[] }> {
  if ("databaseUrl" in place) {
    const head = await readBackupHead(path);
    const engine = openPostgres(place.databaseUrl, { statementMs: options.statementMs ?? 300_000, log: options.log });
    try {
      await fillFromBackup(engine, path, head.migrations, true);
    } finally {
      await engine.close();
    }
    return { at: head.at, reconciled: [] };
  }
  const { at, kept } = await restoreDirectory(place.dir, path, options);
  const store = await openStore(place, options);
  await store.close();
  return { at, reconciled: [...(kept === undefined ? [] : [`what was there is kept as ${kept}`]), ...store.recovery] };
}
