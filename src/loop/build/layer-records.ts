import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { canonicalJson, isDigest, writeFileDurable } from "../../lib/index.ts";
import type { LayerRecord } from "./convert-package.ts";
import { createGate } from "./gate.ts";
import { hexSha256 } from "./member.ts";

const heldRecords = 50_000;
const hashedAtATime = 2;
const fileLimit = 4096;

export interface LayerRecords {
  /** What the layer of members with these keys is. All of it is read, from `open`, where no image had it before. */
  record(keys: readonly string[], open: () => AsyncIterable<Buffer>): Promise<LayerRecord>;
}

/** Digests of layers made of several members, in memory and in small files of `folder`, by the digests of the members: so they hold for ever. */
export function createLayerRecords(folder: string): LayerRecords {
  const memory = new Map<string, LayerRecord>();
  const underWay = new Map<string, Promise<LayerRecord>>();
  const gate = createGate(hashedAtATime);

  return {
    record: async (keys, open) => {
      const key = hexSha256(keys.join("\n"));
      const known = memory.get(key);
      if (known !== undefined) return known;
      let work = underWay.get(key);
      if (work === undefined) {
        const path = join(folder, "layers", key.slice(0, 2), key);
        work = (async () => {
          const stored = await loadRecord(path, key);
          if (stored !== undefined) return stored;
          const made = await gate(() => hashLayer(open()));
          await writeFileDurable(path, formatRecord(made, key));
          return made;
        })()
          .then((record) => {
            memory.set(key, record);
            for (const oldest of memory.keys()) {
              if (memory.size <= heldRecords) break;
              memory.delete(oldest);
            }
            return record;
          })
          .finally(() => underWay.delete(key));
        underWay.set(key, work);
      }
      return work;
    },
  };
}

/** What a layer of these packed bytes is. */
export async function hashLayer(bytes: AsyncIterable<Buffer>): Promise<LayerRecord> {
  const blob = createHash("sha256");
  const diff = createHash("sha256");
  let size = 0;
  let unpacked = 0;
  async function* packed(): AsyncGenerator<Buffer> {
    for await (const piece of bytes) {
      blob.update(piece);
      size += piece.length;
      yield piece;
    }
  }
  await pipeline(packed, createGunzip({ chunkSize: 262_144 }), async (pieces: AsyncIterable<Buffer>) => {
    for await (const piece of pieces) {
      diff.update(piece);
      unpacked += piece.length;
    }
  });
  return { digest: `sha256:${blob.digest("hex")}`, size, diffId: `sha256:${diff.digest("hex")}`, unpacked };
}

/** The record with a checksum of its own: what a damaged file says would become the digest of a layer. */
function formatRecord(record: LayerRecord, key: string): string {
  return canonicalJson({ ...record, check: hexSha256(key + canonicalJson(record)) });
}

async function loadRecord(path: string, key: string): Promise<LayerRecord | undefined> {
  const text = await readFile(path, "utf8").catch(() => "");
  if (text === "" || text.length > fileLimit) return undefined;
  try {
    const { check, ...record } = JSON.parse(text) as LayerRecord & { check: string };
    const whole =
      check === hexSha256(key + canonicalJson(record)) && isDigest(record.digest) && isDigest(record.diffId);
    return whole ? record : undefined;
  } catch {
    return undefined;
  }
}
