import { open, rm, type FileHandle } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { limitBytes } from "../../lib/index.ts";
import { RegistryError } from "./error.ts";

/** Bytes that a compressed archive may become, whatever its size; and times its size beyond that. */
const plainBytes = 1024 ** 3;
const plainRatio = 50;

/**
 * The file at `path`, and where it is gzip or zstd its content in a nameless temporary file, for reading at any place.
 * Throws BAD_ARCHIVE; `most` bytes may come out of a small one.
 */
export async function openPlainTar(path: string, most = plainBytes): Promise<FileHandle> {
  const file = await open(path, "r");
  try {
    const found = await file.stat();
    if (!found.isFile()) throw new RegistryError("BAD_ARCHIVE", `${path} is not a plain file`);
    const decompress = decompressor((await file.read(Buffer.alloc(4), 0, 4, 0)).buffer);
    if (decompress === undefined) return file;
    const plain = await openNameless();
    const limit = Math.max(most, found.size * plainRatio);
    try {
      await pipeline(file.createReadStream({ start: 0 }), decompress, async (source) => {
        for await (const chunk of limitBytes(source, limit, path)) await plain.writeFile(chunk);
      });
      return plain;
    } catch (cause) {
      await plain.close();
      throw new RegistryError("BAD_ARCHIVE", `${path} cannot be decompressed`, { cause });
    }
  } catch (error) {
    await file.close();
    throw error;
  }
}

function decompressor(magic: Buffer): Transform | undefined {
  if (magic[0] === 0x1f && magic[1] === 0x8b) return createGunzip();
  return magic.equals(Buffer.from([0x28, 0xb5, 0x2f, 0xfd])) ? createZstdDecompress() : undefined;
}

async function openNameless(): Promise<FileHandle> {
  const path = join(tmpdir(), `tidemill-${randomUUID()}`);
  const file = await open(path, "wx+", 0o600);
  await rm(path);
  return file;
}
