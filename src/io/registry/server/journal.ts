import {
  closeSync,
  fdatasync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
  write as writeFd,
} from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { crc32 } from "node:zlib";
import { syncFolder } from "../../../lib/index.ts";
import type { JournalRecord } from "./state.ts";

/** An append-only file of what changed. Records are kept in order: one that outlives a power cut has all before it there too. */
export interface Journal {
  /** Bytes of the file. */
  size(): number;
  /** Resolves once the records outlive the process; a power cut within the next second may still undo them. */
  write(...records: readonly JournalRecord[]): Promise<void>;
  /** Resolves once the records outlive a power cut. Many that wait share one fsync. */
  sync(...records: readonly JournalRecord[]): Promise<void>;
  /** Replaces the file by the records that `snapshot` yields; they must contain all that was appended so far. Where that fails nothing is lost. */
  rewrite(snapshot: () => Iterable<JournalRecord>): Promise<void>;
  close(): Promise<void>;
}

/** What {@link readJournal} found. */
export interface JournalReading {
  /** Bytes up to the last whole line. */
  readonly bytes: number;
  readonly records: number;
  /** Lines whose checksum is wrong, a torn last line not counted. */
  readonly damaged: number;
}

interface Waiter {
  resolve(): void;
  reject(reason: unknown): void;
}

const syncData = promisify(fdatasync);
const newline = 10;
/** What was written is made to outlive a power cut after this many milliseconds, though nobody waits for it. */
const syncLateMs = 1000;

/** Gives every whole record of the file to `apply`, in order; lines with a wrong checksum are counted and passed over. */
export function readJournal(path: string, apply: (record: JournalRecord) => void): JournalReading {
  const file = openSync(path, "a+", 0o600);
  try {
    let rest = Buffer.alloc(0);
    let position = 0;
    let records = 0;
    let damaged = 0;
    for (;;) {
      const chunk = Buffer.allocUnsafe(4 * 1024 * 1024);
      const got = readSync(file, chunk, 0, chunk.byteLength, position);
      if (got === 0) return { bytes: position - rest.byteLength, records, damaged };
      position += got;
      const bytes = rest.byteLength > 0 ? Buffer.concat([rest, chunk.subarray(0, got)]) : chunk.subarray(0, got);
      let start = 0;
      for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, start)) {
        const record = parseLine(bytes.subarray(start, end));
        if (record === undefined) damaged++;
        else {
          apply(record);
          records++;
        }
        start = end + 1;
      }
      rest = Buffer.from(bytes.subarray(start));
    }
  } finally {
    closeSync(file);
  }
}

/**
 * The journal at `path`, to be continued at byte `start`. When the disk fails the file is cut back to its last whole
 * record, `onFailure` is called so that memory can be read anew from the file, and every waiting call is rejected.
 */
