import { open, readFile, truncate, type FileHandle } from "node:fs/promises";
import { canonicalJson, sha256 } from "../../lib/index.ts";
import { StoreError } from "./error.ts";
import type { AuditRow, Detail } from "./schema.ts";

/** The hash of a row: of its {@link auditContent}. */
export function auditHash(row: Omit<AuditRow, "hash">): string {
  return sha256(auditContent(row));
}

/** What a row's hash covers: all of it but the hash, in canonical JSON. */
export function auditContent(row: Omit<AuditRow, "hash">): string {
  const { seq, at, actor, action, detail, previous } = row;
  return canonicalJson({ seq, at, actor, action, detail, previous });
}

export interface AuditFile {
  readonly path: string;
  /** Writes rows and makes them outlive a power cut; rows that a full disk kept out are written first the next time. */
  append(rows: readonly AuditRow[]): Promise<void>;
  close(): Promise<void>;
}

/** Opens or makes the file at `path` for appending. Calls that come together share one fsync. */
export async function openAuditFile(path: string): Promise<AuditFile> {
  const file = await open(path, "a", 0o600);
  let pending: AuditRow[] = [];
  let flush: Promise<void> | undefined;

  const writePending = async (): Promise<void> => {
    await Promise.resolve();
    while (pending.length > 0) {
      const batch = pending;
      pending = [];
      const size = (await file.stat()).size;
      try {
        await file.appendFile(batch.map((row) => `${auditLine(row)}\n`).join(""));
        await file.datasync();
      } catch (error) {
        pending = [...batch, ...pending];
        // A part of a line would hide what is written after it.
        await file.truncate(size).catch(() => undefined);
        throw new StoreError("DISK", `the audit file cannot be written: ${path}`, {
          retry: true,
          cause: error,
          hint: "Free space on the disk. Nothing goes on before what it is about to do is written down.",
        });
      }
    }
  };
  return {
    path,
    append: (rows) => {
      pending.push(...rows);
      flush ??= writePending().finally(() => (flush = undefined));
      return flush;
    },
    close: async () => {
      await flush?.catch(() => undefined);
      await file.close();
    },
  };
}

/** One row as its line, without the line's end. */
export function auditLine(row: AuditRow): string {
  const { seq, at, actor, action, detail, previous, hash } = row;
  return canonicalJson({ seq, at, actor, action, detail, previous, hash });
}

/** A line as a row; undefined where it is not one. */
export function parseAuditLine(line: string): AuditRow | undefined {
  try {
    const value = JSON.parse(line) as Record<string, unknown>;
    const { seq, at, actor, action, detail, previous, hash } = value;
    if (typeof seq !== "number" || typeof at !== "number" || typeof actor !== "string") return undefined;
    if (typeof action !== "string" || typeof previous !== "string" || typeof hash !== "string") return undefined;
    if (typeof detail !== "object" || detail === null) return undefined;
    return { seq, at, actor, action, detail: detail as Detail, previous, hash };
  } catch {
    return undefined;
  }
}

/** The last whole row of the file; `torn` are the bytes after the last line's end, which are cut off. */
export async function readAuditTail(path: string): Promise<{ row: AuditRow | undefined; torn: number }> {
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { row: undefined, torn: 0 };
    throw error;
  }
  try {
    const { size } = await file.stat();
    for (let span = 65_536; ; span *= 4) {
      const start = Math.max(0, size - span);
      const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), 0, size - start, start);
      const text = buffer.subarray(0, bytesRead);
      const end = text.lastIndexOf(10);
      if (end === -1 && start > 0) continue;
      const torn = bytesRead - (end + 1);
      if (torn > 0) await truncate(path, size - torn);
      if (end === -1) return { row: undefined, torn };
      const begin = text.lastIndexOf(10, end - 1);
      if (begin === -1 && start > 0) continue;
      return { row: parseAuditLine(text.toString("utf8", begin + 1, end)), torn };
    }
  } finally {
    await file.close();
  }
}

/** Every line of the file as a row, or undefined for one that cannot be read; nothing where there is no file. */
export async function readAuditFile(path: string): Promise<(AuditRow | undefined)[]> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  const lines = text.split("\n");
  lines.pop();
  return lines.map(parseAuditLine);
}
