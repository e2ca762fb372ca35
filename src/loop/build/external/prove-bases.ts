import { formatPlatform } from "../../../core/image/index.ts";
import type { ReadImage } from "../../../io/layer/index.ts";
import { messageOf, type Digest } from "../../../lib/index.ts";
import type { CandidateOrigin, Context } from "../../context.ts";
import type { PinnedUse } from "../pin-uses.ts";

/** What of its bases can be seen in an image. */
export interface SeenBases extends Pick<CandidateOrigin, "bases" | "standsOn" | "baseLayers"> {
  readonly warnings: readonly string[];
}

export interface BaseQuestion {
  /** What it was to be made of. */
  readonly pinned: readonly PinnedUse[];
  /** What the image before it was made of. */
  readonly before: CandidateOrigin | undefined;
  /** What its last stage stands on, as the upstream or the image is called; undefined where nobody says. */
  readonly base: string | undefined;
  /** Whether what cannot be seen is believed: its pipeline was told. */
  readonly isTold: boolean;
}

/**
 * Which of the bases that it was to be made of an image begins with, by the layers themselves. What begins with the layers of an older digest of one is made of that; what shows neither (a builder stage, a squashed image) is
 * made of what its pipeline was told, where it was told, with a warning for what it is to stand on.
 */
export async function proveBases(
  ctx: Context,
  image: ReadImage,
  { pinned, before, base, isTold }: BaseQuestion,
  signal: AbortSignal,
): Promise<SeenBases> {
  const bases: Record<string, Digest> = {};
  const warnings: string[] = [];
  let deepest: { readonly key: string; readonly layers: Readonly<Record<string, readonly Digest[]>> } | undefined;
  const seenIn = async (use: PinnedUse, digest: Digest) => {
    try {
      return await layersBelow(ctx, image, use, digest, signal);
    } catch (error) {
      signal.throwIfAborted();
      ctx.log.warn({ err: error }, `${use.use.name} could not be looked at: ${messageOf(error)}`);
      return undefined;
    }
  };
  for (const one of pinned) {
    const { key } = one.use;
    const older = before?.bases[key];
    const layers = await seenIn(one, one.digest);
    const olderLayers =
      layers === undefined && older !== undefined && older !== one.digest ? await seenIn(one, older) : undefined;
    const seen = layers ?? olderLayers;
    if (seen !== undefined) {
      bases[key] = layers === undefined && older !== undefined ? older : one.digest;
      if (depthOf(seen) > depthOf(deepest?.layers)) deepest = { key, layers: seen };
      continue;
    }
    if (!isTold) continue;
    bases[key] = one.digest;
    if (key === base)
      warnings.push(
        `it does not begin with the layers of ${one.use.name} at ${one.digest}: what it stands on cannot be seen`,
      );
  }
  return {
    bases,
    warnings,
    ...(deepest === undefined ? {} : { standsOn: deepest.key, baseLayers: deepest.layers }),
  };
}

/** The layers of a base by platform, where the image begins with them on each of its platforms; undefined where it does not. */
async function layersBelow(
  ctx: Context,
  image: ReadImage,
  { repository }: PinnedUse,
  digest: Digest,
  signal: AbortSignal,
): Promise<Readonly<Record<string, readonly Digest[]>> | undefined> {
  const { platforms } = await ctx.images.manifests(repository, digest, signal);
  const layers: Record<string, readonly Digest[]> = {};
  for (const { platform, config } of image.platforms) {
    const name = formatPlatform(platform);
    const below = platforms.find((one) => formatPlatform(one.platform) === name)?.config.rootfs.diff_ids;
    if (below === undefined || below.length === 0) return undefined;
    if (below.some((layer, at) => config.rootfs.diff_ids[at] !== layer)) return undefined;
    layers[name] = below;
  }
  return layers;
}

function depthOf(layers: Readonly<Record<string, readonly Digest[]>> | undefined): number {
  return Math.min(Infinity, ...Object.values(layers ?? { none: [] }).map((list) => list.length));
}
