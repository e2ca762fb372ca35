import {
  closeSync,
  fdatasync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  writeSync,
  write as writeFd,
} from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { crc32 } from "node:zlib";
import { syncFolder } from "../../../lib/index.ts";
import type { JournalRecord } from "./state.ts";

/** An append-only file of what changed. Many waiting appends share one fsync. */
export interface Journal {
  /** Bytes of the file. */
  size(): number;
  /** Resolves once the records, and all that were appended before them, outlive a power cut. */
  append(...records: readonly JournalRecord[]): Promise<void>;
  /** Replaces the file by the records that `snapshot` yields; they must contain all that was appended so far. */
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
 * The journal at `path`, to be continued at byte `size`. When a write fails the file is cut back to what is durable,
 * `onFailure` is called so that memory can be read anew from the file, and every waiting append is rejected.
 */
export function openJournal(path: string, size: number, onFailure: () => void): Journal {
  let file = openSync(path, "r+");
  ftruncateSync(file, size);
  let lines: string[] = [];
  let waiters: Waiter[] = [];
  let working: Promise<void> | undefined;
  let snapshot: (() => Iterable<JournalRecord>) | undefined;

  async function work(): Promise<void> {
    // Lets every request that is being handled in this turn of the loop join the batch.
    await new Promise((resolve) => setImmediate(resolve));
    while (waiters.length > 0) {
      const waiting = waiters;
      const text = lines.join("");
      const make = snapshot;
      [lines, waiters, snapshot] = [[], [], undefined];
      try {
        if (make !== undefined) await replace(make);
        else await extend(Buffer.from(text));
        for (const each of waiting) each.resolve();
      } catch (error) {
        fail([...waiting, ...waiters], error);
      }
    }
    working = undefined;
  }

  async function extend(bytes: Buffer): Promise<void> {
    for (let done = 0; done < bytes.byteLength;) {
      done += await writeAt(file, bytes.subarray(done), size + done);
    }
    await syncData(file);
    size += bytes.byteLength;
  }

  async function replace(make: () => Iterable<JournalRecord>): Promise<void> {
    const aside = `${path}.part`;
    const next = openSync(aside, "w", 0o600);
    let written = 0;
    try {
      let part: string[] = [];
      const flush = (): void => {
        const bytes = Buffer.from(part.join(""));
        for (let done = 0; done < bytes.byteLength;) done += writeSync(next, bytes, done);
        written += bytes.byteLength;
        part = [];
      };
      for (const record of make()) {
        part.push(formatLine(record));
        if (part.length >= 4096) flush();
      }
      flush();
      await syncData(next);
      renameSync(aside, path);
    } catch (error) {
      closeSync(next);
      throw error;
    }
    closeSync(file);
    [file, size] = [next, written];
    await syncFolder(dirname(path));
  }

  function fail(waiting: readonly Waiter[], error: unknown): void {
    [lines, waiters, snapshot] = [[], [], undefined];
    try {
      ftruncateSync(file, size);
      onFailure();
    } finally {
      for (const each of waiting) each.reject(error);
    }
  }

  function enqueue(): Promise<void> {
    return new Promise((resolve, reject) => {
      waiters.push({ resolve, reject });
      working ??= work();
    });
  }

  return {
    size: () => size,
    append: (...records) => {
      for (const record of records) lines.push(formatLine(record));
      return enqueue();
    },
    rewrite: (make) => {
      snapshot = make;
      return enqueue();
    },
    close: async () => {
      await working;
      closeSync(file);
    },
  };
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
