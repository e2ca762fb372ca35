import { formatPlatform, type Descriptor, type ImageSink, type ImageSource } from "../../core/image/index.ts";
import { diffTrees, sameEntry } from "../../core/inventory/index.ts";
import type { BuildResult } from "../../io/engine/index.ts";
import type { PlatformImage, ReadImage } from "../../io/layer/index.ts";
import { copyImage, openLayout, type Repository } from "../../io/registry/index.ts";
import { canonicalJson, type Digest } from "../../lib/index.ts";
import type { CandidateOrigin, Context } from "../context.ts";
import type { Made, MadeSame, MakeRequest } from "./made.ts";

/** What an image was built on, for what the engine left out of its result. */
export interface BuiltOn {
  readonly origin: CandidateOrigin;
  readonly warnings: readonly string[];
  /** Where layers that the engine did not leave are. */
  readonly base: Repository | undefined;
  /** Repositories that may have some of the layers. */
  readonly others: readonly Repository[];
}

/** Pushes what an engine built, unless its content is what the image is already: times alone are no reason to. */
export async function pushBuilt(
  ctx: Context,
  built: BuildResult,
  { previous, repository, signal }: MakeRequest,
  { origin, warnings, base, others }: BuiltOn,
): Promise<Made | MadeSame> {
  const made = await openBuilt(built, base);
  const before = previous === undefined ? undefined : await ctx.images.read(repository, previous, signal);
  const after = await ctx.images.read(made, built.digest, signal);
  if (previous !== undefined && before !== undefined && isSameContent(before, after))
    return { kind: "same", digest: previous, origin };
  const copied = await copyImage(made, built.digest, mounting(repository, others), { signal });
  return {
    kind: "made",
    digest: copied.digest,
    bytes: bytesOf(after),
    bytesUploaded: copied.bytes,
    layers: after.platforms.flatMap(layersOf),
    warnings,
    origin,
  };
}

/** Layers of a base by their diff IDs, as its registry has them: an engine need not leave them. */
export function knownLayers({ platforms }: ReadImage): ReadonlyMap<Digest, Descriptor> {
  return new Map(
    platforms.flatMap(({ config, parsed }) =>
      parsed.layers.flatMap((descriptor, at) => {
        const diffId = config.rootfs.diff_ids[at];
        return diffId === undefined ? [] : [[diffId, descriptor] as const];
      }),
    ),
  );
}

/** What the engine left, with the layers that only the base's registry has. */
async function openBuilt({ layout, borrowed }: BuildResult, base: ImageSource | undefined): Promise<ImageSource> {
  const opened = await openLayout(layout);
  const elsewhere = new Set(borrowed.map(({ digest }) => digest));
  return {
    name: opened.name,
    manifest: (reference, signal) => opened.manifest(reference, signal),
    blob: (descriptor, signal) =>
      base !== undefined && elsewhere.has(descriptor.digest)
        ? base.blob(descriptor, signal)
        : opened.blob(descriptor, signal),
  };
}

/** The repository, which takes layers from those of the images that it is made of where they lie in the same registry. */
function mounting(sink: Repository, others: readonly Repository[]): ImageSink {
  const mountFrom = others.flatMap(({ registry, repository }) => (registry === sink.registry ? [repository] : []));
  return {
    name: sink.name,
    putBlob: (descriptor, open, options) => sink.putBlob(descriptor, open, { ...options, mountFrom }),
    putManifest: (manifest, tag, signal) => sink.putManifest(manifest, tag, signal),
  };
}

/** Whether two images are the same but for times: the files of every platform, and what runs. What only the build says of itself does not count. */
export function isSameContent(a: ReadImage, b: ReadImage): boolean {
  if (a.platforms.length !== b.platforms.length) return false;
  return a.platforms.every((one) => {
    const other = b.platforms.find(({ platform }) => formatPlatform(platform) === formatPlatform(one.platform));
    if (other === undefined || canonicalJson(one.config.config ?? {}) !== canonicalJson(other.config.config ?? {}))
      return false;
    return diffTrees(one.tree, other.tree, sameEntry).size === 0;
  });
}

/** The layers of one platform, as a candidate has them. */
export function layersOf({ parsed, config }: PlatformImage): Made["layers"] {
  const said = (config.history ?? []).filter(({ empty_layer }) => empty_layer !== true);
  return parsed.layers.map(({ digest, size }, at) => ({
    digest,
    bytes: size,
    history: said[at]?.created_by ?? "",
  }));
}

/** Bytes of all blobs and manifests of an image, each once. */
export function bytesOf({ platforms }: ReadImage): number {
  const sizes = new Map<Digest, number>();
  for (const { parsed, manifest } of platforms) {
    sizes.set(manifest.digest, manifest.bytes.length);
    for (const { digest, size } of [parsed.config, ...parsed.layers]) sizes.set(digest, size);
  }
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}
