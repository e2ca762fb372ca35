import type { DockerfileImage } from "../../core/config/index.ts";
import { pinDockerfile } from "../../core/dockerfile/index.ts";
import { formatPlatform, parsePlatform } from "../../core/image/index.ts";
import type { BuildRequest } from "../../io/engine/index.ts";
import type { ReadImage } from "../../io/layer/index.ts";
import type { Digest } from "../../lib/index.ts";
import type { CandidateOrigin, Context } from "../context.ts";
import { loadSource, stageOf, type ImageSource as BuildSource } from "../sources.ts";
import { keepLog } from "./keep-log.ts";
import { originAnnotations } from "./origin-annotations.ts";
import type { Made, MadeSame, MakeRequest } from "./made.ts";
import { pinUses, type PinnedUse } from "./pin-uses.ts";
import { packagesKey } from "./packages-key.ts";
import { rebaseCandidate, type RebaseAttempt } from "./rebase-candidate.ts";
import type { Rebaser } from "./rebase-image.ts";
import { knownLayers, pushBuilt } from "./push-built.ts";

/**
 * Builds an image of recipe `dockerfile` with every image that it is made of pinned to the planned digest, and pushes it where it is not what the image is already. Throws BASE_UNKNOWN, and what
 * reading the source, the engine and pushing throw.
 */
export async function makeDockerfile(
  ctx: Context,
  rebaser: Rebaser,
  image: DockerfileImage,
  request: MakeRequest,
): Promise<Made | MadeSame> {
  const { rebuild, signal } = request;
  const name = rebuild.image;
  const source = await loadSource(ctx.config, name, ctx.sources, signal);
  const pinned = await pinUses(ctx, source.uses, request.rebuild);
  const base = pinned.find(({ use }) => use.name === source.base);
  const baseImage = base === undefined ? undefined : await ctx.images.read(base.repository, base.digest, signal);
  const made: CandidateOrigin = {
    remedy: "rebuild",
    why: "built from its Dockerfile",
    bases: Object.fromEntries(pinned.map(({ use, digest }) => [use.key, digest])),
    ...(base === undefined ? {} : { standsOn: base.use.key }),
    source: source.key,
    ...(baseImage === undefined ? {} : { baseLayers: layersByPlatform(baseImage, image.platforms) }),
  };

  const attempt = await tryRebase(ctx, rebaser, image, base, made, request);
  if (attempt.kind === "rebased") return attempt.made;
  const origin = { ...made, why: `built from its Dockerfile: ${attempt.why}` };

  const engine = await ctx.builder();
  const asked = await buildRequest(ctx, image, source, pinned, base, baseImage, request);
  const built = await keepLog(ctx, rebuild, (log) => engine.build(asked, log, signal));
  try {
    return await pushBuilt(ctx, built, request, {
      origin,
      warnings: warningsOf(rebuild.detail["holdBack"]),
      base: base?.repository,
      others: pinned.map((one) => one.repository),
    });
  } finally {
    await built.close();
  }
}

async function tryRebase(
  ctx: Context,
  rebaser: Rebaser,
  image: DockerfileImage,
  base: PinnedUse | undefined,
  origin: CandidateOrigin,
  request: MakeRequest,
): Promise<RebaseAttempt> {
  if (!image.rebase) return { kind: "not", why: "`rebase: false`" };
  if (base === undefined) return { kind: "not", why: "it stands on nothing" };
  const { use, digest, repository } = base;
  return rebaseCandidate(ctx, rebaser, request, {
    base: { name: use.key, digest, repository },
    baseName: baseName(base),
    origin,
  });
}

async function buildRequest(
  ctx: Context,
  image: DockerfileImage,
  source: BuildSource,
  pinned: readonly PinnedUse[],
  base: PinnedUse | undefined,
  baseImage: ReadImage | undefined,
  { rebuild, previous }: MakeRequest,
): Promise<BuildRequest> {
  const name = rebuild.image;
  const { limits, secrets, labels } = image;
  const bust = await packagesKey(ctx, name, previous, heldPackages(rebuild.detail["holdBack"]));
  const digests = new Map(pinned.map(({ use, digest }) => [use.name, digest]));
  const places = new Map(
    pinned.flatMap(({ use, repository }) =>
      use.own === undefined ? [] : [[use.name, `${repository.registry}/${repository.repository}`] as const],
    ),
  );
  const targets = image.platforms.map((platform) => ({
    platform: parsePlatform(platform),
    dockerfile: pinDockerfile(source.dockerfile, {
      ...stageOf(image),
      args: image.args,
      platform,
      digests,
      places,
      ...(bust === undefined ? {} : { bust }),
    }),
  }));
  const created = (baseImage?.platforms ?? []).flatMap(({ config }) => Date.parse(config.created ?? "") || []);
  const newest = created.length === 0 ? undefined : Math.floor(Math.max(...created) / 1000);
  return {
    name,
    context: source.folder,
    ...(source.ignoreFile === undefined ? {} : { ignoreFile: source.ignoreFile }),
    targets,
    ...(image.target === undefined ? {} : { stage: image.target }),
    args: image.args,
    secrets: Object.entries(secrets).map(([id, from]) => ({ id, ...from })),
    labels,
    annotations: originAnnotations({
      title: name,
      git: image.git?.url,
      source: source.key,
      base: base && { name: baseName(base), digest: base.digest },
      created: newest,
    }),
    ...(newest === undefined ? {} : { sourceDateEpoch: newest }),
    network: image.network,
    limits: {
      timeoutMs: limits.time,
      memoryBytes: limits.memory,
      cpus: limits.cpus,
      diskBytes: limits.disk,
      logBytes: limits.log,
    },
    noCache: rebuild.detail["noCache"] === true,
    ...(baseImage === undefined ? {} : { knownLayers: knownLayers(baseImage) }),
  };
}

/** The repository of what it stands on, as others may pull it: of an own image in the embedded registry, whose port changes, its path. */
function baseName({ use, repository }: PinnedUse): string {
  return use.own === undefined ? `${repository.registry}/${repository.repository}` : repository.repository;
}

function layersByPlatform({ platforms }: ReadImage, wanted: readonly string[]): Record<string, readonly Digest[]> {
  const found = platforms.map(({ platform, config }) => [formatPlatform(platform), config.rootfs.diff_ids] as const);
  return Object.fromEntries(found.filter(([platform]) => wanted.includes(platform)));
}

/** A package manager takes what its suites offer: what should have waited cannot be kept out of a build that is not ours. */
function warningsOf(holdBack: unknown): string[] {
  return heldPackages(holdBack).map(
    ({ name, to }) => `${name} ${to ?? ""} should wait out its cool-down, and its Dockerfile may have brought it`,
  );
}

function heldPackages(value: unknown): readonly { readonly name: string; readonly to: string | undefined }[] {
  return Array.isArray(value) ? (value as { name: string; to: string | undefined }[]) : [];
}
