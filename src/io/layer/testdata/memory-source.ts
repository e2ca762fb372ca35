import { gzipSync } from "node:zlib";
import { mediaTypes, type Descriptor, type ImageConfig, type ImageSource } from "../../../core/image/index.ts";
import { sha256, type Digest } from "../../../lib/index.ts";

/** An image source in memory, which counts how often each blob is read. */
export interface MemorySource extends ImageSource {
  put(bytes: Uint8Array, mediaType: string): Descriptor;
  tag(name: string, bytes: Uint8Array, mediaType: string): Digest;
  readonly reads: Map<string, number>;
}

export function memorySource(name = "memory"): MemorySource {
  const blobs = new Map<string, Uint8Array>();
  const manifests = new Map<string, { digest: Digest; mediaType: string; bytes: Uint8Array }>();
  const reads = new Map<string, number>();
  return {
    name,
    reads,
    put: (bytes, mediaType) => {
      const digest = sha256(bytes);
      blobs.set(digest, bytes);
      return { mediaType, digest, size: bytes.length };
    },
    tag: (reference, bytes, mediaType) => {
      const raw = { digest: sha256(bytes), mediaType, bytes };
      manifests.set(reference, raw);
      manifests.set(raw.digest, raw);
      return raw.digest;
    },
    manifest: (reference) => Promise.resolve(manifests.get(reference)),
    blob: async function* ({ digest }) {
      reads.set(digest, (reads.get(digest) ?? 0) + 1);
      const bytes = blobs.get(digest);
      if (bytes === undefined) throw new Error(`no blob ${digest}`);
      for (let at = 0; at < bytes.length; at += 65_536) yield await Promise.resolve(bytes.subarray(at, at + 65_536));
    },
  };
}

/** Puts an image of these archives into `source`, under a tag; resolves to the manifest's digest. */
export function putImage(
  source: MemorySource,
  tag: string,
  layers: readonly Buffer[],
  config: Partial<ImageConfig> = {},
): Digest {
  const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
  const full: ImageConfig = {
    architecture: "amd64",
    os: "linux",
    rootfs: { type: "layers", diff_ids: layers.map((layer) => sha256(layer)) },
    ...config,
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: source.put(json(full), mediaTypes.config),
    layers: layers.map((layer) => source.put(gzipSync(layer), mediaTypes.layerGzip)),
  };
  return source.tag(tag, json(manifest), mediaTypes.manifest);
}
