import { TarError } from "./error.ts";

/** One member's header, extended headers applied. POSIX.1-2017 pax, ustar interchange format; GNU tar's own extensions. */
export interface TarHeader {
  readonly path: string;
  readonly link: string;
  /** The type flag: `0` file, `1` hard link, `2` symlink, `3` character, `4` block, `5` folder, `6` fifo. */
  readonly flag: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  /** Bytes that follow in the archive. */
  readonly size: number;
  readonly device: readonly [major: number, minor: number];
  /** Extended attributes by name. */
  readonly xattrs: readonly string[];
  /** Whether the bytes that follow are a map and parts of a file with holes. */
  readonly sparse: boolean;
}

/** Fields that extended headers gave to the next member, or to all that follow. */
export type Extended = ReadonlyMap<string, string>;

const fatalDecoder = new TextDecoder("utf-8", { fatal: true });
const xattrKey = /^(?:SCHILY|LIBARCHIVE)\.xattr\.(.+)$/;

/** The header in a block of 512 bytes; throws TAR_CORRUPT where its checksum or a number is wrong. */
export function parseTarHeader(block: Buffer, extended: Extended, what: string): TarHeader {
  if (!hasChecksum(block)) throw corrupt(what, "a header has a wrong checksum");
  const isPosix = block.toString("latin1", 257, 263) === "ustar\0";
  const isGnu = block.toString("latin1", 257, 265) === "ustar  \0";
  const prefix = isPosix ? textAt(block, 345, 155) : "";
  const name = textAt(block, 0, 100);
  const flag = String.fromCharCode(block[156] ?? 0);
  const number = (key: string, at: number, width: number): number => {
    const given = extended.get(key);
    const value = given === undefined ? numberAt(block, at, width) : /^\d{1,16}$/.test(given) ? Number(given) : -1;
    if (!Number.isSafeInteger(value) || value < 0) throw corrupt(what, `a member has an impossible ${key}`);
    return value;
  };
  return {
    path: extended.get("path") ?? (prefix === "" ? name : `${prefix}/${name}`),
    link: extended.get("linkpath") ?? textAt(block, 157, 100),
    flag: flag === "\0" || flag === "7" ? "0" : flag,
    mode: numberAt(block, 100, 8) & 0o7777,
    uid: number("uid", 108, 8),
    gid: number("gid", 116, 8),
    mtime: mtimeOf(block, extended),
    size: number("size", 124, 12),
    device: isPosix || isGnu ? [numberAt(block, 329, 8), numberAt(block, 337, 8)] : [0, 0],
    xattrs: [...extended.keys()].flatMap((key) => xattrKey.exec(key)?.[1] ?? []),
    sparse: flag === "S" || extended.has("GNU.sparse.major") || extended.has("GNU.sparse.size"),
  };
}

/** A time that cannot be is 0: no reader of ours lets it decide anything. */
function mtimeOf(block: Buffer, extended: Extended): number {
  const given = extended.get("mtime");
  return Math.max(0, given === undefined ? numberAt(block, 136, 12) : Math.floor(Number(given)) || 0);
}

/** The records of a pax extended header; throws TAR_CORRUPT where one lies about its length. */
export function parsePaxRecords(bytes: Buffer, what: string): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(0x20, at);
    const digits = space < 0 || space - at > 10 ? "" : bytes.toString("latin1", at, space);
    const end = at + Number(/^\d+$/.test(digits) ? digits : "0");
    const equals = bytes.indexOf(0x3d, space);
    if (end <= space + 1 || end > bytes.length || bytes[end - 1] !== 0x0a || equals < 0 || equals >= end)
      throw corrupt(what, "an extended header has a torn record");
    records.set(decode(bytes.subarray(space + 1, equals)), decode(bytes.subarray(equals + 1, end - 1)));
    at = end;
  }
  return records;
}

/** Bytes up to the first NUL as text: UTF-8, or one character a byte where they are not. */
export function decodeName(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return decode(end < 0 ? bytes : bytes.subarray(0, end));
}

function decode(bytes: Buffer): string {
  for (const byte of bytes) {
    if (byte < 0x80) continue;
    try {
      return fatalDecoder.decode(bytes);
    } catch {
      return bytes.toString("latin1");
    }
  }
  return bytes.toString("latin1");
}

function textAt(block: Buffer, at: number, width: number): string {
  return decodeName(block.subarray(at, at + width));
}

/** An octal number, or base-256 where the first bit is set; -1 where it is neither. */
function numberAt(block: Buffer, at: number, width: number): number {
  const first = block[at] ?? 0;
  if ((first & 0x80) !== 0) {
    if ((first & 0x40) !== 0) return -1;
    let value = first & 0x3f;
    for (let byte = at + 1; byte < at + width; byte += 1) value = value * 256 + (block[byte] ?? 0);
    return Number.isSafeInteger(value) ? value : -1;
  }
  let value = 0;
  let byte = at;
  while (byte < at + width && block[byte] === 0x20) byte += 1;
  for (; byte < at + width; byte += 1) {
    const digit = block[byte] ?? 0;
    if (digit === 0 || digit === 0x20) break;
    if (digit < 0x30 || digit > 0x37) return -1;
    value = value * 8 + digit - 0x30;
  }
  return value;
}

function hasChecksum(block: Buffer): boolean {
  const expected = numberAt(block, 148, 8);
  let unsigned = 8 * 0x20;
  let signed = unsigned;
  for (let at = 0; at < 512; at += 1) {
    if (at >= 148 && at < 156) continue;
    const byte = block[at] ?? 0;
    unsigned += byte;
    signed += byte < 128 ? byte : byte - 256;
  }
  return expected === unsigned || expected === signed;
}

export function corrupt(what: string, why: string): TarError {
  return new TarError("TAR_CORRUPT", `${what}: ${why}`);
}
