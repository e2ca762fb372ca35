import type { ExternalImage } from "../../../core/config/index.ts";
import { describePipeline, pipelinePlace, type PipelinePlace } from "../../../core/external/index.ts";
import { formatPlatform } from "../../../core/image/index.ts";
import type { ReadImage } from "../../../io/layer/index.ts";
import type { ExternalRun, Lease, Lost } from "../../../io/store/index.ts";
import type { Digest, Instant } from "../../../lib/index.ts";
import type { CandidateOrigin, Context } from "../../context.ts";
import { loadSource, type ImageSource } from "../../sources.ts";
import type { Made, MadeSame, MakeRequest } from "../made.ts";
import { pinUses, type PinnedUse } from "../pin-uses.ts";
import { bytesOf, isSameContent, layersOf } from "../push-built.ts";
import { awaitRun } from "./await-run.ts";
import { ExternalError } from "./error.ts";
import { proveBases } from "./prove-bases.ts";

export type ExternalOutcome =
  Made | MadeSame | { readonly kind: "waits"; readonly resumeAt: Instant; readonly reason: string } | Lost;

/** A digest that is to be taken, and who says so. */
interface Offered {
  readonly digest: Digest;
  /** Undefined for what was there before Tidemill began. */
  readonly run: ExternalRun | undefined;
}

/**
 * What the pipeline of an image gave: asked for, waited for without a worker, and read back from its repository. The first of an image is what its `baseline` tag names, where that is there. Throws RUN_FAILED, RUN_REFUSED,
 * DIGEST_UNKNOWN, OTHER_PLATFORMS, NOTHING_NEW, BASE_UNKNOWN, and what reading throws.
 */
export async function makeExternal(
  ctx: Context,
  image: ExternalImage,
  request: MakeRequest,
  lease: Lease,
): Promise<ExternalOutcome> {
  const source = await loadSource(ctx.config, request.rebuild.image, ctx.sources, request.signal);
  const pinned = await pinUses(ctx, source.uses, request.rebuild);
  const baseline = await findBaseline(ctx, image, request, lease);
  if (baseline !== undefined) {
    const offered = { digest: baseline, run: undefined };
    const made = await take(ctx, image, request, offered, source, pinned);
    if (made.kind === "nothing new") throw nothingNew(offered);
    return made;
  }
  const wanted = {
    bases: Object.fromEntries(pinned.map(({ use, digest }) => [use.key, digest])),
    named: Object.fromEntries(pinned.map(({ use, digest }) => [use.name, digest])),
    source: source.key === "" ? undefined : source.key,
  };
  const awaited = await awaitRun(ctx, image, request, wanted, lease);
  if (awaited.kind !== "given") return awaited;
  // What it was told decides, not what would be told now.
  const told = pinned.map((one) => ({ ...one, digest: awaited.run.bases[one.use.key] ?? one.digest }));
  const made = await take(ctx, image, request, awaited, source, told);
  if (made.kind !== "nothing new") return made;
  if (request.rebuild.detail["noCache"] === true) throw nothingNew(awaited);
  // A cache may have hidden it.
  const anew = { noCache: true };
  if ((await ctx.store.saveRebuild(lease, { detail: anew })).kind === "lost") return { kind: "lost" };
  const detail = { ...request.rebuild.detail, ...anew };
  return makeExternal(ctx, image, { ...request, rebuild: { ...request.rebuild, detail } }, lease);
}

/** What there was before Tidemill began; undefined where the image was built before, nothing is there, it has failed already, or a person asks for a build. */
async function findBaseline(
  ctx: Context,
  image: ExternalImage,
  { rebuild, causes, previous, repository, signal }: MakeRequest,
  lease: Lease,
): Promise<Digest | undefined> {
  if (previous !== undefined || causes.some(({ cause }) => cause.kind === "person")) return undefined;
  if ((await ctx.store.loadRuns([lease.rebuild.id])).size > 0 || rebuild.detail["noCache"] === true) return undefined;
  const digest = (await repository.resolve(image.baseline, signal))?.digest;
  if (digest === undefined) return undefined;
  const [failed] = await ctx.store.loadRebuilds({
    image: rebuild.image,
    candidate: digest,
    states: ["failed"],
    limit: 1,
  });
  return failed === undefined ? digest : undefined;
}

