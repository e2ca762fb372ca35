import { createHash, randomUUID } from "node:crypto";
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { FeedError } from "../error.ts";
import {
  blockBytes,
  decodeRows,
  groupHash,
  groupHead,
  magic,
  maxGroupBytes,
  packBlock,
  parseKeyText,
  trailerSize,
  type GenerationMeta,
} from "./format.ts";
import type { SortedRow } from "./row-sorter.ts";

/** The name of a generation's file in its folder, by its content. */
export function generationFile(content: string): string {
  return `${content}.gen`;
}

/**
 * Writes `rows`, which come in the order of RowSorter, to a sealed file in `folder`, named after what is in it. The file is there whole or not at all: written aside,
 * synced, renamed, the folder synced; `approve` may throw before it counts. Of two records with one id, the one changed last counts. Blocks its thread. Throws FEED_TOO_LARGE where one key has more than can be read at once.
 */
export function writeGeneration(
  folder: string,
  rows: Iterable<SortedRow>,
  approve: (meta: GenerationMeta) => void,
): GenerationMeta {
  const aside = join(folder, `${randomUUID()}.part`);
  const file = openSync(aside, "wx");
  try {
    const meta = writeAll(file, rows);
    approve(meta);
    fsyncSync(file);
    renameSync(aside, join(folder, generationFile(meta.content)));
    syncFolderNow(folder);
    return meta;
  } finally {
    closeSync(file);
    rmSync(aside, { force: true });
  }
}

