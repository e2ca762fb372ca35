import type { Digest } from "../../lib/index.ts";

/** A platform as OCI writes it: `linux/amd64`, `linux/arm64`, `linux/arm/v7`. image-spec, image-index.md. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/** What a manifest or index says of a blob or manifest. image-spec, descriptor.md. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: Platform;
  readonly artifactType?: string;
}

/** image-spec, manifest.md. */
export interface ImageManifest {
  readonly schemaVersion: 2;
  readonly mediaType: string;
  readonly artifactType?: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** image-spec, image-index.md. */
export interface ImageIndex {
  readonly schemaVersion: 2;
  readonly mediaType: string;
  readonly artifactType?: string;
  readonly manifests: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** image-spec, config.md. */
export interface ImageConfig {
  readonly created?: string;
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string;
  readonly config?: {
    readonly User?: string;
    readonly Env?: readonly string[];
    readonly Entrypoint?: readonly string[];
    readonly Cmd?: readonly string[];
    readonly WorkingDir?: string;
    readonly Labels?: Readonly<Record<string, string>>;
    readonly ExposedPorts?: Readonly<Record<string, object>>;
    readonly Volumes?: Readonly<Record<string, object>>;
    readonly StopSignal?: string;
  };
  readonly rootfs: { readonly type: "layers"; readonly diff_ids: readonly Digest[] };
  readonly history?: readonly {
    readonly created?: string;
    readonly created_by?: string;
    readonly comment?: string;
    readonly empty_layer?: boolean;
  }[];
}

/** A manifest or index as it was received: the bytes are what the digest is of. */
export interface RawManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

export const mediaTypes = {
  manifest: "application/vnd.oci.image.manifest.v1+json",
  index: "application/vnd.oci.image.index.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layerGzip: "application/vnd.oci.image.layer.v1.tar+gzip",
  layerZstd: "application/vnd.oci.image.layer.v1.tar+zstd",
  layerTar: "application/vnd.oci.image.layer.v1.tar",
  empty: "application/vnd.oci.empty.v1+json",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerIndex: "application/vnd.docker.distribution.manifest.list.v2+json",
  dockerConfig: "application/vnd.docker.container.image.v1+json",
  dockerLayerGzip: "application/vnd.docker.image.rootfs.diff.tar.gzip",
} as const;

/**
 * Where an image's bytes are read from: a registry repository, an OCI layout folder, a docker archive.
 * Whatever it yields has been checked against digest and size; a reader that consumed all of it can trust it.
 */
export interface ImageSource {
  /** For messages: the reference, folder or file as the user wrote it. */
  readonly name: string;
  /** The manifest or index that `reference` (a tag or a digest) names; undefined where there is none. */
  manifest(reference: string, signal?: AbortSignal): Promise<RawManifest | undefined>;
  /** The bytes of a blob; throws once they turn out not to be those that `descriptor` promises. */
  blob(descriptor: Descriptor, signal?: AbortSignal): AsyncIterable<Uint8Array>;
}

/** Where an image's bytes go. Everything may be repeated: what is there already costs a question at most. */
export interface ImageSink {
  readonly name: string;
  /** Makes the blob be there: asks, mounts from `mountFrom` (repositories of the same registry), else uploads what `open` yields. Resolves to the bytes that were uploaded, 0 when none were. */
  putBlob(
    descriptor: Descriptor,
    open: () => AsyncIterable<Uint8Array>,
    options?: { readonly mountFrom?: readonly string[]; readonly signal?: AbortSignal },
  ): Promise<number>;
  /** Stores a manifest or index by its digest and, where `tag` is given, points the tag at it. */
  putManifest(manifest: RawManifest, tag?: string, signal?: AbortSignal): Promise<void>;
}
