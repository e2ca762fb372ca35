import {
  configLimit,
  formatPlatform,
  isForeignLayer,
  parseConfig,
  parseDocument,
  type Descriptor,
  type ImageConfig,
  type ImageManifest,
  type ImageSource,
  type Platform,
  type RawManifest,
} from "../../core/image/index.ts";
import { emptyTree, extendTree, type Tree } from "../../core/inventory/index.ts";
import { collectBytes, sha256, type Digest } from "../../lib/index.ts";
import { LayerError } from "./error.ts";
import type { LayerStore } from "./layer-store.ts";

/** One platform of an image, read from its own blobs. */
export interface PlatformImage {
  readonly platform: Platform;
  readonly manifest: RawManifest;
  readonly parsed: ImageManifest;
  readonly config: ImageConfig;
  readonly tree: Tree;
}

export interface ReadImage {
  /** Digest of what the reference names: an index, or the only manifest. */
  readonly digest: Digest;
  readonly platforms: readonly PlatformImage[];
}

const maxPlatforms = 32;
const maxLayers = 512;

/** Reads images into virtual trees; trees of common lower layers are shared between images. */
export interface ImageReader {
  /** Every platform of the image that `reference` (a tag or digest) names in `source`. Throws IMAGE_NOT_FOUND, IMAGE_CORRUPT, and what reading a layer throws. */
  read(source: ImageSource, reference: string, signal?: AbortSignal): Promise<ReadImage>;
}

/** Entries of merged trees that are remembered for the images that come next. */
const rememberedTrees = 256;

/** A reader over `layers`. */
export function createImageReader(layers: LayerStore): ImageReader {
  const trees = new Map<string, Tree>();

  /** The tree of the layers so far, with the next one; the same tree for every image that begins with the same layers. */
  const extend = async (below: Tree, chain: string, next: () => Promise<Parameters<typeof extendTree>[1]>) => {
    const known = trees.get(chain);
    const tree = known ?? extendTree(below, await next());
    trees.delete(chain);
    trees.set(chain, tree);
    for (const oldest of trees.keys()) {
      if (trees.size <= rememberedTrees) break;
      trees.delete(oldest);
    }
    return tree;
  };
  const merge = async (
    source: ImageSource,
    manifest: ImageManifest,
    config: ImageConfig,
    signal: AbortSignal | undefined,
  ): Promise<Tree> => {
    const ids = config.rootfs.diff_ids;
    if (ids.length !== manifest.layers.length || ids.length > maxLayers)
      throw corrupt(source, `its config names ${ids.length} layers, its manifest ${manifest.layers.length}`);
    let tree = emptyTree;
    let chain = "";
    for (const [at, descriptor] of manifest.layers.entries()) {
      const diffId = ids[at];
      if (diffId === undefined || isForeignLayer(descriptor))
        throw corrupt(source, "a layer of it is not distributable");
      chain = sha256(`${chain} ${descriptor.digest} ${diffId}`);
      tree = await extend(tree, chain, () => layers.facts(source, descriptor, diffId, signal));
    }
    return tree;
  };
  const readPlatform = async (
    source: ImageSource,
    raw: RawManifest,
    manifest: ImageManifest,
    platform: Platform | undefined,
    signal: AbortSignal | undefined,
  ): Promise<PlatformImage> => {
    const what = `the config of ${source.name}`;
    if (manifest.config.size > configLimit) throw corrupt(source, `its config is larger than ${configLimit} bytes`);
    const config = parseConfig(await collectBytes(source.blob(manifest.config, signal), configLimit, what));
    const { os, architecture, variant } = config;
    const own = { os, architecture, ...(variant === undefined ? {} : { variant }) };
    const tree = await merge(source, manifest, config, signal);
    return { platform: platform ?? own, manifest: raw, parsed: manifest, config, tree };
  };

  return {
    read: async (source, reference, signal) => {
      const raw = await fetchManifest(source, reference, signal);
      const document = parseDocument(raw);
      if (document.kind === "manifest")
        return {
          digest: raw.digest,
          platforms: [await readPlatform(source, raw, document.manifest, undefined, signal)],
        };
      const images = document.index.manifests.filter(isRunnable);
      if (images.length === 0) throw corrupt(source, "its index names no image");
      if (images.length > maxPlatforms) throw corrupt(source, `its index names more than ${maxPlatforms} images`);
      const platforms: PlatformImage[] = [];
      for (const descriptor of images) {
        const inner = await fetchManifest(source, descriptor.digest, signal);
        const child = parseDocument(inner);
        if (child.kind === "index") throw corrupt(source, "its index names another index");
        platforms.push(await readPlatform(source, inner, child.manifest, descriptor.platform, signal));
      }
      return { digest: raw.digest, platforms };
    },
  };
}

/** Attestations ride in indexes as manifests of platform `unknown/unknown`. */
function isRunnable({ platform, artifactType }: Descriptor): boolean {
  if (artifactType !== undefined) return false;
  return platform === undefined || formatPlatform(platform) !== "unknown/unknown";
}

async function fetchManifest(source: ImageSource, reference: string, signal?: AbortSignal): Promise<RawManifest> {
  const raw = await source.manifest(reference, signal);
  if (raw !== undefined) return raw;
  throw new LayerError("IMAGE_NOT_FOUND", `${source.name}: there is no ${reference}`, {
    hint: "Check the reference, and that you may read the repository.",
  });
}

function corrupt(source: ImageSource, why: string): LayerError {
  return new LayerError("IMAGE_CORRUPT", `${source.name}: ${why}`);
}
