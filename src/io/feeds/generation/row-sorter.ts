import { closeSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { mostRowBytes, writeRow, type GenerationRow } from "./format.ts";

/** One row on its way into a generation. */
export interface SortedRow {
  readonly key: string;
  readonly id: string;
  /** As writeRow has it; good until the next row is asked for. */
  readonly bytes: Buffer;
}

/** Bytes of rows that are held before they are put in order and laid aside on disk. */
const runBytes = 24 * 1_048_576;
const readBytes = 262_144;

interface Held {
  readonly order: string;
  readonly start: number;
  readonly end: number;
}

/** Puts any number of rows in the order of key and id, in bounded memory: runs on disk, merged at the end. Blocks its thread: for a worker. */
export class RowSorter {
  private readonly folder: string;
  /** The rows that are held, one after the other: hundreds of thousands of small buffers would cost more than all else. */
  private arena: Buffer;
  private used = 0;
  private held: Held[] = [];
  private readonly runs: string[] = [];
  rows = 0;

  constructor(folder: string, limit = runBytes) {
    this.folder = folder;
    this.arena = Buffer.allocUnsafe(limit);
  }

  add(key: string, row: GenerationRow): void {
    const most = mostRowBytes(row);
    if (this.used + most > this.arena.length && this.used > 0) this.spill();
    if (most > this.arena.length) this.arena = Buffer.allocUnsafe(most);
    const end = writeRow(this.arena, this.used, row);
    this.held.push({ order: `${key}\u0002${row.id}`, start: this.used, end });
    this.used = end;
    this.rows += 1;
  }

  /** All rows in order; those of one key and id as they were added. */
  *sorted(): Generator<SortedRow> {
    if (this.runs.length === 0) {
      this.sort();
      for (const { order, start, end } of this.held) yield { ...split(order), bytes: this.arena.subarray(start, end) };
      this.held = [];
      return;
    }
    if (this.held.length > 0) this.spill();
    const sources = this.runs.map((path) => readRun(path));
    // A handful of runs: looking at the head of each is as quick as a heap.
    const heads = sources.map((source) => source.next());
    try {
      for (;;) {
        let least = -1;
        let lowest = "";
        for (let at = 0; at < heads.length; at += 1) {
          const head = heads[at];
          if (head === undefined || head.done === true) continue;
          if (least < 0 || head.value.order < lowest) {
            least = at;
            lowest = head.value.order;
          }
        }
        const head = heads[least];
        const source = sources[least];
        if (head === undefined || head.done === true || source === undefined) return;
        yield { ...split(head.value.order), bytes: head.value.bytes };
        heads[least] = source.next();
      }
    } finally {
      for (const source of sources) source.return(undefined);
      this.close();
    }
  }

  close(): void {
    for (const path of this.runs) rmSync(path, { force: true });
    this.runs.length = 0;
  }

  private sort(): void {
    this.held.sort((a, b) => (a.order < b.order ? -1 : a.order > b.order ? 1 : 0));
  }

  private spill(): void {
    this.sort();
    const path = join(this.folder, `run-${this.runs.length}.part`);
    this.runs.push(path);
    const file = openSync(path, "w");
    try {
      const out = Buffer.allocUnsafe(1_048_576);
      let length = 0;
      const flush = (): void => {
        for (let at = 0; at < length;) at += writeSync(file, out, at, length - at);
        length = 0;
      };
      for (const { order, start, end } of this.held) {
        // Keys are printable ASCII, ids too.
        const size = 8 + order.length + end - start;
        if (length + size > out.length) flush();
        const one = size > out.length ? Buffer.allocUnsafe(size) : out;
        one.writeUInt32LE(order.length, length);
        one.writeUInt32LE(end - start, length + 4);
        one.write(order, length + 8, "latin1");
        this.arena.copy(one, length + 8 + order.length, start, end);
        if (one === out) length += size;
        else for (let at = 0; at < size;) at += writeSync(file, one, at);
      }
      flush();
    } finally {
      closeSync(file);
    }
    this.held = [];
    this.used = 0;
  }
}

function split(order: string): { readonly key: string; readonly id: string } {
  const at = order.indexOf("\u0002");
  return { key: order.slice(0, at), id: order.slice(at + 1) };
}

interface RunRow {
  readonly order: string;
  readonly bytes: Buffer;
}

function* readRun(path: string): Generator<RunRow, undefined> {
  const file = openSync(path, "r");
  try {
    let buffer = Buffer.allocUnsafe(readBytes);
    let at = 0;
    let end = 0;
    const fill = (wanted: number): boolean => {
      if (end - at >= wanted) return true;
      const next = wanted > buffer.length ? Buffer.allocUnsafe(wanted) : buffer;
      buffer.copy(next, 0, at, end);
      buffer = next;
      end -= at;
      at = 0;
      while (end < buffer.length) {
        const read = readSync(file, buffer, end, buffer.length - end, null);
        if (read === 0) break;
        end += read;
      }
      return end >= wanted;
    };
    while (fill(8)) {
      const text = buffer.readUInt32LE(at);
      const length = buffer.readUInt32LE(at + 4);
      if (!fill(8 + text + length)) throw new Error(`${path} was cut off while it was read`);
      const start = at + 8 + text;
      yield { order: buffer.toString("latin1", at + 8, start), bytes: buffer.subarray(start, start + length) };
      at = start + length;
    }
  } finally {
    closeSync(file);
  }
  return undefined;
}
