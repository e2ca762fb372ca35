import { createHash } from "node:crypto";
import { tarFile, tarHeader, tarPadding, tarTrailer, generatedTime } from "../../core/layer/index.ts";
import type { MergeLayer } from "../../core/rebase/index.ts";
import { mediaTypes, type Descriptor } from "../../core/image/index.ts";
import { sha256, type Digest } from "../../lib/index.ts";
import { packTar } from "./member.ts";

/** Pieces of at least so many bytes are packed by themselves, so that images which have one in common pack it once. */
const sharedPiece = 32_768;

/** The last layer of a rebased image, as bytes. */
export interface PackedLayer {
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
  readonly bytes: Buffer;
}

/** Packs merge layers; the same bytes for the same layer, always. image-spec, layer.md. */
export type MergeLayerPacker = (layer: MergeLayer) => Promise<PackedLayer>;

/** A packer that remembers the pieces that many images have in common, for as long as somebody else holds them. */
export function createMergeLayerPacker(): MergeLayerPacker {
  const packed = new WeakMap<Buffer, Promise<Buffer>>();
  const packOnce = (piece: Buffer): Promise<Buffer> => {
    let work = packed.get(piece);
    if (work === undefined) packed.set(piece, (work = packTar(piece)));
    return work;
  };
  return async (layer) => {
    const parts = tarParts(layer);
    const hash = createHash("sha256");
    for (const part of parts) hash.update(part);
    const diffId: Digest = `sha256:${hash.digest("hex")}`;
    const members: Promise<Buffer>[] = [];
    let small: Buffer[] = [];
    const flush = (): void => {
      if (small.length > 0) members.push(packTar(Buffer.concat(small)));
      small = [];
    };
    for (const part of parts)
      if (part.length < sharedPiece) small.push(part);
      else {
        flush();
        members.push(packOnce(part));
      }
    flush();
    const bytes = Buffer.concat(await Promise.all(members));
    return {
      descriptor: { mediaType: mediaTypes.layerGzip, digest: sha256(bytes), size: bytes.length },
      diffId,
      bytes,
    };
  };
}

/** The archive in parts: folders, deletions, files. */
function tarParts({ folders, whiteouts, files }: MergeLayer): Buffer[] {
  const shape = { mtime: generatedTime } as const;
  const parts: Buffer[] = [];
  for (const folder of folders) parts.push(tarHeader({ ...shape, ...folder, kind: "directory", size: 0 }));
  for (const path of whiteouts) {
    const slash = path.lastIndexOf("/") + 1;
    const name = `${path.slice(0, slash)}.wh.${path.slice(slash)}`;
    parts.push(tarFile({ ...shape, path: name, kind: "file", mode: 0o644, uid: 0, gid: 0 }));
  }
  for (const { pieces, ...file } of files) {
    const size = pieces.reduce((sum, piece) => sum + piece.length, 0);
    parts.push(tarHeader({ ...shape, ...file, kind: "file", size }), ...pieces, tarPadding(size));
  }
  return [...parts, tarTrailer];
}
