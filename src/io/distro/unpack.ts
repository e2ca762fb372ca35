import { promisify } from "node:util";
import { gunzip, zstdDecompress } from "node:zlib";
import { xz } from "@napi-rs/lzma";
import { messageOf } from "../../lib/index.ts";
import { DistroError } from "./error.ts";
import { xzUnpackedSize } from "./xz-size.ts";

const unzip = promisify(gunzip);
const unzstd = promisify(zstdDecompress);

/** How a file is packed, told by the end of its name. */
export type Packing = "xz" | "gz" | "zst" | "none";

/**
 * The unpacked bytes of `packed`, at most `limit`; throws TOO_LARGE past it and `BAD_INDEX` where the stream is torn, naming
 * `what`. The xz decoder has no bound of its own, so that an xz file is measured before it is unpacked.
 */
export async function unpack(packed: Uint8Array, packing: Packing, limit: number, what: string): Promise<Buffer> {
  try {
    if (packing === "gz") return await unzip(packed, { maxOutputLength: limit });
    if (packing === "zst") return await unzstd(packed, { maxOutputLength: limit });
    if (packing === "none")
      return bounded(Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength), limit, what);
    const size = xzUnpackedSize(Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength), limit);
    if (size === undefined) throw torn(what, "it is not a whole xz file");
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
