import { inflateRawSync } from "node:zlib";

/** A member of a ZIP archive, as its directory describes it. */
export interface ZipEntry {
  readonly name: string;
  readonly method: number;
  readonly isEncrypted: boolean;
  readonly packed: number;
  readonly size: number;
  /** Where its own header stands in the archive's bytes. */
  readonly offset: number;
}

export type ZipDirectory =
  | { readonly kind: "zip"; readonly entries: readonly ZipEntry[] }
  | { readonly kind: "broken"; readonly problem: string };

export type ZipContent =
  { readonly kind: "bytes"; readonly bytes: Uint8Array } | { readonly kind: "broken"; readonly problem: string };

const endSize = 22;
const longestComment = 65_535;
const wide = 0xffff_ffff;
const maxEntries = 500_000;
/** Deflate makes at most 1032 bytes of one. */
const maxRatio = 1032;

/** The directory of the archive `bytes`; what stands before the archive is passed over, as every program that runs jars does. Never throws. APPNOTE.TXT, 4.3. */
export function readZipDirectory(bytes: Uint8Array): ZipDirectory {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = findEnd(file);
  if (end === undefined) return broken("it is no ZIP archive, or is cut off");
  let count = file.readUInt16LE(end + 10);
  let size = file.readUInt32LE(end + 12);
  let offset = file.readUInt32LE(end + 16);
  let behind = end;
  if (count === 0xffff || size === wide || offset === wide) {
    const large = findLargeEnd(file, end);
    if (large !== undefined) {
      behind = large;
      count = Number(file.readBigUInt64LE(large + 32));
      size = Number(file.readBigUInt64LE(large + 40));
      offset = Number(file.readBigUInt64LE(large + 48));
    }
  }
  if (count > maxEntries) return broken(`it has more than ${maxEntries} entries`);
  const start = behind - size;
  const before = start - offset;
  if (start < 0 || before < 0) return broken("its directory lies outside of it");
  const entries: ZipEntry[] = [];
  let at = start;
  for (let index = 0; index < count; index += 1) {
    if (at + 46 > behind || file.readUInt32LE(at) !== 0x0201_4b50) return broken("its directory is cut off");
    const nameLength = file.readUInt16LE(at + 28);
    const extraLength = file.readUInt16LE(at + 30);
    const next = at + 46 + nameLength + extraLength + file.readUInt16LE(at + 32);
    if (next > behind) return broken("its directory is cut off");
    const extra = file.subarray(at + 46 + nameLength, at + 46 + nameLength + extraLength);
    const sizes = readSizes(file, at, extra);
    if (sizes === undefined) return broken("sizes in its directory are cut off");
    entries.push({
      name: file.toString("utf8", at + 46, at + 46 + nameLength),
      method: file.readUInt16LE(at + 10),
      isEncrypted: (file.readUInt16LE(at + 8) & 1) !== 0,
      packed: sizes.packed,
      size: sizes.size,
      offset: sizes.offset + before,
    });
    at = next;
  }
  return { kind: "zip", entries };
}

/** The content of `entry`, of at most `limit` bytes. Never throws: what lies about its size, or is torn, is said. */
export function readZipEntry(bytes: Uint8Array, entry: ZipEntry, limit: number): ZipContent {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { offset, packed, size, method } = entry;
  if (entry.isEncrypted) return broken("it is encrypted");
  if (size > limit) return broken(`it has ${size} bytes, more than the ${limit} that are read`);
  if (offset + 30 > file.length || file.readUInt32LE(offset) !== 0x0403_4b50) return broken("its header is not there");
  const start = offset + 30 + file.readUInt16LE(offset + 26) + file.readUInt16LE(offset + 28);
  if (start + packed > file.length) return broken("it is cut off");
  const raw = file.subarray(start, start + packed);
  if (method === 0) return packed === size ? { kind: "bytes", bytes: raw } : broken("it lies about its size");
  if (method !== 8) return broken(`it is packed in a way that we do not know (${method})`);
  if (size > packed * maxRatio + 64) return broken("it lies about its size");
  try {
    const content = inflateRawSync(raw, { maxOutputLength: Math.max(1, size) });
    return content.length === size ? { kind: "bytes", bytes: content } : broken("it lies about its size");
  } catch {
    return broken("it cannot be unpacked");
  }
}

function broken(problem: string): { readonly kind: "broken"; readonly problem: string } {
  return { kind: "broken", problem };
}

/** Where the end of the directory is written: the last place that says so, with a comment behind it that ends where the file does. */
function findEnd(file: Buffer): number | undefined {
  const lowest = Math.max(0, file.length - endSize - longestComment);
  for (let at = file.length - endSize; at >= lowest; at -= 1)
    if (file[at] === 0x50 && file.readUInt32LE(at) === 0x0605_4b50)
      if (at + endSize + file.readUInt16LE(at + 20) <= file.length) return at;
  return undefined;
}

/** Where the end of a directory with 64-bit numbers is written; undefined where there is none: then the small numbers count. */
function findLargeEnd(file: Buffer, end: number): number | undefined {
  const locator = end - 20;
  if (locator < 56 || file.readUInt32LE(locator) !== 0x0706_4b50) return undefined;
  // It stands right before its locator, however many bytes stand before the archive.
  const at = locator - 56;
  return file.readUInt32LE(at) === 0x0606_4b50 ? at : undefined;
}

function readSizes(file: Buffer, at: number, extra: Buffer): Pick<ZipEntry, "packed" | "size" | "offset"> | undefined {
  const small = {
    packed: file.readUInt32LE(at + 20),
    size: file.readUInt32LE(at + 24),
    offset: file.readUInt32LE(at + 42),
  };
  if (small.packed !== wide && small.size !== wide && small.offset !== wide) return small;
  for (let place = 0; place + 4 <= extra.length;) {
    const length = extra.readUInt16LE(place + 2);
    if (extra.readUInt16LE(place) !== 1) {
      place += 4 + length;
      continue;
    }
    let from = place + 4;
    const until = Math.min(extra.length, from + length);
    const next = (value: number): number | undefined => {
      if (value !== wide) return value;
      if (from + 8 > until) return undefined;
      from += 8;
      return Number(extra.readBigUInt64LE(from - 8));
    };
    // They come in this order, and only those that did not fit.
    const size = next(small.size);
    const packed = next(small.packed);
    const offset = next(small.offset);
    return size === undefined || packed === undefined || offset === undefined ? undefined : { size, packed, offset };
  }
  return undefined;
}
