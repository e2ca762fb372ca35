import {
  configLimit,
  formatPlatform,
  parseConfig,
  parseDocument,
  samePlatform,
  type Descriptor,
  type ImageConfig,
  type ImageManifest,
  type ImageSource,
  type Platform,
} from "../../core/image/index.ts";
import { collectBytes, type Digest } from "../../lib/index.ts";
import { OperationError } from "../../operation/index.ts";

/** One layer of a platform, without a byte of it. */
export interface LayerLine {
  readonly digest: Digest;
  /** Uncompressed digest; what inventories name layers by. */
  readonly diffId: Digest | undefined;
  readonly bytes: number;
  /** As its history entry says. */
  readonly content: string;
}

/** What manifest and config of one platform say. */
export interface PlatformLines {
  readonly platform: Platform;
  /** Of the platform's own manifest. */
  readonly digest: Digest;
  readonly config: ImageConfig;
  readonly layers: readonly LayerLine[];
}

export interface ImageLines {
  /** Of what the reference names: an index, or the only manifest. */
  readonly digest: Digest;
  readonly platforms: readonly PlatformLines[];
}

const maxPlatforms = 32;

/** Manifests and configs of every platform of an image; its layers are not read. Throws NOT_FOUND, and what the source throws. */
export async function readManifests(source: ImageSource, reference: string, signal?: AbortSignal): Promise<ImageLines> {
  const raw = await fetchManifest(source, reference, signal);
  const document = parseDocument(raw);
  if (document.kind === "manifest") {
    return {
      digest: raw.digest,
      platforms: [await readLines(source, raw.digest, document.manifest, undefined, signal)],
    };
  }
  const platforms: PlatformLines[] = [];
  for (const { digest, platform } of document.index.manifests.filter(isRunnable).slice(0, maxPlatforms)) {
    const inner = parseDocument(await fetchManifest(source, digest, signal));
    if (inner.kind === "index") continue;
    platforms.push(await readLines(source, digest, inner.manifest, platform, signal));
  }
  return { digest: raw.digest, platforms };
}

async function fetchManifest(source: ImageSource, reference: string, signal: AbortSignal | undefined) {
  const raw = await source.manifest(reference, signal);
  if (raw !== undefined) return raw;
  throw new OperationError("NOT_FOUND", `${source.name}: there is no ${reference}`, {
    hint: "Check the reference, and that you may read the repository.",
  });
}

async function readLines(
  source: ImageSource,
  digest: Digest,
  manifest: ImageManifest,
  named: Platform | undefined,
  signal: AbortSignal | undefined,
): Promise<PlatformLines> {
  const bytes = await collectBytes(source.blob(manifest.config, signal), configLimit, `the config of ${source.name}`);
  const config = parseConfig(bytes);
  const { os, architecture, variant } = config;
  const contents = (config.history ?? []).filter((entry) => entry.empty_layer !== true);
  // A history that does not speak of every layer says nothing certain of any.
  const isWhole = contents.length === manifest.layers.length;
  return {
    platform: named ?? { os, architecture, ...(variant === undefined ? {} : { variant }) },
    digest,
    config,
    layers: manifest.layers.map((layer, at) => ({
      digest: layer.digest,
      diffId: config.rootfs.diff_ids[at],
      bytes: layer.size,
      content: (isWhole ? (contents[at]?.created_by ?? contents[at]?.comment) : undefined) ?? "",
    })),
  };
}

/** Attestations ride in indexes as manifests of platform `unknown/unknown`. */
function isRunnable({ platform, artifactType }: Descriptor): boolean {
  if (artifactType !== undefined) return false;
  return platform === undefined || formatPlatform(platform) !== "unknown/unknown";
}

/** The platform of `lines` that is the same machine; undefined where there is none. */
export function findPlatform(lines: ImageLines, platform: Platform): PlatformLines | undefined {
  return lines.platforms.find((one) => samePlatform(one.platform, platform));
}
