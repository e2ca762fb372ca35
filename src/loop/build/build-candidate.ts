import { formatPlatform } from "../../core/image/index.ts";
import { diffInventories, readInventory, type Inventory } from "../../core/inventory/index.ts";
import type { PackageRecord, PackageUniverse } from "../../core/packages/index.ts";
import type { PackageChange } from "../../core/plan/index.ts";
import type { Candidate, KeyedCause, Lease, PromotionFacts } from "../../io/store/index.ts";
import type { Digest, Instant } from "../../lib/index.ts";
import { keepingTag, type CandidateDetail, type CandidateOrigin, type Context } from "../context.ts";
import { madeFromOf } from "../made-from.ts";
import { attachVex, fixedByPatch } from "./attach-vex.ts";
import { causeRecords } from "./cause-records.ts";
import { makeExternal, refuseExternal, type ExternalOutcome } from "./external/make-external.ts";
import type { Made, MadeSame, MakeRequest } from "./made.ts";
import { makeDockerfile } from "./make-dockerfile.ts";
import { makePackages } from "./make-packages.ts";
import { suggestAdvisories } from "./suggest-advisories.ts";
import { makeUpstream } from "./make-upstream.ts";
import type { Patcher, SuiteQuestion } from "./patch/types.ts";
import type { Rebaser } from "./rebase-image.ts";
import type { Assembler } from "./types.ts";

/** What makes images, shared by the whole fleet. */
export interface Makers {
  readonly assembler: Assembler;
  readonly rebaser: Rebaser;
  /** A patcher that takes packages from what `universeFor` gives. */
  readonly patcherOf: (universeFor: (question: SuiteQuestion) => Promise<PackageUniverse>) => Patcher;
}

/** What became of a build: a candidate, the digest that is in place already, or a lease that was lost meanwhile. */
export type BuildOutcome =
  | { readonly kind: "built" | "unchanged"; readonly digest: Digest }
  /** For somebody's pipeline, until when nobody needs to work at it. */
  | { readonly kind: "waits"; readonly resumeAt: Instant; readonly reason: string }
  | { readonly kind: "lost" };

/**
 * Makes the candidate of a rebuild: resolves, assembles, pushes, reads back what the pushed bytes hold, and puts it all down in one step. The same rebuild may be
 * built again after a crash: the same packages give the same digest, and what was pushed is found there. Throws what resolving, fetching and pushing throw.
 */
export async function buildCandidate(
  ctx: Context,
  makers: Makers,
  facts: PromotionFacts,
  lease: Lease,
  signal: AbortSignal,
): Promise<BuildOutcome> {
  const { store } = ctx;
  const { rebuild } = facts;
  const { image } = rebuild;
  const started = await store.saveRebuild(lease, { state: "building" });
  if (started.kind === "lost") return started;
  const repository = ctx.repositoryOf(image);
  const previous = currentDigest(ctx, facts);
  const request = { rebuild, causes: facts.causes, previous, repository, signal };
  const declared = ctx.config.images[image];
  const made: ExternalOutcome | Awaited<ReturnType<typeof makeImage>> =
    declared?.recipe === "external"
      ? await makeExternal(ctx, declared, request, lease)
      : await makeImage(ctx, makers, request);
  if (made.kind === "waits" || made.kind === "lost") return made;
  const { digest } = made;
  const last = ctx.config.environments.at(-1)?.name;
  // One that never got as far as the last environment still has a way to go.
  const isUnchanged = facts.pointers.some((one) => one.environment === last && one.digest === digest);
  if (made.kind === "same") return saveSame(ctx, lease, made, isUnchanged);
  await repository.tag(digest, keepingTag(digest), { signal });

  const read = await ctx.images.read(repository, digest, signal);
  const inventories = read.platforms.map(({ tree, platform }) => readInventory(tree, platform));
  const keys = await store.saveInventories(inventories, madeFromOf(ctx.config, image));
  const names = inventories.map(({ platform }) => formatPlatform(platform));
  const before = await inventoriesOf(ctx, image, previous);
  const packages = made.packages ?? (await causeRecords(ctx, image, facts.causes, before));
  const causes = await suggestAdvisories(facts.causes, before, packages, (record) => fetchPackage(ctx, record, signal));
  const { bytes, bytesUploaded, layers, warnings } = made;
  const fixed =
    made.patched === undefined
      ? undefined
      : await fixedByPatch(ctx, image, made.patched, causes, (record) => fetchPackage(ctx, record, signal));
  const origin = fixed === undefined ? made.origin : { ...made.origin, fixed };
  if (fixed !== undefined) await attachVex(repository, digest, fixed, rebuild.createdAt, signal);
  const changes = changesBetween(before, inventories);
  const detail: CandidateDetail = {
    previous: previous ?? null,
    changes,
    bytes,
    bytesUploaded,
    layers,
    warnings,
    origin,
    runtimes: (read.platforms[0]?.config.config?.Env ?? []).filter((one) => /^[A-Z]+_VERSION=/.test(one)).slice(0, 20),
  };
  const candidate: Candidate = {
    digest,
    platforms: names,
    inventories: Object.fromEntries(names.map((name, at) => [name, keys[at] ?? digest])),
    recipeKey: rebuild.recipeKey,
    baseDigests: Object.values(origin.bases),
    detail: { ...detail },
  };
  if ((await saveCauses(ctx, lease, facts.causes, causes)) === "lost") return { kind: "lost" };
  const saved = await store.saveCandidate(lease, candidate, isUnchanged ? { state: "unchanged" } : {});
  if (saved.kind === "lost") return saved;
  return { kind: isUnchanged ? "unchanged" : "built", digest };
}

