import { pack } from "tar-stream";
import type { Descriptor, ImageManifest, ImageSource } from "../../core/image/index.ts";
import { digestHex } from "../../lib/index.ts";

/** A `docker load` archive of one image, streamed from its source: config, layers as they are stored, and manifest.json that gives it `tag`. Docker image-spec v1.2, Combined Image JSON. */
export async function* writeImageArchive(
  source: ImageSource,
  manifest: ImageManifest,
  tag: string,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const archive = pack();
  const pathOf = ({ digest }: Descriptor): string => `blobs/sha256/${digestHex(digest)}`;
  const list = [{ Config: pathOf(manifest.config), RepoTags: [tag], Layers: manifest.layers.map(pathOf) }];
  const fill = async (): Promise<void> => {
    const seen = new Set<string>();
    for (const descriptor of [manifest.config, ...manifest.layers]) {
      if (seen.has(descriptor.digest)) continue;
      seen.add(descriptor.digest);
      const entry = archive.entry({ name: pathOf(descriptor), size: descriptor.size, mode: 0o644 });
      for await (const chunk of source.blob(descriptor, signal))
        if (!entry.write(chunk)) await new Promise<void>((resolve) => void entry.once("drain", () => resolve()));
      entry.end(undefined);
    }
    archive.entry({ name: "manifest.json" }, JSON.stringify(list));
    archive.finalize();
  };
  const filled = fill().catch((error: unknown) => {
    archive.destroy(error instanceof Error ? error : new Error(String(error)));
  });
  yield* archive as AsyncIterable<Uint8Array>;
  await filled;
}
