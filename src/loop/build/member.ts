import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { promisify } from "node:util";
import { gzip, gzipSync } from "node:zlib";
import { tarTrailer } from "../../core/layer/index.ts";

const pack = promisify(gzip);
const gzipLevel = 6;
/** Bytes of tar in one gzip stream: small enough that the streams of one package are packed at the same time. */
const partSize = 1_048_576;
const readSize = 1_048_576;

/** A piece of a layer that is compressed already: whole gzip streams that unpack to whole or cut tar members, without the end of the archive. */
export interface Member {
  /** sha256 of the packed bytes, hexadecimal. */
  readonly key: string;
  readonly packed: number;
  readonly unpacked: number;
  readonly place: MemberPlace;
}

/** Where a member's packed bytes are. */
export type MemberPlace =
  | { readonly kind: "file"; readonly path: string; readonly at: number }
  | { readonly kind: "memory"; readonly bytes: Buffer };

/** Packs tar bytes in parts, on the thread pool. The same bytes for the same input and zlib: gzip's header says no time, no name, and no system. */
export async function packTar(tar: Buffer): Promise<Buffer> {
  const parts: Promise<Buffer>[] = [];
  for (let at = 0; at < tar.length; at += partSize)
    parts.push(pack(tar.subarray(at, at + partSize), { level: gzipLevel }));
  return Buffer.concat((await Promise.all(parts)).map(withoutSystem));
}

/** A member in memory, for what is small. */
function memoryMember(tar: Buffer): Member {
  const bytes = withoutSystem(gzipSync(tar, { level: gzipLevel }));
  return { key: hexSha256(bytes), packed: bytes.length, unpacked: tar.length, place: { kind: "memory", bytes } };
}

/** The end of every layer. */
export const trailerMember: Member = memoryMember(tarTrailer);

/** A member's packed bytes, in pieces. */
export async function* readMember(member: Member): AsyncGenerator<Buffer> {
  const { place, packed } = member;
  if (place.kind === "memory") {
    yield place.bytes;
    return;
  }
  const file = await open(place.path, "r");
  try {
    for (let done = 0; done < packed;) {
      const piece = Buffer.allocUnsafe(Math.min(readSize, packed - done));
      const { bytesRead } = await file.read(piece, 0, piece.length, place.at + done);
      if (bytesRead === 0) throw new Error(`${place.path} ends too early`);
      yield piece.subarray(0, bytesRead);
      done += bytesRead;
    }
  } finally {
    await file.close();
  }
}

export function hexSha256(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** RFC 1952, 2.3.1: OS, which zlib sets to what it runs on; 255 is unknown. */
function withoutSystem(bytes: Buffer): Buffer {
  bytes[9] = 255;
  return bytes;
}
