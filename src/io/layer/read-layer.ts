import { createHash } from "node:crypto";
import type { Descriptor, ImageSource } from "../../core/image/index.ts";
import type { LayerFacts } from "../../core/inventory/index.ts";
import { TarError, TarParser } from "../../core/layer/index.ts";
import { digestAlgorithm, digestHex, type Digest } from "../../lib/index.ts";
import { decompress } from "./decompress.ts";
import { LayerError } from "./error.ts";
import { LayerFactsBuilder } from "./layer-facts-builder.ts";
import { defaultLayerLimits, type LayerLimits } from "./limits.ts";

export interface ReadLayerOptions {
  /** The digest of the uncompressed archive, as the image's config says. */
  readonly diffId: Digest;
  readonly limits?: LayerLimits;
  readonly signal?: AbortSignal;
}

/**
 * All facts of the layer that `descriptor` names, streamed from `source` and never unpacked onto the file system. What is
 * wrong with single members is among the facts. Throws LAYER_TOO_LARGE past a limit, LAYER_CORRUPT where the archive is
 * torn, DIFF_ID_MISMATCH where it is not the one that the config promises. image-spec, layer.md.
 */
export async function readLayer(
  source: ImageSource,
  descriptor: Descriptor,
  { diffId, limits = defaultLayerLimits, signal }: ReadLayerOptions,
): Promise<LayerFacts> {
  const what = `layer ${descriptor.digest} of ${source.name}`;
  const hash = createHash(digestAlgorithm(diffId));
  const builder = new LayerFactsBuilder(limits, what);
  const parser = new TarParser(builder, what);
  let unpacked = 0;
  try {
    for await (const chunk of decompress(source.blob(descriptor, signal), descriptor.size, limits, what)) {
      signal?.throwIfAborted();
      hash.update(chunk);
      unpacked += chunk.byteLength;
      parser.push(chunk);
    }
    parser.finish();
  } catch (error) {
    if (error instanceof TarError) throw new LayerError("LAYER_CORRUPT", error.message, { cause: error });
    throw error;
  }
  const actual = hash.digest("hex");
  if (actual !== digestHex(diffId))
    throw new LayerError("DIFF_ID_MISMATCH", `${what} unpacks to sha256:${actual}, but the config says ${diffId}`, {
      hint: "The image's config and layers do not belong together: it was put together wrongly, or tampered with.",
    });
  return builder.facts(diffId, unpacked);
}
