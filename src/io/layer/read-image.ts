import {
  configLimit,
  formatPlatform,
  isForeignLayer,
  parseConfig,
  parseDocument,
  type Descriptor,
  type ImageConfig,
  type ImageIndex,
  type ImageManifest,
  type ImageSource,
  type Platform,
  type RawManifest,
} from "../../core/image/index.ts";
import { emptyTree, extendTree, type LayerFacts, type Tree } from "../../core/inventory/index.ts";
import { collectBytes, sha256, type Digest } from "../../lib/index.ts";
import { LayerError } from "./error.ts";
import type { LayerStore } from "./layer-store.ts";

/** What manifest and config of one platform say; its layers are not read. */
export interface PlatformManifest {
  readonly platform: Platform;
  readonly manifest: RawManifest;
  readonly parsed: ImageManifest;
  readonly config: ImageConfig;
}

/** One platform of an image, read from its own blobs. */
export interface PlatformImage extends PlatformManifest {
  readonly tree: Tree;
}

/** An image without its layers. */
export interface ImageManifests {
  /** What the reference names: an index, or the only manifest. */
  readonly raw: RawManifest;
  readonly index: ImageIndex | undefined;
  readonly platforms: readonly PlatformManifest[];
}

export interface ReadImage {
  /** Digest of what the reference names: an index, or the only manifest. */
  readonly digest: Digest;
  readonly platforms: readonly PlatformImage[];
}

/** Layers of an image, those at `from` up to, and without, the one at `to`. */
export interface LayerRange {
  readonly source: ImageSource;
  readonly image: PlatformManifest;
  readonly from: number;
  readonly to: number;
}

const maxPlatforms = 32;
const maxLayers = 512;

/** Reads images into virtual trees; trees of common lower layers are shared between images. */
export interface ImageReader {
  /** Every platform of the image that `reference` (a tag or digest) names in `source`. Throws IMAGE_NOT_FOUND, IMAGE_CORRUPT, and what reading a layer throws. */
  read(source: ImageSource, reference: string, signal?: AbortSignal): Promise<ReadImage>;
  /** Manifests and configs of every platform; no layer is read. Throws as `read` does. */
  manifests(source: ImageSource, reference: string, signal?: AbortSignal): Promise<ImageManifests>;
  /** The tree that layers make on top of an image that was read, wherever they come from. */
  stack(below: PlatformImage, above: LayerRange, signal?: AbortSignal): Promise<Tree>;
  /** The facts of the layers, the lowest first. */
  facts(layers: LayerRange, signal?: AbortSignal): Promise<readonly LayerFacts[]>;
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
  /** Each layer with its diff ID. Throws IMAGE_CORRUPT where manifest and config do not agree. */
  const layersOf = (source: ImageSource, { parsed, config }: Pick<PlatformManifest, "parsed" | "config">) => {
    const ids = config.rootfs.diff_ids;
    if (ids.length !== parsed.layers.length || ids.length > maxLayers)
      throw corrupt(source, `its config names ${ids.length} layers, its manifest ${parsed.layers.length}`);
    return parsed.layers.map((descriptor, at) => {
      const diffId = ids[at];
      if (diffId === undefined || isForeignLayer(descriptor))
        throw corrupt(source, "a layer of it is not distributable");
      return { descriptor, diffId };
    });
  };
  const link = (chain: string, { descriptor, diffId }: ReturnType<typeof layersOf>[number]): string =>
    sha256(`${chain} ${descriptor.digest} ${diffId}`);
  const merge = async (
    source: ImageSource,
    image: PlatformManifest,
    signal: AbortSignal | undefined,
  ): Promise<Tree> => {
    let tree = emptyTree;
    let chain = "";
    for (const layer of layersOf(source, image)) {
      chain = link(chain, layer);
      tree = await extend(tree, chain, () => layers.facts(source, layer.descriptor, layer.diffId, signal));
    }
    return tree;
  };
  const readPlatform = async (
    source: ImageSource,
    raw: RawManifest,
    manifest: ImageManifest,
    platform: Platform | undefined,
    signal: AbortSignal | undefined,
  ): Promise<PlatformManifest> => {
    const what = `the config of ${source.name}`;
    if (manifest.config.size > configLimit) throw corrupt(source, `its config is larger than ${configLimit} bytes`);
    const config = parseConfig(await collectBytes(source.blob(manifest.config, signal), configLimit, what));
    const { os, architecture, variant } = config;
    const own = { os, architecture, ...(variant === undefined ? {} : { variant }) };
    return { platform: platform ?? own, manifest: raw, parsed: manifest, config };
  };
  const readManifests: ImageReader["manifests"] = async (source, reference, signal) => {
    const raw = await fetchManifest(source, reference, signal);
    const document = parseDocument(raw);
    if (document.kind === "manifest") {
      const only = await readPlatform(source, raw, document.manifest, undefined, signal);
      return { raw, index: undefined, platforms: [only] };
    }
    const images = document.index.manifests.filter(isRunnable);
    if (images.length === 0) throw corrupt(source, "its index names no image");
    if (images.length > maxPlatforms) throw corrupt(source, `its index names more than ${maxPlatforms} images`);
    const platforms: PlatformManifest[] = [];
    for (const descriptor of images) {
      const inner = await fetchManifest(source, descriptor.digest, signal);
      const child = parseDocument(inner);
      if (child.kind === "index") throw corrupt(source, "its index names another index");
      platforms.push(await readPlatform(source, inner, child.manifest, descriptor.platform, signal));
    }
    return { raw, index: document.index, platforms };
  };

  return {
    manifests: readManifests,
    read: async (source, reference, signal) => {
      const { raw, platforms } = await readManifests(source, reference, signal);
      const read: PlatformImage[] = [];
      for (const platform of platforms) read.push({ ...platform, tree: await merge(source, platform, signal) });
      return { digest: raw.digest, platforms: read };
    },
    stack: async (below, { source, image, from, to }, signal) => {
      let chain = layersOf(source, below).reduce(link, "");
      let { tree } = below;
      for (const layer of layersOf(source, image).slice(from, to)) {
        chain = link(chain, layer);
        tree = await extend(tree, chain, () => layers.facts(source, layer.descriptor, layer.diffId, signal));
      }
      return tree;
    },
    facts: ({ source, image, from, to }, signal) =>
      Promise.all(
        layersOf(source, image)
          .slice(from, to)
          .map(({ descriptor, diffId }) => layers.facts(source, descriptor, diffId, signal)),
      ),
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
