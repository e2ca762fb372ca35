import { stat } from "node:fs/promises";
import { isAbsolute } from "node:path";
import { backupStore, StoreError, type Store } from "../../io/store/index.ts";
import { messageOf, type Clock } from "../../lib/index.ts";
import { formatInstant, OperationError, type OperationHandlers } from "../../operation/index.ts";

export interface BackupDeps {
  readonly store: Store;
  readonly clock: Clock;
}

/**
 * Writes a snapshot of the store to a file of this machine, whole or not at all. What is in registries is not in it. Throws BAD_INPUT for a path that cannot be
 * a file, DISK where it cannot be written.
 */
export function createBackup({ store, clock }: BackupDeps): OperationHandlers["backup"] {
  return async ({ to }) => {
    requirePath("backup", to);
    const there = await stat(to).catch(() => undefined);
    if (there !== undefined && !there.isFile()) {
      throw new OperationError("BAD_INPUT", `backup: ${to} is there and is not a file`, {
        hint: "Name a file in it, as `tidemill-2026-01-31.jsonl.gz`.",
      });
    }
    try {
      const { at, path, bytes, sha256 } = await backupStore(store, to, clock.now());
      return { at: formatInstant(at), path, bytes, sha256 };
    } catch (error) {
      if (error instanceof StoreError) throw error;
      throw new StoreError("DISK", `${to} cannot be written: ${messageOf(error)}`, {
        hint: "Choose a folder that the process which holds the state may write, with space for it.",
        cause: error,
      });
    }
  };
}

/** Refuses a path that would mean something else to whoever asked: relative ones, and those with a NUL. */
export function requirePath(operation: "backup" | "restore" | "evidence export", path: string): void {
  if (isAbsolute(path) && !path.includes("\0")) return;
  throw new OperationError(
    "BAD_INPUT",
    `${operation}: the path must be absolute: it is opened by the process that holds the state`,
  );
}