async function take(
  ctx: Context,
  image: ExternalImage,
  { rebuild, causes, previous, repository, signal }: MakeRequest,
  { digest, run }: Offered,
  source: ImageSource,
  pinned: readonly PinnedUse[],
): Promise<Made | MadeSame | { readonly kind: "nothing new" }> {
  const by = run === undefined ? `its tag ${image.baseline}` : describeRun(run);
  if ((await repository.resolve(digest, signal)) === undefined)
    throw new ExternalError("DIGEST_UNKNOWN", `${by} gave ${digest}, which is not in ${ctx.pullName(rebuild.image)}`, {
      hint: "The pipeline has to push to that repository before it gives the digest, and the digest is that of what was pushed: of the index, where there are several platforms.",
    });
  const read = await ctx.images.read(repository, digest, signal);
  refusePlatforms(image, read, by);
  const known = previous === undefined ? undefined : await ctx.store.loadImageDigest(rebuild.image, previous);
  const before = known?.detail["origin"] as CandidateOrigin | undefined;
  const base = source.uses.find((use) => use.name === source.base)?.key;
  const isTold = run !== undefined;
  const { warnings, ...seen } = await proveBases(ctx, read, { pinned, before, base, isTold }, signal);
  const place = pipelinePlace(image);
  const origin: CandidateOrigin = {
    remedy: "rebuild",
    why: run === undefined ? `it was there before, as ${image.baseline}` : `built by ${describeRun(run)}`,
    ...seen,
    ...(source.key === "" || run === undefined ? {} : { source: source.key }),
    elsewhere: {
      builder: run === undefined ? undefined : builderOf(place),
      run: run?.url ?? undefined,
    },
  };
  const isWanted = causes.some(({ cause }) => cause.kind === "package" || cause.kind === "base");
  if (digest === previous && isWanted) return { kind: "nothing new" };
  if (
    previous !== undefined &&
    !isWanted &&
    (digest === previous || (await isSame(ctx, repository, previous, read, signal)))
  )
    return { kind: "same", digest: previous, origin };
  return {
    kind: "made",
    digest,
    bytes: bytesOf(read),
    bytesUploaded: 0,
    layers: read.platforms.flatMap(layersOf),
    warnings,
    origin,
  };
}

function nothingNew({ digest, run }: Offered): ExternalError {
  const by = run === undefined ? "its tag" : describeRun(run);
  return new ExternalError("NOTHING_NEW", `${by} gave ${digest}, which is what there was`, {
    hint: "It was told `no_cache`. Does it build on what it is told, and bring packages up to date?",
  });
}

async function isSame(
  ctx: Context,
  repository: MakeRequest["repository"],
  previous: Digest,
  after: ReadImage,
  signal: AbortSignal,
): Promise<boolean> {
  return isSameContent(await ctx.images.read(repository, previous, signal), after);
}

function refusePlatforms(image: ExternalImage, { digest, platforms }: ReadImage, by: string): void {
  const has = platforms.map(({ platform }) => formatPlatform(platform)).sort();
  const wanted = [...image.platforms].sort();
  if (has.join() === wanted.join()) return;
  const what = has.length === 0 ? "no platform" : has.join(", ");
  throw new ExternalError(
    "OTHER_PLATFORMS",
    `${by} gave ${digest}, which is for ${what}, not for ${wanted.join(", ")}`,
    {
      hint: "Say in `platforms:` what the pipeline builds, or have it build what is said there.",
    },
  );
}

function describeRun({ place, url }: ExternalRun): string {
  return url === null ? place : `${place} (${url})`;
}

/** Who builds, as provenance names builders: the address of the workflow or the project. SLSA, provenance/v1: builder.id. */
export function builderOf(place: PipelinePlace): string {
  if (place.kind === "http") return "urn:tidemill:pipeline";
  const web = place.api === "https://api.github.com" ? "https://github.com" : place.api.replace(/\/api\/v\d+$/, "");
  return place.kind === "github"
    ? `${web}/${place.repository}/.github/workflows/${place.workflow}@${place.ref}`
    : `${web}/${place.project}@${place.ref}`;
}

/** What can be asked of its pipeline alone is not made here. */
export function refuseExternal(name: string, image: ExternalImage): never {
  throw new ExternalError(
    "BUILT_ELSEWHERE",
    `${name} is built by ${describePipeline(pipelinePlace(image))}, not here`,
    {
      hint: "`tidemill rebuild` has it asked.",
    },
  );
}
