import type { FileHandle } from "node:fs/promises";
import { inflateRawSync } from "node:zlib";
import { FeedError } from "./error.ts";
import type { FeedLimits } from "./types.ts";

export interface ZipMember {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const endSize = 22;
const longestComment = 65_535;
const maxDirectory = 256 * 1_048_576;

interface Place {
  readonly name: string;
  readonly method: number;
  readonly packed: number;
  readonly unpacked: number;
  readonly offset: number;
}

/** The files of a zip archive, by its central directory. Torn, overlapping, encrypted and oversized archives are refused. PKWARE APPNOTE 4.3; zip64 is read where the archive has it. */
export async function* readZip(
  file: FileHandle,
  limits: Pick<FeedLimits, "unpacked" | "record" | "records">,
  what: string,
): AsyncGenerator<ZipMember> {
  const places = await readDirectory(file, limits, what);
  let total = 0;
  let last = 0;
  for (const place of places) {
    if (place.name.endsWith("/")) continue;
    if (place.offset < last) throw torn(what, `${place.name} overlaps another file`);
    total += place.unpacked;
    if (place.unpacked > limits.record || total > limits.unpacked)
      throw new FeedError("FEED_TOO_LARGE", `${what}: ${place.name} takes it past the limit`);
    const header = await readAt(file, place.offset, 30, what);
    if (header.readUInt32LE(0) !== 0x04034b50) throw torn(what, `${place.name} has no header`);
    const start = place.offset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
    last = start + place.packed;
    yield { name: place.name, bytes: unpack(await readAt(file, start, place.packed, what), place, what) };
  }
}

function unpack(packed: Buffer, place: Place, what: string): Uint8Array {
  if (place.method === 0) return packed;
  if (place.method !== 8) throw torn(what, `${place.name} is packed by method ${place.method}`);
  try {
    const bytes = inflateRawSync(packed, { maxOutputLength: Math.max(1, place.unpacked) });
    if (bytes.length === place.unpacked) return bytes;
  } catch (error) {
    throw torn(what, `${place.name} cannot be unpacked`, error);
  }
  throw torn(what, `${place.name} lies about its size`);
}

async function readDirectory(
  file: FileHandle,
  limits: Pick<FeedLimits, "records" | "record">,
  what: string,
): Promise<Place[]> {
  const { size } = await file.stat();
  const tailSize = Math.min(size, endSize + longestComment + 20);
  const tail = await readAt(file, size - tailSize, tailSize, what);
  const end = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
  if (end < 0 || end + endSize > tail.length) throw torn(what, "it has no directory: it is cut off, or no zip archive");
  let count = tail.readUInt16LE(end + 10);
  let length = tail.readUInt32LE(end + 12);
  let offset = tail.readUInt32LE(end + 16);
  if (end >= 20 && tail.readUInt32LE(end - 20) === 0x07064b50) {
    const record = await readAt(file, Number(tail.readBigUInt64LE(end - 12)), 56, what);
    count = Number(record.readBigUInt64LE(32));
    length = Number(record.readBigUInt64LE(40));
    offset = Number(record.readBigUInt64LE(48));
  }
  if (count > limits.records || length > maxDirectory)
    throw new FeedError("FEED_TOO_LARGE", `${what} holds more than ${limits.records} files`);
  const directory = await readAt(file, offset, length, what);
  const places: Place[] = [];
  for (let at = 0; places.length < count;) {
    if (at + 46 > directory.length || directory.readUInt32LE(at) !== 0x02014b50)
      throw torn(what, "its directory is torn");
    const [nameLength, extra, comment] = [28, 30, 32].map((place) => directory.readUInt16LE(at + place));
    const name = directory.toString("utf8", at + 46, at + 46 + (nameLength ?? 0));
    if ((directory.readUInt16LE(at + 8) & 1) !== 0) throw torn(what, `${name} is encrypted`);
    const place = { packed: directory.readUInt32LE(at + 20), unpacked: directory.readUInt32LE(at + 24) };
    if (place.packed > limits.record) throw new FeedError("FEED_TOO_LARGE", `${what}: ${name} is too large`);
    places.push({ name, method: directory.readUInt16LE(at + 10), offset: directory.readUInt32LE(at + 42), ...place });
    at += 46 + (nameLength ?? 0) + (extra ?? 0) + (comment ?? 0);
  }
  return places.sort((a, b) => a.offset - b.offset);
}

async function readAt(file: FileHandle, offset: number, length: number, what: string): Promise<Buffer> {
  if (!Number.isSafeInteger(offset) || offset < 0) throw torn(what, "an offset lies outside it");
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, offset);
  if (bytesRead < length) throw torn(what, "it ends too early");
  return buffer;
}

function torn(what: string, why: string, cause?: unknown): FeedError {
  return new FeedError("FEED_TORN", `${what}: ${why}`, { cause, retry: true });
}
