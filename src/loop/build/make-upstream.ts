import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { distroOf, type UpstreamImage } from "../../core/config/index.ts";
import { annotationKeys, parsePlatform, parseReference } from "../../core/image/index.ts";
import { debsOf, readInventory, type Inventory } from "../../core/inventory/index.ts";
import { compareDebText } from "../../core/version/index.ts";
import type { PackageUniverse } from "../../core/packages/index.ts";
import { defaultBuildLimits } from "../../io/engine/index.ts";
import { copyImage, type Repository } from "../../io/registry/index.ts";
import type { ReadImage } from "../../io/layer/index.ts";
import { AppError, type Digest } from "../../lib/index.ts";
import type { CandidateOrigin, Context } from "../context.ts";
import { BaseError } from "../followed-bases.ts";
import { baseUpstream } from "../sources.ts";
import { keepLog } from "./keep-log.ts";
import { plannedBases, type Made, type MadeSame, type MakeRequest } from "./made.ts";
import { openPatchOffers, type PatchOffers } from "./patch-offers.ts";
import type { EnginePatch, PatchChange, Patcher, SuiteQuestion } from "./patch/types.ts";
import { bytesOf, knownLayers, layersOf, pushBuilt } from "./push-built.ts";

export class UpstreamError extends AppError<
  /** Its packages cannot be brought up to date, and the owner's image lags. */
  "PATCH_REFUSED"
> {}

/** Mirrors somebody else's image, with what its owner has not patched brought up to date, always from the original. Throws BASE_UNKNOWN, PATCH_REFUSED, NO_SUITES, KEPT_OUT, and what reading and pushing throw. */
export async function makeUpstream(
  ctx: Context,
  patcherOf: (universeFor: (question: SuiteQuestion) => Promise<PackageUniverse>) => Patcher,
  image: UpstreamImage,
  request: MakeRequest,
): Promise<Made | MadeSame> {
  const { rebuild, repository, signal } = request;
  const original = await findOriginal(ctx, image, request);
  const origin = (remedy: "mirror" | "patch", why: string): CandidateOrigin => ({
    remedy,
    why,
    bases: { [baseUpstream(image.from)]: original.digest },
    standsOn: baseUpstream(image.from),
  });
  if (image.patch === "none") {
    const copied = await copyImage(original.repository, original.digest, repository, {
      platforms: image.platforms.map(parsePlatform),
      referrers: true,
      signal,
    });
    return describe(ctx, request, copied.digest, copied.bytes, [], origin("mirror", "its owner's image, as it is"));
  }
  const before = await heldBy(ctx, original, signal);
  const offers = await openPatchOffers(ctx, rebuild.image, before, rebuild.detail);
  const { universeFor } = offers;
  const patcher = patcherOf(universeFor);
  const outcome = await patcher.patchImage(
    {
      source: original.repository,
      digest: original.digest,
      name: original.repository.name,
      sink: repository,
      platforms: image.platforms.map(parsePlatform),
      policy: {
        changedConffile: "keep",
        ...(image.patch === "security"
          ? { wanted: await securitySources(ctx, rebuild.image, original, universeFor, signal) }
          : {}),
      },
    },
    signal,
  );
  if (outcome.kind === "refused") {
    throw new UpstreamError("PATCH_REFUSED", `${image.from} cannot be patched: ${outcome.reasons.join("; ")}`, {
      hint: "What runs stays as it is. `patch: none` mirrors it as its owner leaves it.",
    });
  }
  if (outcome.kind === "needs-engine") {
    const built = await patchByEngine(ctx, patcher, request, original, outcome.platforms, outcome.notes, origin);
    if (built.kind === "same") return built;
    return keepRecords(ctx, request, offers, { ...built.made, patched: { changes: built.changes, before } });
  }
  const { kind, digest, uploaded, changes, notes } = outcome;
  const why =
    kind === "mirrored"
      ? "its owner's image is current"
      : `${changes.length} packages are newer than in its owner's image`;
  const made = await describe(
    ctx,
    request,
    digest,
    uploaded,
    notes,
    origin(kind === "mirrored" ? "mirror" : "patch", why),
  );
  return keepRecords(ctx, request, offers, kind === "mirrored" ? made : { ...made, patched: { changes, before } });
}

/** What was made, once nothing in it went back; what it was patched with is remembered. */
async function keepRecords(
  ctx: Context,
  { repository, signal }: MakeRequest,
  offers: PatchOffers,
  made: Made,
): Promise<Made> {
  offers.refuseOlder(await heldBy(ctx, { repository, digest: made.digest }, signal));
  await ctx.store.savePackageRecords(offers.recordsOf(made.patched?.changes ?? []));
  return made;
}

/** What an image holds, on each of its platforms. */
async function heldBy(ctx: Context, { repository, digest }: Original, signal: AbortSignal): Promise<Inventory[]> {
  const { platforms } = await ctx.images.read(repository, digest, signal);
  return platforms.map(({ tree, platform }) => readInventory(tree, platform));
}

interface Original {
  readonly repository: Repository;
  readonly digest: Digest;
}

