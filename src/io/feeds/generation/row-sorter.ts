import { closeSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { encodeRow, type GenerationRow } from "./format.ts";

/** One row on its way into a generation. */
export interface SortedRow {
  readonly key: string;
  readonly id: string;
  /** As encodeRow has it. */
  readonly bytes: Buffer;
}

/** Bytes of rows that are held before they are put in order and laid aside on disk. */
const runBytes = 48 * 1_048_576;
const readBytes = 262_144;

interface Held {
  readonly order: string;
  readonly bytes: Buffer;
}

/** Puts any number of rows in the order of key and id, in bounded memory: runs on disk, merged at the end. Blocks its thread: for a worker. */
export class RowSorter {
  private readonly folder: string;
  private readonly limit: number;
  private held: Held[] = [];
  private bytes = 0;
  private readonly runs: string[] = [];
  rows = 0;

  constructor(folder: string, limit = runBytes) {
    this.folder = folder;
    this.limit = limit;
  }

  add(key: string, row: GenerationRow): void {
    const bytes = encodeRow(row);
    this.held.push({ order: `${key}\u0002${row.id}`, bytes });
    this.bytes += bytes.length;
    this.rows += 1;
    if (this.bytes >= this.limit) this.spill();
  }

  /** All rows in order; those of one key and id as they were added. */
  *sorted(): Generator<SortedRow> {
    if (this.runs.length === 0) {
      this.sort();
      for (const { order, bytes } of this.held) yield { ...split(order), bytes };
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
      let pieces: Buffer[] = [];
      let length = 0;
      for (const { order, bytes } of this.held) {
        const text = Buffer.from(order);
        const head = Buffer.allocUnsafe(8);
        head.writeUInt32LE(text.length, 0);
        head.writeUInt32LE(bytes.length, 4);
        pieces.push(head, text, bytes);
        length += 8 + text.length + bytes.length;
        if (length < 1_048_576) continue;
        writeSync(file, Buffer.concat(pieces, length));
        pieces = [];
        length = 0;
      }
      writeSync(file, Buffer.concat(pieces, length));
    } finally {
      closeSync(file);
    }
    this.held = [];
    this.bytes = 0;
  }
}

function split(order: string): { readonly key: string; readonly id: string } {
  const at = order.indexOf("\u0002");
  return { key: order.slice(0, at), id: order.slice(at + 1) };
}

function* readRun(path: string): Generator<Held, undefined> {
  const file = openSync(path, "r");
  try {
    let window = Buffer.alloc(0);
    let at = 0;
    const fill = (wanted: number): boolean => {
      if (window.length - at >= wanted) return true;
      const next = Buffer.allocUnsafe(Math.max(readBytes, wanted));
      let length = window.copy(next, 0, at);
      while (length < next.length) {
        const read = readSync(file, next, length, next.length - length, null);
        if (read === 0) break;
        length += read;
      }
      window = next.subarray(0, length);
      at = 0;
      return length >= wanted;
    };
    while (fill(8)) {
      const text = window.readUInt32LE(at);
      const length = window.readUInt32LE(at + 4);
      if (!fill(8 + text + length)) throw new Error(`${path} was cut off while it was read`);
      const start = at + 8 + text;
      yield { order: window.toString("utf8", at + 8, start), bytes: window.subarray(start, start + length) };
      at = start + length;
    }
  } finally {
    closeSync(file);
  }
  return undefined;
}
