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

interface Place {
  readonly name: string;
  readonly method: number;
  readonly packed: number;
  readonly unpacked: number;
  readonly offset: number;
}

type ZipLimits = Pick<FeedLimits, "unpacked" | "record" | "records">;

/**
 * The files of the zip archive that `file` has open, by its central directory, in the order in which they lie there. Torn, overlapping, encrypted and oversized archives are
 * refused. Blocks its thread. PKWARE APPNOTE 4.3; zip64 is read where the archive has it.
 */
export function* readZip(file: number, limits: ZipLimits, what: string): Generator<ZipMember> {
  const places = readDirectory(file, limits, what);
  const window = new Window(file, what);
  let total = 0;
  let last = 0;
  for (const place of places) {
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

function readDirectory(file: number, limits: ZipLimits, what: string): Place[] {
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
  const places: Place[] = [];
  for (let at = 0; places.length < count;) {
    if (at + 46 > directory.length || directory.readUInt32LE(at) !== 0x02014b50)
      throw torn(what, "its directory is torn");
    const nameEnd = at + 46 + directory.readUInt16LE(at + 28);
    const name = directory.toString("utf8", at + 46, nameEnd);
    if ((directory.readUInt16LE(at + 8) & 1) !== 0) throw torn(what, `${name} is encrypted`);
    const packed = directory.readUInt32LE(at + 20);
    if (packed > limits.record) throw new FeedError("FEED_TOO_LARGE", `${what}: ${name} is too large`);
    places.push({
      name,
      method: directory.readUInt16LE(at + 10),
      offset: directory.readUInt32LE(at + 42),
      packed,
      unpacked: directory.readUInt32LE(at + 24),
    });
    at = nameEnd + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  return places.sort((a, b) => a.offset - b.offset);
}

/** Pieces of a file that are asked for in their order. What it gives is good until the next piece is asked for. */
class Window {
  private readonly file: number;
  private readonly what: string;
  private readonly size: number;
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
    this.bytes = readAt(this.file, offset, wanted, this.what);
    this.start = offset;
    return this.bytes.subarray(0, length);
  }
}

function readAt(file: number, offset: number, length: number, what: string): Buffer {
  if (!Number.isSafeInteger(offset) || offset < 0) throw torn(what, "an offset lies outside it");
  const buffer = Buffer.allocUnsafe(length);
  for (let at = 0; at < length;) {
    const read = readSync(file, buffer, at, length - at, offset + at);
    if (read === 0) throw torn(what, "it ends too early");
    at += read;
  }
  return buffer;
}

function torn(what: string, why: string, cause?: unknown): FeedError {
  return new FeedError("FEED_TORN", `${what}: ${why}`, { cause, retry: true });
}