/** By the recipe of the image, as the configuration has it now. Throws BUILT_ELSEWHERE for what only a pipeline makes. */
export async function makeImage(
  ctx: Context,
  { assembler, rebaser, patcherOf }: Makers,
  request: MakeRequest,
): Promise<Made | MadeSame> {
  const image = ctx.config.images[request.rebuild.image];
  if (image?.recipe === "dockerfile") return makeDockerfile(ctx, rebaser, image, request);
  if (image?.recipe === "upstream") return makeUpstream(ctx, patcherOf, image, request);
  if (image?.recipe === "external") refuseExternal(request.rebuild.image, image);
  return makePackages(ctx, assembler, request);
}

/** What came out is what the image is already, made of other digests: only that is put down. */
async function saveSame(
  { store }: Context,
  lease: Lease,
  { digest, origin }: MadeSame,
  isUnchanged: boolean,
): Promise<BuildOutcome> {
  const { image, recipeKey } = lease.rebuild;
  const known = await store.loadImageDigest(image, digest);
  if (known === undefined) throw new Error(`${image} is ${digest}, of which nothing is known`);
  const { platforms, inventories, detail } = known;
  const before = detail["origin"] as CandidateOrigin | undefined;
  const candidate: Candidate = {
    digest,
    platforms,
    inventories,
    recipeKey,
    baseDigests: Object.values(origin.bases),
    // Its layers stay those of the base that it was made of.
    detail: { ...detail, origin: { ...origin, ...before, bases: origin.bases } },
  };
  const saved = await store.saveCandidate(lease, candidate, isUnchanged ? { state: "unchanged" } : {});
  if (saved.kind === "lost") return saved;
  return { kind: isUnchanged ? "unchanged" : "built", digest };
}

/** The path of a package's verified file. */
function fetchPackage(ctx: Context, record: PackageRecord, signal?: AbortSignal): Promise<string> {
  const source = [...ctx.suites.values()].flat().find(({ name }) => name === record.origin);
  if (source === undefined) throw new Error(`${record.origin}, which offers ${record.name}, is no suite of this fleet`);
  return ctx.distro.fetchPackage(record, source, signal);
}

/** What the image is now: what the last of its environments that has one names. */
function currentDigest(ctx: Context, facts: PromotionFacts): Digest | undefined {
  let found: Digest | undefined;
  for (const { name } of ctx.config.environments)
    found = facts.pointers.find(({ environment }) => environment === name)?.digest ?? found;
  return found;
}

async function inventoriesOf(ctx: Context, image: string, digest: Digest | undefined): Promise<Inventory[]> {
  const known = digest === undefined ? undefined : await ctx.store.loadImageDigest(image, digest);
  if (known === undefined) return [];
  return [...(await ctx.store.loadInventories(Object.values(known.inventories))).values()];
}

function changesBetween(before: readonly Inventory[], after: readonly Inventory[]): PackageChange[] {
  return after.flatMap((inventory) => {
    const name = formatPlatform(inventory.platform);
    return diffInventories(
      before.find(({ platform }) => formatPlatform(platform) === name),
      inventory,
    );
  });
}

async function saveCauses(
  ctx: Context,
  lease: Lease,
  before: readonly KeyedCause[],
  after: readonly KeyedCause[],
): Promise<"saved" | "lost"> {
  if (JSON.stringify(before) === JSON.stringify(after)) return "saved";
  return (await ctx.store.saveCauses(lease, after)).kind;
}
