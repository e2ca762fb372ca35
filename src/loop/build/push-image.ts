import { mediaTypes, type Descriptor, type ImageSink } from "../../core/image/index.ts";
import type { Digest } from "../../lib/index.ts";
import { mapBounded } from "./gate.ts";
import type { AssembleOptions } from "./types.ts";

const uploadsAtATime = 4;
const configTypes: ReadonlySet<string> = new Set([mediaTypes.config, mediaTypes.dockerConfig]);

export interface PushBlob {
  readonly descriptor: Descriptor;
  readonly open: () => AsyncIterable<Uint8Array>;
  /** Set where no other repository can have it: asking whether it can be mounted would cost a request. */
  readonly isNew?: boolean;
}

export interface PushManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
  /** What it names: where the sink had all of it, we take it that it had the manifest too, for a sink does not say. */
  readonly blobs: readonly PushBlob[];
}

/** Puts blobs, then manifests, then the index into `sink`; counts bytes of each blob once, and of them those that were new there. */
export async function pushImage(
  manifests: readonly PushManifest[],
  index: Omit<PushManifest, "blobs"> | undefined,
  sink: ImageSink,
  { signal, mountFrom }: AssembleOptions,
): Promise<{ bytes: number; bytesUploaded: number }> {
  const blobs = new Map(manifests.flatMap((each) => each.blobs.map((blob) => [blob.descriptor.digest, blob])));
  const given = signal === undefined ? {} : { signal };
  const mounting = { ...(mountFrom === undefined ? {} : { mountFrom }), ...given };
  const sent = new Map<string, number>();
  await mapBounded([...blobs.values()], uploadsAtATime, async ({ descriptor, open, isNew }) => {
    signal?.throwIfAborted();
    sent.set(descriptor.digest, await sink.putBlob(descriptor, open, isNew === true ? given : mounting));
  });
  const isNew = (each: PushManifest): boolean =>
    each.blobs.some(
      ({ descriptor: { digest, mediaType } }) => configTypes.has(mediaType) && (sent.get(digest) ?? 0) > 0,
    );

  let bytes = [...blobs.values()].reduce((sum, { descriptor }) => sum + descriptor.size, 0);
  let bytesUploaded = [...sent.values()].reduce((sum, each) => sum + each, 0);
  for (const each of manifests) {
    await sink.putManifest(each, undefined, signal);
    bytes += each.bytes.byteLength;
    if (isNew(each)) bytesUploaded += each.bytes.byteLength;
  }
  if (index !== undefined) {
    await sink.putManifest(index, undefined, signal);
    bytes += index.bytes.byteLength;
    if (manifests.some(isNew)) bytesUploaded += index.bytes.byteLength;
  }
  return { bytes, bytesUploaded };
}
