import { formatPlatform } from "../../core/image/index.ts";
import { diffInventories, readInventory, type Inventory } from "../../core/inventory/index.ts";
import type { PackageRecord } from "../../core/packages/index.ts";
import type { PackageChange } from "../../core/plan/index.ts";
import type { Candidate, KeyedCause, Lease, PromotionFacts } from "../../io/store/index.ts";
import type { Digest } from "../../lib/index.ts";
import { effectiveImage, lineageOf } from "../../core/config/index.ts";
import { keepingTag, repositoryName, type CandidateDetail, type Context } from "../context.ts";
import { loadBase } from "./load-base.ts";
import { resolveImage } from "./resolve-image.ts";
import { suggestAdvisories } from "./suggest-advisories.ts";
import type { AssembledImage, Assembler } from "./types.ts";

/** What became of a build: a candidate, the digest that is in place already, or a lease that was lost meanwhile. */
export type BuildOutcome =
  | { readonly kind: "built" | "unchanged"; readonly digest: Digest; readonly assembled: AssembledImage }
  | { readonly kind: "lost" };

/**
 * Makes the candidate of a rebuild: resolves, assembles, pushes, reads back what the pushed bytes hold, and puts it all down in one step. The same rebuild may be
 * built again after a crash: the same packages give the same digest, and what was pushed is found there. Throws what resolving, fetching and pushing throw.
 */
export async function buildCandidate(
  ctx: Context,
  assembler: Assembler,
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
  const base = await loadBase(ctx, image, rebuild.parentRebuilds);
  const { request, notes } = await resolveImage(ctx, image, { holdBack: holdBackOf(rebuild.detail["holdBack"]), base });
  const mountFrom = lineageOf(ctx.config, image)
    .slice(0, -1)
    .reverse()
    .map((each) => repositoryName(ctx.config, each));
  const assembled = await assembler.assemble(request, repository, { signal, mountFrom });
  const { digest } = assembled;
  await repository.tag(digest, keepingTag(digest), { signal });

  const read = await ctx.images.read(repository, digest, signal);
  const inventories = read.platforms.map(({ tree, platform }) => readInventory(tree, platform));
  const keys = await store.saveInventories(inventories);
  const names = inventories.map(({ platform }) => formatPlatform(platform));
  const previous = currentDigest(ctx, facts);
  const before = await inventoriesOf(ctx, image, previous);
  const causes = await suggestAdvisories(
    facts.causes,
    before,
    request.platforms.flatMap(({ packages }) => packages),
    (record) => fetchPackage(ctx, image, record, signal),
  );
  const detail: CandidateDetail = {
    previous: previous ?? null,
    changes: changesBetween(before, inventories),
    bytes: assembled.bytes,
    bytesUploaded: assembled.bytesUploaded,
    layers: assembled.platforms.flatMap((platform) =>
      platform.layers.map(({ descriptor, history }) => ({
        digest: descriptor.digest,
        bytes: descriptor.size,
        history,
      })),
    ),
    warnings: [...notes, ...assembled.warnings],
  };
  const candidate: Candidate = {
    digest,
    platforms: names,
    inventories: Object.fromEntries(names.map((name, at) => [name, keys[at] ?? digest])),
    recipeKey: rebuild.recipeKey,
    baseDigests: base === undefined ? [] : [base],
    detail: { ...detail },
  };
  // One that never got as far as the last environment still has a way to go.
  const last = ctx.config.environments.at(-1)?.name;
  const isUnchanged = facts.pointers.some((one) => one.environment === last && one.digest === digest);
  if ((await saveCauses(ctx, lease, facts.causes, causes)) === "lost") return { kind: "lost" };
  const saved = await store.saveCandidate(lease, candidate, isUnchanged ? { state: "unchanged" } : {});
  if (saved.kind === "lost") return saved;
  return { kind: isUnchanged ? "unchanged" : "built", digest, assembled };
}

/** The path of a package's verified file. */
export function fetchPackage(
  ctx: Context,
  image: string,
  record: PackageRecord,
  signal?: AbortSignal,
): Promise<string> {
  const upstream = effectiveImage(ctx.config, image)?.upstream ?? "";
  const source = ctx.suites.get(upstream)?.find(({ name }) => name === record.origin);
  if (source === undefined)
    throw new Error(`${record.origin}, which offers ${record.name}, is no suite of ${upstream}`);
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

/** The packages that wait, as the plan wrote them down. */
function holdBackOf(value: unknown): readonly PackageChange[] {
  return Array.isArray(value) ? (value as PackageChange[]) : [];
}
