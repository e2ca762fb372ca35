import { createZstdCompress, gzipSync, zstdCompressSync } from "node:zlib";
import { Readable } from "node:stream";
import type { ImageSource } from "../../../core/image/index.ts";
import { sha256 } from "../../../lib/index.ts";
import { readLayer } from "../read-layer.ts";
import { memberBlocks } from "./make-tar.ts";

const tenGiB = 10 * 1024 ** 3;
const mebibyte = 1_048_576;
const part = 256 * mebibyte;

/** A tar member of 10 GiB of zeros, packed as forty members or frames of 256 MiB, or as one frame. */
async function pack(kind: string): Promise<Buffer> {
  const [header = Buffer.alloc(512)] = memberBlocks({ name: "zeros", size: tenGiB - 1024 });
  const zeros = Buffer.alloc(part);
  if (kind === "gzip") {
    const member = gzipSync(zeros, { level: 9 });
    return Buffer.concat([gzipSync(header), ...Array.from({ length: 40 }, () => member)]);
  }
  if (kind === "zstd-frames") {
    const frame = zstdCompressSync(zeros);
    return Buffer.concat([zstdCompressSync(header), ...Array.from({ length: 40 }, () => frame)]);
  }
  const whole = function* (): Generator<Buffer> {
    yield header;
    for (let at = 0; at < tenGiB; at += part) yield zeros;
  };
  const chunks: Buffer[] = [];
  for await (const chunk of Readable.from(whole(), { objectMode: false }).pipe(createZstdCompress()))
    chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const blob = await pack(process.argv[2] ?? "gzip");
const digest = sha256(blob);
globalThis.gc?.();
const before = process.memoryUsage().rss;
let most = before;
const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 5);
const source: ImageSource = {
  name: "bomb",
  manifest: () => Promise.resolve(undefined),
  blob: async function* () {
    for (let at = 0; at < blob.length; at += 65_536) yield await Promise.resolve(blob.subarray(at, at + 65_536));
  },
};
let code = "none";
try {
  await readLayer(source, { mediaType: "x", digest, size: blob.length }, { diffId: digest });
} catch (error) {
  code = String((error as { code?: string }).code ?? error);
}
clearInterval(watch);
most = Math.max(most, process.memoryUsage().rss);
process.stdout.write(JSON.stringify({ code, grownMiB: (most - before) / mebibyte, blobMiB: blob.length / mebibyte }));