export function openJournal(path: string, start: number, onFailure: () => void): Journal {
  let file = openSync(path, "r+");
  ftruncateSync(file, start);
  let written = start;
  let synced = start;
  let lines: string[] = [];
  let toWrite: Waiter[] = [];
  let toSync: Waiter[] = [];
  let rewriting: (Waiter & { readonly snapshot: () => Iterable<JournalRecord> }) | undefined;
  let writing: Promise<void> | undefined;
  let syncing: Promise<void> | undefined;
  let late: NodeJS.Timeout | undefined;

  async function writeAll(): Promise<void> {
    // Lets every request that is being handled in this turn of the loop join the batch.
    await new Promise((resolve) => setImmediate(resolve));
    while (toWrite.length > 0 || rewriting !== undefined) {
      const waiting = toWrite;
      const bytes = Buffer.from(lines.join(""));
      const asked = rewriting;
      [lines, toWrite, rewriting] = [[], [], undefined];
      try {
        if (asked === undefined || !(await replaced(asked))) await extend(bytes);
        for (const each of waiting) each.resolve();
      } catch (error) {
        fail(written, error, waiting);
      }
    }
    writing = undefined;
  }

  async function syncAll(): Promise<void> {
    while (toSync.length > 0) {
      const waiting = toSync;
      toSync = [];
      const upTo = written;
      try {
        await syncData(file);
        synced = Math.max(synced, upTo);
        for (const each of waiting) each.resolve();
      } catch (error) {
        fail(synced, error, waiting);
      }
    }
    syncing = undefined;
  }

  async function extend(bytes: Buffer): Promise<void> {
    for (let done = 0; done < bytes.byteLength;) {
      done += await writeAt(file, bytes.subarray(done), written + done);
    }
    written += bytes.byteLength;
    late ??= setTimeout(() => {
      late = undefined;
      if (synced < written) waitForSync().catch(() => undefined);
    }, syncLateMs).unref();
  }

  /** Whether the file was replaced. When it could not be, who asked for it is told, and the old file goes on. */
  async function replaced(asked: NonNullable<typeof rewriting>): Promise<boolean> {
    const aside = `${path}.part`;
    let next: number | undefined;
    try {
      next = openSync(aside, "w", 0o600);
      const size = writeRecords(next, asked.snapshot());
      await syncData(next);
      await untilSynced();
      renameSync(aside, path);
      closeSync(file);
      [file, written, synced, next] = [next, size, size, undefined];
      await syncFolder(dirname(path));
    } catch (error) {
      if (next !== undefined) closeSync(next);
      rmSync(aside, { force: true });
      asked.reject(error);
      return false;
    }
    asked.resolve();
    return true;
  }

  async function untilSynced(): Promise<void> {
    if (syncing === undefined) return;
    await syncing;
    await untilSynced();
  }

  function fail(size: number, error: unknown, waiting: readonly Waiter[]): void {
    const all = [...waiting, ...toWrite, ...toSync];
    [lines, toWrite, toSync, written, synced] = [[], [], [], size, Math.min(size, synced)];
    try {
      ftruncateSync(file, size);
      onFailure();
    } catch (cause) {
      for (const each of all) each.reject(cause);
    }
    for (const each of all) each.reject(error);
  }

  function waitForWrite(): Promise<void> {
    return new Promise((resolve, reject) => {
      toWrite.push({ resolve, reject });
      writing ??= writeAll();
    });
  }

  function waitForSync(): Promise<void> {
    return new Promise((resolve, reject) => {
      toSync.push({ resolve, reject });
      syncing ??= syncAll();
    });
  }

  function write(...records: readonly JournalRecord[]): Promise<void> {
    for (const record of records) lines.push(formatLine(record));
    return waitForWrite();
  }

  return {
    size: () => written,
    write,
    sync: async (...records) => {
      await write(...records);
      await waitForSync();
    },
    rewrite: (snapshot) =>
      new Promise((resolve, reject) => {
        rewriting?.reject(new Error("another rewrite took its place"));
        rewriting = { snapshot, resolve, reject };
        writing ??= writeAll();
      }),
    close: async () => {
      clearTimeout(late);
      await writing;
      if (synced < written) await waitForSync();
      closeSync(file);
    },
  };
}

/** Writes all records to an open file; gives their bytes. */
function writeRecords(file: number, records: Iterable<JournalRecord>): number {
  let size = 0;
  let part: string[] = [];
  const flush = (): void => {
    const bytes = Buffer.from(part.join(""));
    for (let done = 0; done < bytes.byteLength;) done += writeSync(file, bytes, done);
    size += bytes.byteLength;
    part = [];
  };
  for (const record of records) {
    part.push(formatLine(record));
    if (part.length >= 4096) flush();
  }
  flush();
  return size;
}

function formatLine(record: JournalRecord): string {
  const json = JSON.stringify(record);
  return `${crc32(json).toString(16).padStart(8, "0")} ${json}\n`;
}

function parseLine(line: Buffer): JournalRecord | undefined {
  const json = line.subarray(9);
  if (crc32(json).toString(16).padStart(8, "0") !== line.toString("latin1", 0, 8)) return undefined;
  return JSON.parse(json.toString("utf8")) as JournalRecord;
}

const writeAsync = promisify(writeFd) as unknown as (
  file: number,
  bytes: Buffer,
  offset: number,
  length: number,
  position: number,
) => Promise<{ bytesWritten: number }>;

async function writeAt(file: number, bytes: Buffer, position: number): Promise<number> {
  return (await writeAsync(file, bytes, 0, bytes.byteLength, position)).bytesWritten;
}
