import { LayerError } from "./error.ts";

/** Some bytes of a zstd frame; `last` where the frame ends with them. */
export interface FramePiece {
  readonly bytes: Uint8Array;
  readonly last: boolean;
}

type Part = "magic" | "skip-size" | "skip" | "descriptor" | "rest-of-header" | "block-header" | "block" | "checksum";

/**
 * Cuts a zstd stream into its frames, skippable ones left out: an unpacker reads one frame and no more. Throws
 * LAYER_CORRUPT where something else stands between frames, or the stream ends within one. RFC 8878, 3.1.
 */
export async function* splitZstdFrames(source: AsyncIterable<Uint8Array>, what: string): AsyncGenerator<FramePiece> {
  let part: Part = "magic";
  let left = 4;
  let head: number[] = [];
  let isLastBlock = false;
  let hasChecksum = false;
  let skipping = false;
  for await (const chunk of source) {
    let start = 0;
    for (let at = 0; at < chunk.length;) {
      if (part === "block" || part === "skip" || part === "checksum" || part === "rest-of-header") {
        const step = Math.min(left, chunk.length - at);
        at += step;
        left -= step;
      } else {
        head.push(chunk[at] ?? 0);
        at += 1;
        left -= 1;
      }
      while (left === 0) {
        const value = head.reduceRight((sum, byte) => sum * 256 + byte, 0);
        const wasSkipping: boolean = skipping;
        head = [];
        switch (part) {
          case "magic":
            skipping = value >= 0x184d2a50 && value <= 0x184d2a5f;
            if (!skipping && value !== 0xfd2fb528) throw corrupt(what, "something else stands between its zstd frames");
            [part, left] = skipping ? ["skip-size", 4] : ["descriptor", 1];
            break;
          case "skip-size":
            [part, left] = ["skip", value];
            break;
          case "descriptor":
            hasChecksum = (value & 4) !== 0;
            [part, left] = ["rest-of-header", headerRest(value)];
            break;
          case "rest-of-header":
            [part, left] = ["block-header", 3];
            break;
          case "block-header":
            isLastBlock = (value & 1) !== 0;
            [part, left] = ["block", ((value >> 1) & 3) === 1 ? 1 : value >> 3];
            break;
          case "block":
            if (!isLastBlock) [part, left] = ["block-header", 3];
            else [part, left] = ["checksum", hasChecksum ? 4 : 0];
            break;
          case "skip":
          case "checksum":
            if (!wasSkipping) yield { bytes: chunk.subarray(start, at), last: true };
            start = at;
            skipping = false;
            [part, left] = ["magic", 4];
        }
      }
      if (skipping) start = at;
    }
    if (start < chunk.length) yield { bytes: chunk.subarray(start), last: false };
  }
  if (part !== "magic" || left !== 4) throw corrupt(what, "it ends within a zstd frame");
}

/** Bytes of a frame header after its first one. */
function headerRest(descriptor: number): number {
  const isSingle = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >> 6;
  const contentSize = sizeFlag === 0 ? (isSingle ? 1 : 0) : 1 << sizeFlag;
  return (isSingle ? 0 : 1) + ([0, 1, 2, 4][descriptor & 3] ?? 0) + contentSize;
}

function corrupt(what: string, why: string): LayerError {
  return new LayerError("LAYER_CORRUPT", `${what}: ${why}`);
}
