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
  const places: { readonly key: Buffer; readonly offset: number; readonly length: number }[] = [];
  let block: Buffer[] = [];
  let blockLength = 0;
  let first: Buffer | undefined;
  const keyFrames: Buffer[] = [];
  let keyPieces: Buffer[] = [];
  let keyLength = 0;
  const endKeys = (): void => {
    if (keyLength === 0) return;
    const packed = packBlock(Buffer.concat(keyPieces, keyLength));
    const length = Buffer.allocUnsafe(4);
    length.writeUInt32LE(packed.length, 0);
    keyFrames.push(length, packed);
    keyPieces = [];
    keyLength = 0;
  };
  const endBlock = (): void => {
    if (first === undefined) return;
    const packed = packBlock(Buffer.concat(block, blockLength));
    places.push({ key: first, offset: out.offset, length: packed.length });
    out.write(packed);
    block = [];
    blockLength = 0;
    first = undefined;
  };

  for (const { key, rows: group } of groupRows(rows)) {
    const bytes =
      group.length === 1 && group[0] !== undefined ? group[0].bytes : Buffer.concat(group.map((row) => row.bytes));
    const text = Buffer.from(key, "latin1");
    if (blockLength > 0 && blockLength + bytes.length > blockBytes) endBlock();
    first ??= text;
    const head = Buffer.allocUnsafe(groupHead);
    head.writeUInt16LE(text.length, 0);
    head.writeUInt32LE(bytes.length, 2);
    block.push(head, text, bytes);
    blockLength += head.length + text.length + bytes.length;

    const hash = groupHash(bytes);
    content.update(text).update(hash);
    const length = Buffer.allocUnsafe(2);
    length.writeUInt16LE(text.length, 0);
    keyPieces.push(length, text, hash);
    keyLength += 2 + text.length + hash.length;
    if (keyLength >= blockBytes) endKeys();

    counts.keys += 1;
    counts.rows += group.length;
    for (const { id, bytes: row } of group) {
      counts.ids.add(id);
      if (isWithdrawn(row)) counts.withdrawn.add(id);
    }
    const { ecosystem } = parseKeyText(key);
    ecosystems.set(ecosystem, (ecosystems.get(ecosystem) ?? 0) + group.length);
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

/** `head` of a row begins with its time of withdrawal where it has one: the reader of records puts it there. */
function isWithdrawn(row: Buffer): boolean {
  const at = 10 + row.readUInt16LE(0);
  return row.toString("latin1", at, at + withdrawnHead.length) === withdrawnHead;
}
const withdrawnHead = '{"withdrawn":';

interface KeyedRows {
  readonly key: string;
  readonly rows: readonly SortedRow[];
}

/** The rows of each key together, what is said twice only once. */
function* groupRows(rows: Iterable<SortedRow>): Generator<KeyedRows> {
  let key: string | undefined;
  let group: SortedRow[] = [];
  let bytes = 0;
  for (const row of rows) {
    if (row.key !== key) {
      if (key !== undefined && group.length > 0) yield { key, rows: withoutRepeats(group) };
      key = row.key;
      group = [];
      bytes = 0;
    }
    bytes += row.bytes.length;
    if (bytes > maxGroupBytes || row.key.length > 65_535)
      throw new FeedError("FEED_TOO_LARGE", `more than ${maxGroupBytes} bytes are about ${row.key.slice(0, 80)}`);
    group.push(row);
  }
  if (key !== undefined && group.length > 0) yield { key, rows: withoutRepeats(group) };
}

function withoutRepeats(group: readonly SortedRow[]): readonly SortedRow[] {
  if (group.length === 1) return group;
  const kept: SortedRow[] = [];
  for (let at = 0; at < group.length;) {
    const id = group[at]?.id ?? "";
    let end = at + 1;
    while (group[end]?.id === id) end += 1;
    if (end === at + 1) kept.push(...group.slice(at, end));
    else kept.push(...newestOf(group.slice(at, end)));
    at = end;
  }
  return kept;
}

/** Rows of one id and key: where records of two times are among them, only those of the later one, and none twice. */
function newestOf(rows: readonly SortedRow[]): SortedRow[] {
  const heads = rows.map(({ bytes }) => decodeRows(bytes)[0]?.head ?? "");
  const times = new Map([...new Set(heads)].map((head) => [head, modifiedOf(head)]));
  const newest = [...times].reduce((best, one) => (one[1] > best[1] ? one : best), ["", -Infinity] as const)[0];
  const seen = new Set<string>();
  return rows.filter(({ bytes }, at) => {
    if (heads[at] !== newest) return false;
    const text = bytes.toString("latin1");
    if (seen.has(text)) return false;
    seen.add(text);
    return true;
  });
}

function modifiedOf(head: string): number {
  const { modified } = JSON.parse(head) as { modified?: unknown };
  return typeof modified === "number" ? modified : 0;
}

function seal(
  out: Output,
  places: readonly { readonly key: Buffer; readonly offset: number; readonly length: number }[],
  keyFrames: readonly Buffer[],
  meta: GenerationMeta,
): void {
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