function writeAll(file: number, rows: Iterable<SortedRow>): GenerationMeta {
  const out = new Output(file);
  out.write(magic);
  const counts = { ids: new Set<string>(), withdrawn: new Set<string>(), rows: 0, keys: 0 };
  const ecosystems = new Map<string, number>();
  const content = createHash("sha256");
  const places: Place[] = [];
  const keyFrames: Buffer[] = [];
  const block = new Bytes();
  const keys = new Bytes();
  let first: Buffer | undefined;
  const endKeys = (): void => {
    if (keys.length === 0) return;
    const packed = packBlock(keys.view());
    const length = Buffer.alloc(4);
    length.writeUInt32LE(packed.length, 0);
    keyFrames.push(length, packed);
    keys.clear();
  };
  const endBlock = (): void => {
    if (first === undefined) return;
    const packed = packBlock(block.view());
    places.push({ key: first, offset: out.offset, length: packed.length });
    out.write(packed);
    block.clear();
    first = undefined;
  };

  for (const group of groupRows(rows)) {
    const { key, bytes } = group;
    const text = Buffer.from(key, "latin1");
    if (block.length > 0 && block.length + bytes.length > blockBytes) endBlock();
    first ??= text;
    const head = Buffer.allocUnsafe(groupHead);
    head.writeUInt16LE(text.length, 0);
    head.writeUInt32LE(bytes.length, 2);
    block.add(head);
    block.add(text);
    block.add(bytes);

    const hash = groupHash(bytes);
    content.update(text).update(hash);
    keys.add(head.subarray(0, 2));
    keys.add(text);
    keys.add(hash);
    if (keys.length >= blockBytes) endKeys();

    counts.keys += 1;
    counts.rows += group.ids.length;
    for (const id of group.ids) counts.ids.add(id);
    for (const id of group.withdrawn) counts.withdrawn.add(id);
    const { ecosystem } = parseKeyText(key);
    ecosystems.set(ecosystem, (ecosystems.get(ecosystem) ?? 0) + group.ids.length);
  }
  endBlock();
  endKeys();

  const meta: GenerationMeta = {
    version: 3,
    content: content.digest("hex"),
    advisories: counts.ids.size,
    withdrawn: counts.withdrawn.size,
    rows: counts.rows,
    keys: counts.keys,
    ecosystems: Object.fromEntries([...ecosystems].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
  seal(out, places, keyFrames, meta);
  return meta;
}

interface Place {
  readonly key: Buffer;
  readonly offset: number;
  readonly length: number;
}

/** `head` of a row begins with its time of withdrawal where it has one: the reader of records puts it there. */
function isWithdrawn(bytes: Buffer, start: number): boolean {
  const at = start + 10 + bytes.readUInt16LE(start);
  return bytes.toString("latin1", at, at + withdrawnHead.length) === withdrawnHead;
}
const withdrawnHead = '{"withdrawn":';

interface KeyedRows {
  readonly key: string;
  /** Of each row, in order. */
  readonly ids: readonly string[];
  readonly withdrawn: readonly string[];
  /** Good until the next group is asked for. */
  readonly bytes: Buffer;
}

interface RowPlace {
  readonly id: string;
  readonly start: number;
  readonly end: number;
}

/** The rows of each key together, what is said twice only once. */
function* groupRows(rows: Iterable<SortedRow>): Generator<KeyedRows> {
  const held = new Bytes();
  let places: RowPlace[] = [];
  let key: string | undefined;
  for (const row of rows) {
    if (row.key !== key) {
      if (key !== undefined) yield groupOf(key, held.view(), places);
      key = row.key;
      places = [];
      held.clear();
    }
    if (held.length + row.bytes.length > maxGroupBytes || row.key.length > 65_535)
      throw new FeedError("FEED_TOO_LARGE", `more than ${maxGroupBytes} bytes are about ${row.key.slice(0, 80)}`);
    const start = held.length;
    held.add(row.bytes);
    places.push({ id: row.id, start, end: held.length });
  }
  if (key !== undefined) yield groupOf(key, held.view(), places);
}

function groupOf(key: string, bytes: Buffer, places: readonly RowPlace[]): KeyedRows {
  const kept = withoutRepeats(bytes, places);
  const isSame = kept.length === places.length;
  return {
    key,
    ids: kept.map(({ id }) => id),
    withdrawn: kept.filter(({ start }) => isWithdrawn(bytes, start)).map(({ id }) => id),
    bytes: isSame ? bytes : Buffer.concat(kept.map(({ start, end }) => bytes.subarray(start, end))),
  };
}

function withoutRepeats(bytes: Buffer, places: readonly RowPlace[]): readonly RowPlace[] {
  if (places.every(({ id }, at) => at === 0 || places[at - 1]?.id !== id)) return places;
  const kept: RowPlace[] = [];
  for (let at = 0; at < places.length;) {
    const id = places[at]?.id ?? "";
    let end = at + 1;
    while (places[end]?.id === id) end += 1;
    const same = places.slice(at, end);
    kept.push(...(same.length === 1 ? same : newestOf(bytes, same)));
    at = end;
  }
  return kept;
}

/** Rows of one id and key: where records of two times are among them, only those of the later one, and none twice. */
function newestOf(bytes: Buffer, rows: readonly RowPlace[]): RowPlace[] {
  const heads = rows.map(({ start, end }) => decodeRows(bytes.subarray(start, end))[0]?.head ?? "");
  const times = new Map([...new Set(heads)].map((head) => [head, modifiedOf(head)]));
  const newest = [...times].reduce((best, one) => (one[1] > best[1] ? one : best), ["", -Infinity] as const)[0];
  const seen = new Set<string>();
  return rows.filter(({ start, end }, at) => {
    if (heads[at] !== newest) return false;
    const text = bytes.toString("latin1", start, end);
    if (seen.has(text)) return false;
    seen.add(text);
    return true;
  });
}

function modifiedOf(head: string): number {
  const { modified } = JSON.parse(head) as { modified?: unknown };
  return typeof modified === "number" ? modified : 0;
}

function seal(out: Output, places: readonly Place[], keyFrames: readonly Buffer[], meta: GenerationMeta): void {
  const keysAt = out.offset;
  for (const frame of keyFrames) out.write(frame);
  const directoryAt = out.offset;
  const table = Buffer.allocUnsafe(places.length * 16);
  let keyAt = 0;
  for (const [at, { key, offset, length }] of places.entries()) {
    table.writeDoubleLE(offset, at * 16);
    table.writeUInt32LE(length, at * 16 + 8);
    keyAt += key.length;
    // Where its first key ends: it begins where the one before ends.
    table.writeUInt32LE(keyAt, at * 16 + 12);
  }
  const directory = Buffer.concat([table, ...places.map(({ key }) => key)]);
  out.write(directory);
  const metaAt = out.offset;
  const text = Buffer.from(JSON.stringify(meta));
  out.write(text);
  const trailer = Buffer.alloc(trailerSize);
  trailer.writeDoubleLE(keysAt, 0);
  trailer.writeDoubleLE(directoryAt, 8);
  trailer.writeDoubleLE(metaAt, 16);
  trailer.writeDoubleLE(places.length, 24);
  trailer.writeDoubleLE(out.offset + trailerSize, 32);
  createHash("sha256").update(directory).update(text).update(trailer.subarray(0, 40)).digest().copy(trailer, 40);
  magic.copy(trailer, trailerSize - 8);
  out.write(trailer);
  out.end();
}

/** Bytes that are put together in memory that is used again. */
class Bytes {
  length = 0;
  private buffer = Buffer.allocUnsafeSlow(2 * blockBytes);

  add(bytes: Buffer): void {
    if (this.length + bytes.length > this.buffer.length) {
      const larger = Buffer.allocUnsafeSlow(2 * (this.length + bytes.length));
      this.buffer.copy(larger, 0, 0, this.length);
      this.buffer = larger;
    }
    bytes.copy(this.buffer, this.length);
    this.length += bytes.length;
  }

  /** Good until something is added or all is cleared. */
  view(): Buffer {
    return this.buffer.subarray(0, this.length);
  }

  clear(): void {
    this.length = 0;
  }
}

/** Writes in pieces of a mebibyte. */
class Output {
  offset = 0;
  private readonly file: number;
  private pieces: Buffer[] = [];
  private length = 0;

  constructor(file: number) {
    this.file = file;
  }

  write(bytes: Buffer): void {
    this.pieces.push(bytes);
    this.length += bytes.length;
    this.offset += bytes.length;
    if (this.length >= 1_048_576) this.end();
  }

  end(): void {
    const bytes = Buffer.concat(this.pieces, this.length);
    for (let at = 0; at < bytes.length;) at += writeSync(this.file, bytes, at);
    this.pieces = [];
    this.length = 0;
  }
}

function syncFolderNow(folder: string): void {
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
