import { createHash } from "node:crypto";
import { crc32, gzipSync } from "node:zlib";
import { tarFile, tarHeader, tarPadding, tarTrailer, generatedTime } from "../../core/layer/index.ts";
import type { MergeLayer } from "../../core/rebase/index.ts";
import { mediaTypes, type Descriptor } from "../../core/image/index.ts";
import { sha256, type Digest } from "../../lib/index.ts";
import { hexSha256, packTar } from "./member.ts";

/** Pieces up to so many bytes are packed at once: to hand them to another thread costs more. */
const smallPiece = 65_536;
/** Bytes that a gzip stream without compression may hold: one stored block. RFC 1951, 3.2.4. */
const largestStored = 65_535;
const gzipLevel = 6;
/** Some kilobytes each. */
const heldPieces = 2000;

/** The last layer of a rebased image, as bytes. */
export interface PackedLayer {
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
  readonly bytes: Buffer;
}

/** Packs merge layers; the same bytes for the same layer, always. image-spec, layer.md. */
export type MergeLayerPacker = (layer: MergeLayer) => Promise<PackedLayer>;

/** A piece of the archive that is a gzip stream of its own; `plain` is too small and too seldom the same to be worth packing. */
interface Part {
  readonly bytes: Buffer;
  readonly plain: boolean;
}

/**
 * A packer that packs what images have in common once: the layer is a row of gzip streams, one for the folders, and for each file one for its header and one for each piece of its content. RFC 1952, 2.2.
 */
export function createMergeLayerPacker(): MergeLayerPacker {
  /** Large pieces are the same object where they are the same, and are forgotten with whoever made them. */
  const large = new WeakMap<Buffer, Promise<Buffer>>();
  const small = new Map<string, Buffer>();
  const packSmall = (bytes: Buffer): Buffer => {
    const key = hexSha256(bytes);
    const packed = small.get(key) ?? withoutSystem(gzipSync(bytes, { level: gzipLevel }));
    small.delete(key);
    small.set(key, packed);
    for (const oldest of small.keys()) {
      if (small.size <= heldPieces) break;
      small.delete(oldest);
    }
    return packed;
  };
  const pack = async ({ bytes, plain }: Part): Promise<Buffer> => {
    if (plain) return store(bytes);
    if (bytes.length <= smallPiece) return packSmall(bytes);
    let work = large.get(bytes);
    if (work === undefined) large.set(bytes, (work = packTar(bytes)));
    return work;
  };
  return async (layer) => {
    const parts = partsOf(layer);
    const hash = createHash("sha256");
    for (const { bytes } of parts) hash.update(bytes);
    const bytes = Buffer.concat(await Promise.all(parts.map(pack)));
    return {
      descriptor: { mediaType: mediaTypes.layerGzip, digest: sha256(bytes), size: bytes.length },
      diffId: `sha256:${hash.digest("hex")}`,
      bytes,
    };
  };
}

/** The archive in parts: folders and deletions, files, the end. */
function partsOf({ folders, whiteouts, files }: MergeLayer): Part[] {
  const shape = { mtime: generatedTime } as const;
  const first: Buffer[] = [];
  for (const folder of folders) first.push(tarHeader({ ...shape, ...folder, kind: "directory", size: 0 }));
  for (const path of whiteouts) {
    const slash = path.lastIndexOf("/") + 1;
    const name = `${path.slice(0, slash)}.wh.${path.slice(slash)}`;
    first.push(tarFile({ ...shape, path: name, kind: "file", mode: 0o644, uid: 0, gid: 0 }));
  }
  const parts: Part[] = first.length === 0 ? [] : [{ bytes: Buffer.concat(first), plain: false }];
  let padding: Buffer = Buffer.alloc(0);
  for (const { pieces, ...file } of files) {
    const size = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const header = Buffer.concat([padding, tarHeader({ ...shape, ...file, kind: "file", size })]);
    parts.push({ bytes: header, plain: header.length <= largestStored });
    for (const bytes of pieces) if (bytes.length > 0) parts.push({ bytes, plain: false });
    padding = tarPadding(size);
  }
  return [...parts, { bytes: Buffer.concat([padding, tarTrailer]), plain: false }];
}

/** A gzip stream of one stored block: no compressor has to be set up for it. RFC 1951, 3.2.4; RFC 1952, 2.3. */
function store(bytes: Buffer): Buffer {
  const head = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1, 0, 0, 0, 0]);
  head.writeUInt16LE(bytes.length, 11);
  head.writeUInt16LE(bytes.length ^ 0xffff, 13);
  const tail = Buffer.alloc(8);
  tail.writeUInt32LE(crc32(bytes), 0);
  tail.writeUInt32LE(bytes.length, 4);
  return Buffer.concat([head, bytes, tail]);
}

/** RFC 1952, 2.3.1: OS, which zlib sets to what it runs on; 255 is unknown. */
function withoutSystem(bytes: Buffer): Buffer {
  bytes[9] = 255;
  return bytes;
}
