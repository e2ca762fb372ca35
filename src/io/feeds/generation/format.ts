import { createHash } from "node:crypto";
import { zstdCompressSync, zstdDecompressSync, constants } from "node:zlib";
import { z } from "zod";
import type { AdvisoryKey } from "../../../core/advisory/index.ts";

/**
 * A generation of a feed is one sealed file:
 *
 *     magic
 *     blocks      zstd frames of groups, in the order of their keys; about 16 KiB each before compression
 *     keys        zstd frames, each with its length before it: every key with a hash of its group
 *     directory   of each block its place and its first key
 *     meta        JSON: what is in it
 *     trailer     where all of that is, a checksum over directory and meta, the length of the file, magic
 *
 * A group is all that the feed says of one key; a row of it is one advisory there. Numbers are little-endian.
 */
export const magic = Buffer.from("TMGEN003", "latin1");
export const trailerSize = 8 * 5 + 32 + 8;
/** Bytes of groups in a block, before compression, unless one group alone has more. */
export const blockBytes = 16_384;
/** What one key may hold, and so what a block may unpack to. */
export const maxGroupBytes = 256 * 1_048_576;
export const hashBytes = 16;

/** What one advisory says of one key: texts of JSON, so that what is only carried over is never parsed. */
export interface GenerationRow {
  readonly id: string;
  /** The advisory without what it affects. */
  readonly head: string;
  /** Of what it affects, the one package. */
  readonly affected: string;
}

export const metaShape = z.object({
  version: z.literal(3),
  /** Digest, in hexadecimal, of the keys and of what is said of each: the generation's name. */
  content: z.string().regex(/^[0-9a-f]{64}$/),
  advisories: z.number(),
  withdrawn: z.number(),
  rows: z.number(),
  keys: z.number(),
  /** Rows of each ecosystem. */
  ecosystems: z.record(z.string(), z.number()),
});
export type GenerationMeta = z.infer<typeof metaShape>;

/** Which order keys have in the file: by name first, so that what releases of one distribution say of a package stands together. Printable ASCII, whatever the name. */
export function keyText({ ecosystem, name }: AdvisoryKey): string {
  return `${escape(name)}\u0001${escape(ecosystem)}`;
}

/** The inverse of keyText. */
export function parseKeyText(text: string): AdvisoryKey {
  const [name = "", ecosystem = ""] = text.split("\u0001");
  return { ecosystem: unescape(ecosystem), name: unescape(name) };
}

function escape(text: string): string {
  if (!/[^\x20-\x24\x26-\x7e]/.test(text)) return text;
  return text
    .toWellFormed()
    .replace(/[^\x20-\x24\x26-\x7e]/gu, (one) =>
      one < "\u0080" ? `%${one.charCodeAt(0).toString(16).padStart(2, "0")}` : encodeURIComponent(one),
    );
}

function unescape(text: string): string {
  return text.includes("%") ? decodeURIComponent(text) : text;
}

const checked = { params: { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 } };

/** Packed with a checksum of its own: one that is damaged on disk cannot be unpacked. */
export function packBlock(bytes: Uint8Array): Buffer {
  return zstdCompressSync(bytes, checked);
}

/** Throws where the block is damaged, or larger than any of ours. */
export function unpackBlock(bytes: Uint8Array): Buffer {
  return zstdDecompressSync(bytes, { maxOutputLength: maxGroupBytes + blockBytes });
}

/** Bytes that a row takes at most. */
export function mostRowBytes({ id, head, affected }: GenerationRow): number {
  return 10 + 3 * (id.length + head.length + affected.length);
}

/** Writes a row into `bytes` at `at`, where there is room for it; gives where it ends. */
export function writeRow(bytes: Buffer, at: number, { id, head, affected }: GenerationRow): number {
  const idLength = bytes.write(id, at + 10, "utf8");
  const headLength = bytes.write(head, at + 10 + idLength, "utf8");
  const affectedLength = bytes.write(affected, at + 10 + idLength + headLength, "utf8");
  bytes.writeUInt16LE(idLength, at);
  bytes.writeUInt32LE(headLength, at + 2);
  bytes.writeUInt32LE(affectedLength, at + 6);
  return at + 10 + idLength + headLength + affectedLength;
}

export function decodeRows(bytes: Buffer): GenerationRow[] {
  const rows: GenerationRow[] = [];
  for (let at = 0; at < bytes.length;) {
    const idEnd = at + 10 + bytes.readUInt16LE(at);
    const headEnd = idEnd + bytes.readUInt32LE(at + 2);
    const end = headEnd + bytes.readUInt32LE(at + 6);
    if (end > bytes.length) throw new Error("a row is longer than its group");
    rows.push({
      id: bytes.toString("utf8", at + 10, idEnd),
      head: bytes.toString("utf8", idEnd, headEnd),
      affected: bytes.toString("utf8", headEnd, end),
    });
    at = end;
  }
  return rows;
}

/** The rows of a group as they are, with their ids: for what is carried over. */
export function* splitRows(bytes: Buffer): Generator<{ readonly id: string; readonly bytes: Buffer }> {
  for (let at = 0; at < bytes.length;) {
    const idEnd = at + 10 + bytes.readUInt16LE(at);
    const end = idEnd + bytes.readUInt32LE(at + 2) + bytes.readUInt32LE(at + 6);
    if (end > bytes.length) throw new Error("a row is longer than its group");
    yield { id: bytes.toString("utf8", at + 10, idEnd), bytes: bytes.subarray(at, end) };
    at = end;
  }
}

/** Of one key, all that is said of it. */
export interface Group {
  readonly key: Buffer;
  readonly rows: Buffer;
}

export const groupHead = 6;

/** The groups of a block, in their order. */
export function* groupsOf(block: Buffer): Generator<Group> {
  for (let at = 0; at < block.length;) {
    const keyEnd = at + groupHead + block.readUInt16LE(at);
    const end = keyEnd + block.readUInt32LE(at + 2);
    if (end > block.length) throw new Error("a group is longer than its block");
    yield { key: block.subarray(at + groupHead, keyEnd), rows: block.subarray(keyEnd, end) };
    at = end;
  }
}

export function groupHash(rows: Uint8Array): Buffer {
  return createHash("sha256").update(rows).digest().subarray(0, hashBytes);
}
