import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { constants, createGunzip, createZstdDecompress, zstdDecompressSync } from "node:zlib";
import { messageOf } from "../../lib/index.ts";
import { LayerError } from "./error.ts";
import type { LayerLimits } from "./limits.ts";
import { splitZstdFrames } from "./zstd-frames.ts";

/** Unpacked bytes that pass before the ratio counts. */
const ratioFloor = 64 * 1_048_576;
/** A zstd frame may ask for this much memory (32 MiB), no more. RFC 8878, 3.1.1.1.2. */
const windowLog = 25;
/** Larger chunks are a little faster, and leave more garbage at once than a bomb may: 64 KiB takes twice the memory. */
const chunkSize = 32_768;
/** Packed bytes of a zstd frame that is unpacked at once. */
const smallFrame = 262_144;

/**
 * The uncompressed bytes of a layer, told by its first bytes and not by its media type: gzip of one or more members,
 * zstd of one or more frames, or plain. `size` is what the blob should have. Throws LAYER_TOO_LARGE past a limit, LAYER_CORRUPT where the stream is torn.
 */
export async function* decompress(
  source: AsyncIterable<Uint8Array>,
  size: number,
  limits: Pick<LayerLimits, "compressed" | "unpacked" | "ratio">,
  what: string,
): AsyncGenerator<Uint8Array> {
  let packed = 0;
  let unpacked = 0;
  const counted = async function* (chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      packed += chunk.byteLength;
      if (packed > limits.compressed) throw tooLarge(what, `its blob is larger than ${limits.compressed} bytes`);
      yield chunk;
    }
  };
  const { head, whole } = await peek(counted(source), 4);
  const bytes = unpackerFor(head, whole, what);
  for await (const chunk of bytes) {
    unpacked += chunk.byteLength;
    if (unpacked > limits.unpacked) throw tooLarge(what, `it unpacks to more than ${limits.unpacked} bytes`);
    if (unpacked > ratioFloor && unpacked > Math.max(size, packed) * limits.ratio)
      throw tooLarge(what, `it unpacks to more than ${limits.ratio} times its size`);
    yield chunk;
  }
}

function unpackerFor(head: Uint8Array, whole: AsyncIterable<Uint8Array>, what: string): AsyncIterable<Uint8Array> {
  if (head[0] === 0x1f && head[1] === 0x8b) return through(whole, createGunzip({ chunkSize }), what);
  const isZstd = head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd;
  const isSkippable =
    head[0] !== undefined && (head[0] & 0xf0) === 0x50 && head[1] === 0x2a && head[2] === 0x4d && head[3] === 0x18;
  if (!isZstd && !isSkippable) return whole;
  return unpackZstd(whole, what);
}

/** Frame by frame: small frames at once, as a layer may have one for every file; larger ones, and those that grow, as a stream. */
async function* unpackZstd(source: AsyncIterable<Uint8Array>, what: string): AsyncGenerator<Uint8Array> {
  const pieces = splitZstdFrames(source, what);
  const params = { [constants.ZSTD_d_windowLogMax]: windowLog };
  for (;;) {
    const first: Uint8Array[] = [];
    let size = 0;
    let last = false;
    while (!last && size <= smallFrame) {
      const next = await pieces.next();
      if (next.done === true) return;
      first.push(next.value.bytes);
      size += next.value.bytes.byteLength;
      last = next.value.last;
    }
    const small = last ? unpackSmall(Buffer.concat(first), params) : undefined;
    if (small !== undefined) {
      yield small;
      continue;
    }
    const rest = async function* (): AsyncGenerator<Uint8Array> {
      yield* first;
      while (!last) {
        const next = await pieces.next();
        if (next.done === true) return;
        last = next.value.last;
        yield next.value.bytes;
      }
    };
    yield* through(rest(), createZstdDecompress({ chunkSize, params }), what);
  }
}

/** The content of a whole frame; undefined where it is too large for one piece, or broken: the stream then says how. */
function unpackSmall(frame: Buffer, params: Record<number, number>): Buffer | undefined {
  try {
    return zstdDecompressSync(frame, { params, maxOutputLength: 8 * smallFrame });
  } catch {
    return undefined;
  }
}

async function* through(
  source: AsyncIterable<Uint8Array>,
  unpacker: NodeJS.ReadWriteStream & AsyncIterable<Uint8Array>,
  what: string,
): AsyncGenerator<Uint8Array> {
  const input = Readable.from(source, { objectMode: false });
  let torn: unknown;
  const done = pipeline(input, unpacker).catch((error: unknown) => {
    torn = error;
  });
  try {
    yield* unpacker;
    await done;
  } catch (error) {
    torn ??= error;
  } finally {
    input.destroy();
  }
  if (torn === undefined) return;
  if (isOurs(torn)) throw torn;
  throw new LayerError("LAYER_CORRUPT", `${what} cannot be unpacked: ${messageOf(torn)}`, { cause: torn });
}

/** Whether an error came from the source (a limit, the registry) and not from the unpacker. */
function isOurs(error: unknown): error is Error {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return error instanceof Error && !code.startsWith("Z_") && !code.startsWith("ZSTD_") && !code.startsWith("ERR_");
}

function tooLarge(what: string, why: string): LayerError {
  return new LayerError("LAYER_TOO_LARGE", `${what}: ${why}`, {
    hint: "If the image really is that large, raise the limit for layers in the configuration.",
  });
}

/** The first `count` bytes of `source` (fewer where it ends), and all of it. */
async function peek(
  source: AsyncGenerator<Uint8Array>,
  count: number,
): Promise<{ head: Uint8Array; whole: AsyncIterable<Uint8Array> }> {
  const first: Uint8Array[] = [];
  let length = 0;
  while (length < count) {
    const next = await source.next();
    if (next.done === true) break;
    first.push(next.value);
    length += next.value.byteLength;
  }
  const head = Buffer.concat(first);
  const whole = async function* (): AsyncGenerator<Uint8Array> {
    if (head.length > 0) yield head;
    yield* source;
  };
  return { head, whole: whole() };
}
