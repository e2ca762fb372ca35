import { fstatSync, readSync } from "node:fs";
import { inflateRawSync } from "node:zlib";
import { FeedError } from "../error.ts";
import type { FeedLimits } from "../types.ts";

export interface ZipMember {
  readonly name: string;
  readonly bytes: Buffer;
}

const endSize = 22;
const longestComment = 65_535;
const maxDirectory = 256 * 1_048_576;
/** Bytes that are read at a time: members are small and stand one after the other. */
const windowBytes = 1_048_576;

/** One entry of the directory. */
interface Place {
  readonly name: string;
  readonly method: number;
  readonly packed: number;
  readonly unpacked: number;
  readonly offset: number;
}

/** A directory of hundreds of thousands of files, which is not made into so many objects. */
interface Directory {
  readonly bytes: Buffer;
  /** Where in `bytes` each entry stands, in the order of the files in the archive. */
  readonly entries: Float64Array;
}

type ZipLimits = Pick<FeedLimits, "unpacked" | "record" | "records">;

/**
 * The files of the zip archive that `file` has open, by its central directory, in the order in which they lie there. Torn, overlapping, encrypted and oversized archives are
 * refused. Blocks its thread. PKWARE APPNOTE 4.3; zip64 is read where the archive has it.
 */
export function* readZip(file: number, limits: ZipLimits, what: string): Generator<ZipMember> {
  const directory = readDirectory(file, limits, what);
  const window = new Window(file, what);
  let total = 0;
  let last = 0;
  for (const entry of directory.entries) {
    const place = placeAt(directory.bytes, entry);
    if (place.name.endsWith("/")) continue;
    if (place.offset < last) throw torn(what, `${place.name} overlaps another file`);
    total += place.unpacked;
    if (place.unpacked > limits.record || total > limits.unpacked)
      throw new FeedError("FEED_TOO_LARGE", `${what}: ${place.name} takes it past the limit`);
    const header = window.read(place.offset, 30);
    if (header.readUInt32LE(0) !== 0x04034b50) throw torn(what, `${place.name} has no header`);
    const start = place.offset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
    last = start + place.packed;
    yield { name: place.name, bytes: unpack(window.read(start, place.packed), place, what) };
  }
}

function unpack(packed: Buffer, place: Place, what: string): Buffer {
  if (place.method === 0) {
    if (packed.length !== place.unpacked) throw torn(what, `${place.name} lies about its size`);
    return packed;
  }
  if (place.method !== 8) throw torn(what, `${place.name} is packed by method ${place.method}`);
  try {
    const bytes = inflateRawSync(packed, {
      maxOutputLength: Math.max(1, place.unpacked),
      chunkSize: Math.min(65_536, Math.max(64, place.unpacked + 1)),
    });
    if (bytes.length === place.unpacked) return bytes;
  } catch (error) {
    throw torn(what, `${place.name} cannot be unpacked`, error);
  }
  throw torn(what, `${place.name} lies about its size`);
}

function readDirectory(file: number, limits: ZipLimits, what: string): Directory {
  const { size } = fstatSync(file);
  const tailSize = Math.min(size, endSize + longestComment + 20);
  const tail = readAt(file, size - tailSize, tailSize, what);
  const end = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
  if (end < 0 || end + endSize > tail.length) throw torn(what, "it has no directory: it is cut off, or no zip archive");
  let count = tail.readUInt16LE(end + 10);
  let length = tail.readUInt32LE(end + 12);
  let offset = tail.readUInt32LE(end + 16);
  if (end >= 20 && tail.readUInt32LE(end - 20) === 0x07064b50) {
    const record = readAt(file, Number(tail.readBigUInt64LE(end - 12)), 56, what);
    count = Number(record.readBigUInt64LE(32));
    length = Number(record.readBigUInt64LE(40));
    offset = Number(record.readBigUInt64LE(48));
  }
  if (count > limits.records || length > maxDirectory)
    throw new FeedError("FEED_TOO_LARGE", `${what} holds more than ${limits.records} files`);
  const directory = readAt(file, offset, length, what);
  const found: { readonly entry: number; readonly offset: number }[] = [];
  const entries = new Float64Array(count);
  const offsets = new Float64Array(count);
  let isOrdered = true;
  for (let at = 0, number = 0; number < count; number += 1) {
    if (at + 46 > directory.length || directory.readUInt32LE(at) !== 0x02014b50)
      throw torn(what, "its directory is torn");
    const end =
      at + 46 + directory.readUInt16LE(at + 28) + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
    if ((directory.readUInt16LE(at + 8) & 1) !== 0) throw torn(what, `${placeAt(directory, at).name} is encrypted`);
    if (directory.readUInt32LE(at + 20) > limits.record)
      throw new FeedError("FEED_TOO_LARGE", `${what}: ${placeAt(directory, at).name} is too large`);
    entries[number] = at;
    offsets[number] = directory.readUInt32LE(at + 42);
    isOrdered &&= number === 0 || (offsets[number - 1] ?? 0) <= (offsets[number] ?? 0);
    at = end;
  }
  if (isOrdered) return { bytes: directory, entries };
  for (const [number, entry] of entries.entries()) found.push({ entry, offset: offsets[number] ?? 0 });
  found.sort((a, b) => a.offset - b.offset);
  return { bytes: directory, entries: Float64Array.from(found, ({ entry }) => entry) };
}

function placeAt(directory: Buffer, at: number): Place {
  const nameEnd = at + 46 + directory.readUInt16LE(at + 28);
  return {
    name: directory.toString("utf8", at + 46, nameEnd),
    method: directory.readUInt16LE(at + 10),
    packed: directory.readUInt32LE(at + 20),
    unpacked: directory.readUInt32LE(at + 24),
    offset: directory.readUInt32LE(at + 42),
  };
}

/** Pieces of a file that are asked for in their order. What it gives is good until the next piece is asked for. */
class Window {
  private readonly file: number;
  private readonly what: string;
  private readonly size: number;
  private readonly buffer = Buffer.allocUnsafe(windowBytes);
  private bytes: Buffer = Buffer.alloc(0);
  private start = 0;

  constructor(file: number, what: string) {
    this.file = file;
    this.what = what;
    this.size = fstatSync(file).size;
  }

  read(offset: number, length: number): Buffer {
    const at = offset - this.start;
    if (at >= 0 && at + length <= this.bytes.length) return this.bytes.subarray(at, at + length);
    const wanted = Math.max(length, Math.min(windowBytes, this.size - offset));
    this.bytes = wanted > windowBytes ? Buffer.allocUnsafe(wanted) : this.buffer.subarray(0, wanted);
    readInto(this.file, this.bytes, offset, this.what);
    this.start = offset;
    return this.bytes.subarray(0, length);
  }
}

function readAt(file: number, offset: number, length: number, what: string): Buffer {
  const buffer = Buffer.allocUnsafe(length);
  readInto(file, buffer, offset, what);
  return buffer;
}

function readInto(file: number, buffer: Buffer, offset: number, what: string): void {
  if (!Number.isSafeInteger(offset) || offset < 0) throw torn(what, "an offset lies outside it");
  for (let at = 0; at < buffer.length;) {
    const read = readSync(file, buffer, at, buffer.length - at, offset + at);
    if (read === 0) throw torn(what, "it ends too early");
    at += read;
  }
}

function torn(what: string, why: string, cause?: unknown): FeedError {
  return new FeedError("FEED_TORN", `${what}: ${why}`, { cause, retry: true });
}