async function findOriginal(ctx: Context, image: UpstreamImage, { rebuild }: MakeRequest): Promise<Original> {
  const upstream = baseUpstream(image.from);
  const believed = (await ctx.believedBases()).get(upstream)?.believed?.digest;
  const digest = plannedBases(rebuild.detail["bases"]).get(upstream) ?? believed;
  if (digest === undefined) {
    throw new BaseError("BASE_UNKNOWN", `${rebuild.image}: nothing is known yet of ${image.from}, which it mirrors`, {
      hint: "`tidemill doctor` says what keeps it away.",
      retry: true,
    });
  }
  return { repository: ctx.baseRepository(parseReference(image.from)), digest };
}

async function describe(
  ctx: Context,
  { repository, signal }: MakeRequest,
  digest: Digest,
  bytesUploaded: number,
  warnings: readonly string[],
  origin: CandidateOrigin,
): Promise<Made> {
  const image: ReadImage = await ctx.images.read(repository, digest, signal);
  return {
    kind: "made",
    digest,
    bytes: bytesOf(image),
    bytesUploaded,
    layers: image.platforms.flatMap(layersOf),
    warnings,
    origin,
  };
}

/** Sources of the original's packages of which a suite of security updates has something newer. */
async function securitySources(
  ctx: Context,
  image: string,
  { repository, digest }: Original,
  universeFor: (question: SuiteQuestion) => Promise<PackageUniverse>,
  signal: AbortSignal,
): Promise<{ readonly source: string }[]> {
  const read = await ctx.images.read(repository, digest, signal);
  const security = new Set([...ctx.suites.values()].flat().flatMap((source) => (source.security ? [source.name] : [])));
  const wanted = new Set<string>();
  for (const { tree, platform } of read.platforms) {
    const inventory = readInventory(tree, platform);
    const packages = debsOf(inventory);
    const codename = inventory.os?.codename;
    if (codename === undefined || distroOf(ctx.config, image, codename) === undefined) continue;
    for (const architecture of new Set(packages.map((one) => one.architecture))) {
      if (architecture === "all") continue;
      const universe = await universeFor({ codename, suites: [], architecture, sources: [] });
      for (const one of packages) {
        const newer = universe
          .versions(one.name)
          .some(({ version, origin }) => security.has(origin) && compareDebText(version, one.version) > 0);
        if (newer) wanted.add(one.source);
      }
    }
  }
  return [...wanted].sort().map((source) => ({ source }));
}

/** Lets an engine run what maintainer scripts must do, on the original of each platform. */
async function patchByEngine(
  ctx: Context,
  patcher: Patcher,
  request: MakeRequest,
  original: Original,
  platforms: readonly EnginePatch[],
  notes: readonly string[],
  origin: (remedy: "patch", why: string) => CandidateOrigin,
): Promise<MadeSame | { readonly kind: "patched"; readonly made: Made; readonly changes: readonly PatchChange[] }> {
  const { rebuild, signal } = request;
  const engine = await ctx.builder();
  const context = await mkdtemp(join(tmpdir(), "tidemill-patch-"));
  const read = await ctx.images.read(original.repository, original.digest, signal);
  const needs = [...new Set(platforms.flatMap((one) => one.needs.map(({ name }) => name)))];
  const created = read.platforms.flatMap(({ config }) => Date.parse(config.created ?? "") || []);
  try {
    const built = await keepLog(ctx, rebuild, (log) =>
      engine.build(
        {
          name: rebuild.image,
          context,
          targets: platforms.map(({ platform, dockerfile }) => ({ platform, dockerfile })),
          annotations: {
            ...originOf(read),
            [annotationKeys.baseName]: original.repository.name,
            [annotationKeys.baseDigest]: original.digest,
          },
          ...(created.length === 0 ? {} : { sourceDateEpoch: Math.floor(Math.max(...created) / 1000) }),
          network: "default",
          limits: defaultBuildLimits,
          // The suites are asked anew: what an earlier patch fetched is older than what is planned now.
          noCache: true,
          knownLayers: knownLayers(read),
        },
        log,
        signal,
      ),
    );
    try {
      const made = await pushBuilt(ctx, built, request, {
        origin: origin("patch", `by a build engine: maintainer scripts of ${needs.join(", ")} must run`),
        warnings: notes,
        base: original.repository,
        others: [original.repository],
      });
      const places = { source: original.repository, sink: request.repository };
      const changes = await patcher.proveBuilt(places, platforms, made.digest, signal);
      return made.kind === "same" ? made : { kind: "patched", made, changes };
    } finally {
      await built.close();
    }
  } finally {
    await rm(context, { recursive: true, force: true });
  }
}

/** What an image says of where it comes from, which an engine leaves out: a patch of it still comes from there. image-spec, annotations.md. */
function originOf({ platforms }: ReadImage): Record<string, string> {
  const own = platforms[0]?.parsed.annotations ?? {};
  const kept = [
    annotationKeys.title,
    annotationKeys.source,
    annotationKeys.revision,
    annotationKeys.version,
    annotationKeys.url,
    annotationKeys.vendor,
    annotationKeys.licenses,
  ];
  return Object.fromEntries(kept.flatMap((key) => (own[key] === undefined ? [] : [[key, own[key]]])));
}
