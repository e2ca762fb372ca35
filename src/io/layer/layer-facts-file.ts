import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import type { EntryType, LayerEntry, LayerFacts, LayerProblem } from "../../core/inventory/index.ts";
import { isDigest } from "../../lib/index.ts";

/** Grows with every change of what the facts hold or mean: files of another version are read anew from their layer. */
export const factsVersion = 5;

const largestFile = 1024 * 1_048_576;
const types: readonly EntryType[] = ["file", "directory", "symlink", "hardlink", "character", "block", "fifo"];

type Row = readonly [path: string, type: number, mode: number, uid: number, gid: number, size: number, rest?: Rest];
type Rest = Omit<Partial<LayerEntry>, "path" | "type" | "mode" | "uid" | "gid" | "size" | "content"> & {
  readonly content?: string;
};

interface Stored {
  readonly version: number;
  readonly diffId: string;
  readonly unpacked: number;
  readonly entries: readonly Row[];
  readonly whiteouts: readonly string[];
  readonly opaques: readonly string[];
  readonly problems: readonly LayerProblem[];
}

/** A layer's facts as the bytes of a cache file: JSON rows, packed by zstd with its checksum. */
export function formatLayerFacts(facts: LayerFacts): Uint8Array {
  const entries = facts.entries.map(({ path, type, mode, uid, gid, size, content, ...rest }): Row => {
    const more = content === undefined ? rest : { ...rest, content: Buffer.from(content).toString("base64") };
    const row = [path, types.indexOf(type), mode, uid, gid, size] as const;
    return Object.keys(more).length === 0 ? row : [...row, more];
  });
  const stored: Stored = { version: factsVersion, ...facts, entries };
  const params = { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 };
  return zstdCompressSync(JSON.stringify(stored), { params });
}

/** The facts in a cache file's bytes; undefined where they are torn or of another version. */
export function parseLayerFacts(bytes: Uint8Array): LayerFacts | undefined {
  try {
    const text = zstdDecompressSync(bytes, { maxOutputLength: largestFile }).toString("utf8");
    const stored = JSON.parse(text) as Stored;
    if (stored.version !== factsVersion || !isDigest(stored.diffId)) return undefined;
    const { diffId, unpacked, whiteouts, opaques, problems } = stored;
    return { diffId, unpacked, whiteouts, opaques, problems, entries: stored.entries.map(entryOf) };
  } catch {
    return undefined;
  }
}

function entryOf([path, type, mode, uid, gid, size, rest]: Row): LayerEntry {
  const base = { path, type: types[type] ?? "file", mode, uid, gid, size };
  if (rest === undefined) return base;
  const { content, ...more } = rest;
  return content === undefined ? { ...base, ...more } : { ...base, ...more, content: Buffer.from(content, "base64") };
}
