import {
  annotationKeys,
  mediaTypes,
  type Descriptor,
  type ImageConfig,
  type ImageManifest,
  type Platform,
} from "../image/index.ts";
import { canonicalJson, sha256, type Digest } from "../../lib/index.ts";

/** What a container of the image runs, and how. image-spec, config.md. */
export interface RunConfig {
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly user?: string;
  readonly workdir?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** `80/tcp`, `53/udp`; `80` is `80/tcp`. */
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly stopSignal?: string;
}

export interface ConfigLayer {
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
  /** What it holds, in words. */
  readonly history: string;
}

export interface BuiltImage {
  readonly config: { readonly descriptor: Descriptor; readonly bytes: Buffer };
  readonly manifest: { readonly digest: Digest; readonly mediaType: string; readonly bytes: Buffer };
}

export const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Config and manifest of one platform: the same bytes for the same input. No cause and no time of building is in them. image-spec 1.1, config.md, manifest.md. */
export function buildImage(input: {
  readonly platform: Platform;
  readonly run: RunConfig;
  readonly layers: readonly ConfigLayer[];
  /** The newest signed date among the inputs, RFC 3339. */
  readonly created: string;
  readonly annotations: Readonly<Record<string, string>>;
}): BuiltImage {
  const { platform, run, layers, created } = input;
  // In order of name: how the configuration orders them is not part of the recipe.
  const env = Object.entries({ PATH: defaultPath, ...run.env }).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const config: ImageConfig = {
    created,
    architecture: platform.architecture,
    os: platform.os,
    ...(platform.variant === undefined ? {} : { variant: platform.variant }),
    config: {
      ...(run.user === undefined ? {} : { User: run.user }),
      Env: env.map(([name, value]) => `${name}=${value}`),
      ...(run.entrypoint === undefined ? {} : { Entrypoint: run.entrypoint }),
      ...(run.cmd === undefined ? {} : { Cmd: run.cmd }),
      ...(run.workdir === undefined ? {} : { WorkingDir: run.workdir }),
      ...(run.labels === undefined ? {} : { Labels: run.labels }),
      ...(run.ports === undefined
        ? {}
        : { ExposedPorts: keysOf(run.ports.map((port) => (port.includes("/") ? port : `${port}/tcp`))) }),
      ...(run.volumes === undefined ? {} : { Volumes: keysOf(run.volumes) }),
      ...(run.stopSignal === undefined ? {} : { StopSignal: run.stopSignal }),
    },
    rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(({ history }) => ({ created, created_by: history })),
  };
  const configBytes = Buffer.from(canonicalJson(config), "utf8");
  const configDescriptor: Descriptor = {
    mediaType: mediaTypes.config,
    digest: sha256(configBytes),
    size: configBytes.length,
  };
  const manifest: ImageManifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: configDescriptor,
    layers: layers.map(({ descriptor }) => descriptor),
    annotations: { ...input.annotations, [annotationKeys.created]: created },
  };
  const bytes = Buffer.from(canonicalJson(manifest), "utf8");
  return {
    config: { descriptor: configDescriptor, bytes: configBytes },
    manifest: { digest: sha256(bytes), mediaType: mediaTypes.manifest, bytes },
  };
}

/** An index of images of several platforms, in the order of their names. image-spec 1.1, image-index.md. */
export function buildIndex(
  images: readonly { readonly platform: Platform; readonly digest: Digest; readonly size: number }[],
  annotations: Readonly<Record<string, string>>,
): { readonly digest: Digest; readonly mediaType: string; readonly bytes: Buffer } {
  const name = ({ os, architecture, variant }: Platform): string => `${os}/${architecture}/${variant ?? ""}`;
  const manifests = images
    .map(({ platform, digest, size }) => ({ mediaType: mediaTypes.manifest, digest, size, platform }))
    .sort((a, b) => (name(a.platform) < name(b.platform) ? -1 : 1));
  const bytes = Buffer.from(
    canonicalJson({ schemaVersion: 2, mediaType: mediaTypes.index, manifests, annotations }),
    "utf8",
  );
  return { digest: sha256(bytes), mediaType: mediaTypes.index, bytes };
}

function keysOf(names: readonly string[]): Record<string, object> {
  return Object.fromEntries([...names].sort().map((name) => [name, {}]));
}
