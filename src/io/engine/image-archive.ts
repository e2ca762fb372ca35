import type { Descriptor, ImageManifest, ImageSource } from "../../core/image/index.ts";
import { tarFile, tarHeader, tarPadding, tarTrailer } from "../../core/layer/index.ts";
import { digestHex } from "../../lib/index.ts";
import { EngineError } from "./error.ts";

const entry = { kind: "file", mode: 0o644, uid: 0, gid: 0, mtime: 0 } as const;

/**
 * A `docker load` archive of one image, streamed from its source: config, layers as they are stored, and manifest.json that
 * gives it `tag`. Throws LOAD_FAILED where a blob is not as long as its descriptor says. Docker image-spec v1.2, Combined
 * Image JSON.
 */
export async function* writeImageArchive(
  source: ImageSource,
  manifest: ImageManifest,
  tag: string,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const pathOf = ({ digest }: Descriptor): string => `blobs/sha256/${digestHex(digest)}`;
  const blobs = new Map([manifest.config, ...manifest.layers].map((descriptor) => [descriptor.digest, descriptor]));
  for (const descriptor of blobs.values()) {
    const { digest, size } = descriptor;
    yield tarHeader({ ...entry, path: pathOf(descriptor), size });
    let sent = 0;
    for await (const chunk of source.blob(descriptor, signal)) {
      sent += chunk.byteLength;
      yield chunk;
    }
    if (sent !== size)
      throw new EngineError("LOAD_FAILED", `${source.name}: ${digest} has ${sent} bytes, not ${size}`, { retry: true });
    yield tarPadding(size);
  }
  const list = [{ Config: pathOf(manifest.config), RepoTags: [tag], Layers: manifest.layers.map(pathOf) }];
  yield tarFile({ ...entry, path: "manifest.json" }, JSON.stringify(list));
  yield tarTrailer;
}
