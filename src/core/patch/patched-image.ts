import {
  annotationKeys,
  mediaTypes,
  type Descriptor,
  type ImageConfig,
  type ImageIndex,
  type ImageManifest,
  type RawManifest,
} from "../image/index.ts";
import { canonicalJson, sha256, type Digest } from "../../lib/index.ts";

/** A layer that is put on top of an image. */
export interface AddedLayer {
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
  /** What it holds, in words. */
  readonly history: string;
}

/** Where an image comes from, as `org.opencontainers.image.base.*` say. image-spec, annotations.md. */
export interface ImageBase {
  readonly name: string;
  readonly digest: Digest;
}

/**
 * Config and manifest of `original` with one layer more: everything else that it says stays, its fields that we do not know included. `created` is the newest of its inputs, RFC 3339. A manifest of
 * Docker's own format becomes one of OCI, for Docker's has no annotations.
 */
export function addLayer(
  original: { readonly manifest: ImageManifest; readonly config: ImageConfig },
  layer: AddedLayer,
  base: ImageBase,
  created: string,
): { readonly config: { readonly descriptor: Descriptor; readonly bytes: Buffer }; readonly manifest: RawManifest } {
  const { manifest, config } = original;
  const patched: ImageConfig = {
    ...config,
    created,
    rootfs: { ...config.rootfs, diff_ids: [...config.rootfs.diff_ids, layer.diffId] },
    ...(config.history === undefined ? {} : { history: [...config.history, { created, created_by: layer.history }] }),
  };
  const configBytes = Buffer.from(canonicalJson(patched), "utf8");
  const descriptor: Descriptor = {
    mediaType: mediaTypes.config,
    digest: sha256(configBytes),
    size: configBytes.length,
  };
  const { subject: _, ...rest } = manifest;
  const bytes = Buffer.from(
    canonicalJson({
      ...rest,
      mediaType: mediaTypes.manifest,
      config: descriptor,
      layers: [...manifest.layers.map(asOci), layer.descriptor],
      annotations: { ...manifest.annotations, ...annotationsOf(base), [annotationKeys.created]: created },
    }),
    "utf8",
  );
  return {
    config: { descriptor, bytes: configBytes },
    manifest: { digest: sha256(bytes), mediaType: mediaTypes.manifest, bytes },
  };
}

/** One platform of a patched index: what its descriptor was, and the manifest in its place. */
export interface PatchedPlatform {
  readonly before: Descriptor;
  readonly manifest: RawManifest;
}

/** The index of `platforms`, in their order. What else the original named, attestations of its own manifests, would be untrue of these and is left out. */
export function patchIndex(original: ImageIndex, platforms: readonly PatchedPlatform[], base: ImageBase): RawManifest {
  const { subject: _, ...rest } = original;
  const bytes = Buffer.from(
    canonicalJson({
      ...rest,
      mediaType: mediaTypes.index,
      manifests: platforms.map(({ before, manifest }) => ({
        ...before,
        mediaType: manifest.mediaType,
        digest: manifest.digest,
        size: manifest.bytes.byteLength,
      })),
      annotations: { ...original.annotations, ...annotationsOf(base) },
    }),
    "utf8",
  );
  return { digest: sha256(bytes), mediaType: mediaTypes.index, bytes };
}

/** The later of two times; one that is none does not count. */
export function laterOf(a: string | undefined, b: string): string {
  const time = Date.parse(a ?? "");
  if (Number.isNaN(time) || time <= Date.parse(b)) return b;
  return `${new Date(time).toISOString().slice(0, 19)}Z`;
}

function annotationsOf({ name, digest }: ImageBase): Record<string, string> {
  return { [annotationKeys.baseName]: name, [annotationKeys.baseDigest]: digest };
}

function asOci(layer: Descriptor): Descriptor {
  if (layer.mediaType === mediaTypes.dockerLayerGzip) return { ...layer, mediaType: mediaTypes.layerGzip };
  if (layer.mediaType === "application/vnd.docker.image.rootfs.diff.tar")
    return { ...layer, mediaType: mediaTypes.layerTar };
  if (layer.mediaType === "application/vnd.docker.image.rootfs.diff.tar.zstd")
    return { ...layer, mediaType: mediaTypes.layerZstd };
  return layer;
}
