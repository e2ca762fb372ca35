import { promisify } from "node:util";
import { gunzip, zstdDecompress } from "node:zlib";
import { xz } from "@napi-rs/lzma";
import { messageOf } from "../../lib/index.ts";
import { DistroError } from "./error.ts";

const unzip = promisify(gunzip);
const unzstd = promisify(zstdDecompress);

/** How a file is packed, told by the end of its name. */
export type Packing = "xz" | "gz" | "zst" | "none";

/**
 * The unpacked bytes of `packed`, at most `limit`; throws TOO_LARGE past it and `BAD_INDEX` where the stream is torn, naming
 * `what`. An xz file says in its index how large it will be (The .xz File Format 1.2.1, section 4): that is read first, since its decoder has no bound.
 */
export async function unpack(packed: Uint8Array, packing: Packing, limit: number, what: string): Promise<Buffer> {
  try {
    if (packing === "gz") return await unzip(packed, { maxOutputLength: limit });
    if (packing === "zst") return await unzstd(packed, { maxOutputLength: limit });
    if (packing === "none")
      return bounded(Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength), limit, what);
    const size = unpackedSize(Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength));
    if (size === undefined) throw torn(what, "its xz index cannot be read");
    if (size > limit) throw tooLarge(what, limit);
    return bounded(await xz.decompress(packed), limit, what);
  } catch (error) {
    if (error instanceof DistroError) throw error;
    if (error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE") throw tooLarge(what, limit);
    throw torn(what, messageOf(error));
  }
}

function bounded(bytes: Buffer, limit: number, what: string): Buffer {
  if (bytes.byteLength > limit) throw tooLarge(what, limit);
  return bytes;
}

function tooLarge(what: string, limit: number): DistroError {
  return new DistroError("TOO_LARGE", `${what} unpacks to more than ${limit} bytes`);
}

function torn(what: string, why: string): DistroError {
  return new DistroError("BAD_INDEX", `${what} cannot be unpacked: ${why}`);
}

/** What the index of each stream in the file says in total; undefined where there is none that fits. */
function unpackedSize(file: Buffer): number | undefined {
  let total = 0;
  let end = file.length;
  while (end > 0) {
    if (end % 4 !== 0) return undefined;
    if (file.readUInt32LE(end - 4) === 0) {
      end -= 4;
      continue;
    }
    if (end < 32 || file.toString("latin1", end - 2, end) !== "YZ") return undefined;
    const indexSize = (file.readUInt32LE(end - 8) + 1) * 4;
    const indexStart = end - 12 - indexSize;
    if (indexStart < 12) return undefined;
    const index = readIndex(file.subarray(indexStart, end - 12));
    if (index === undefined) return undefined;
    total += index.unpacked;
    end = indexStart - index.packed - 12;
    if (end < 0 || file.readUInt32BE(end) !== 0xfd377a58) return undefined;
  }
  return total;
}

function readIndex(index: Buffer): { packed: number; unpacked: number } | undefined {
  let at = 1;
  const number = (): number => {
    let value = 0;
    for (let power = 0; power < 9; power += 1) {
      const byte = index[at] ?? 0x80;
      at += 1;
      value += (byte & 0x7f) * 2 ** (7 * power);
      if ((byte & 0x80) === 0) return value;
    }
    return Number.NaN;
  };
  if (index[0] !== 0) return undefined;
  const records = number();
  let packed = 0;
  let unpacked = 0;
  for (let record = 0; record < records && at < index.length; record += 1) {
    packed += Math.ceil(number() / 4) * 4;
    unpacked += number();
  }
  return Number.isSafeInteger(packed) && Number.isSafeInteger(unpacked) && records >= 0
    ? { packed, unpacked }
    : undefined;
}
