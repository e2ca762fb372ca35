import type { ImageSink, ImageSource, Platform } from "../../../core/image/index.ts";
import { copyImage } from "../../../io/registry/index.ts";
import type { Digest } from "../../../lib/index.ts";

/** An image of somebody else in a sink of ours. */
export interface MirroredImage {
  readonly digest: Digest;
  /** Bytes that were sent. */
  readonly uploaded: number;
}

/** Copies an image by its digest, all of it or some platforms, with the signatures and attestations that its registry has of it. Throws what copying throws. */
export async function mirrorImage(
  request: {
    readonly source: ImageSource;
    readonly digest: Digest;
    readonly sink: ImageSink;
    readonly platforms?: readonly Platform[] | undefined;
  },
  signal?: AbortSignal,
): Promise<MirroredImage> {
  const { source, digest, sink, platforms } = request;
  const copied = await copyImage(source, digest, sink, {
    referrers: true,
    ...(platforms === undefined ? {} : { platforms }),
    ...(signal === undefined ? {} : { signal }),
  });
  return { digest: copied.digest, uploaded: copied.bytes };
}
