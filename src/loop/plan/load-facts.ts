import { ecosystemOf, ecosystemOfCodename } from "../../core/advisory/index.ts";
import { distroOf, lineageOf, type Config } from "../../core/config/index.ts";
import type { Inventory } from "../../core/inventory/index.ts";
import { findRing, type PackageUpdate, type PlanBase, type PlanFacts, type PlanImage } from "../../core/plan/index.ts";
import type { ImageDigest, Pointer, Quarantine, Rebuild } from "../../io/store/index.ts";
import type { Digest } from "../../lib/index.ts";
import type { BelievedBase } from "../believed-bases.ts";
import { checkTerms } from "../check-terms.ts";
import type { Context } from "../context.ts";
import { describeRecipe } from "./describe-recipe.ts";
import { InventoryShares } from "./inventory-shares.ts";
import { loadSources, type FoundSource } from "./load-sources.ts";
import { acceptedIn, matchFleet, type MatchedFleet } from "./match-fleet.ts";
import { noteInstalled, type Installed } from "./find-closed.ts";
import { findUpdates } from "./find-updates.ts";

const hour = 3_600_000;

/** What a plan is made from, and the upstream whose suites tell what is newer in each image. */
export interface FleetFacts extends PlanFacts {
  readonly distros: ReadonlyMap<string, string>;
  /** What each image is now, and what that holds. */
  readonly digests: ReadonlyMap<string, ImageDigest>;
  readonly holdings: ReadonlyMap<Digest, Inventory>;
  readonly sources: ReadonlyMap<string, FoundSource>;
  readonly believed: ReadonlyMap<string, BelievedBase>;
  /** What is found in them. */
  readonly matched: MatchedFleet;
}

/** All that a plan is made from, from the store, the configuration and the suites on disk. */
export async function loadPlanFacts(ctx: Context): Promise<FleetFacts> {
  const { store, config, clock } = ctx;
  const now = clock.now();
  const [pointers, holds, quarantines, newest] = await Promise.all([
    store.loadPointers(),
    store.loadHolds(),
    store.loadQuarantines(),
    store.loadNewestRebuilds(),
  ]);
  const current = currentDigests(config, pointers);
  const described = await store.loadDigests([...new Set(current.values())]);
  const byImage = new Map<string, ImageDigest>();
  for (const one of described) if (current.get(one.image) === one.digest) byImage.set(one.image, one);
  const keys = [...new Set([...byImage.values()].flatMap((one) => Object.values(one.inventories)))];
  const inventories = await store.loadInventories(keys);
  const ended = newest.filter(({ state }) => state === "failed" || state === "unchanged");
  const causes = await store.loadCauses(ended.map(({ id }) => id));
  const keysOf = (rebuild: Rebuild | undefined): string[] =>
    (causes.get(rebuild?.id ?? "") ?? []).map(({ key }) => key);

  const lastEnvironment = config.environments.at(-1)?.name;
  const [sources, bases, declared] = await Promise.all([
    loadSources(ctx),
    ctx.believedBases(),
    store.loadImages({ retired: true }),
  ]);
  const shares = new InventoryShares(inventories);
  const distros = findDistros(ctx, byImage, inventories);
  const matched = await matchFleet(ctx, byImage, inventories);
  const images: PlanImage[] = [];
  for (const name of Object.keys(config.images)) {
    const last = newest.find((one) => one.image === name);
    const isPlaced = pointers.some((one) => one.image === name && one.environment === lastEnvironment);
    // One that failed on its first way through the environments has nowhere else to begin than at its beginning.
    const known = last?.state === "failed" && !isPlaced ? undefined : byImage.get(name);
    const recent = await recentRebuilds(ctx, name, last, now);
    // What broke that one stays out now: the others need not wait.
    const failed = last?.state === "failed" && last.lastError?.code !== "held-back" ? last : undefined;
    const unchanged = last?.state === "unchanged" ? last : undefined;
    const made = await describeRecipe(ctx, name, {
      source: sources.get(name),
      current: known,
      bases,
      declared: declared.find((one) => one.name === name),
      shares,
      distro: distros.get(name),
    });
    images.push({
      name,
      ...made.recipe,
      current: known && {
        digest: known.digest,
        recipeKey: known.recipeKey,
        inventories: made.own ?? Object.values(known.inventories).map((key) => shares.whole(key, distros.get(name))),
      },
      requests: [],
      failure: failed && {
        at: failed.finishedAt ?? now,
        count: recent.failures,
        recipeKey: failed.recipeKey,
        causes: keysOf(failed),
      },
      settled: unchanged && { recipeKey: unchanged.recipeKey, causes: keysOf(unchanged) },
      recent: recent.begun,
      accepted: acceptedIn(matched.images.get(name) ?? []),
      blocked: [],
      takesSome: canTakeSome(config.images[name]),
    });
  }
  return {
    now,
    images: breakRings(withBlocked(ctx, images, quarantines)),
    inventories: shares.all(),
    distroOf: shares.distroOf(),
    updates: await findAllUpdates(ctx, byImage, inventories, distros),
    distros,
    digests: byImage,
    holdings: inventories,
    sources,
    believed: bases,
    matched,
    holds: holds.filter(({ environment }) => environment === null),
    policy: config.policies,
  };
}

/** Images that are each other's parents can never be built: all of them say so. */
function breakRings(images: readonly PlanImage[]): readonly PlanImage[] {
  const ring = findRing(images);
  if (ring === undefined) return images;
  const broken = `images are each other's parents: ${[...ring, ring[0]].join(" → ")}`;
  const broke = images.map((image) => (ring.includes(image.name) ? { ...image, parents: [], broken } : image));
  return breakRings(broke);
}

/** Whether a build of it can leave out some packages: what is assembled, and what is patched. */
function canTakeSome(image: Config["images"][string] | undefined): boolean {
  return image?.recipe === "packages" || (image?.recipe === "upstream" && image.patch !== "none");
}

/** `images` with what quarantined digests brought to each, or to one whose packages it starts from. */
function withBlocked(ctx: Context, images: readonly PlanImage[], quarantines: readonly Quarantine[]): PlanImage[] {
  if (quarantines.length === 0) return [...images];
  const byImage = Map.groupBy(quarantines, ({ image }) => image);
  const keys = new Map(images.map(({ name, recipeKey }) => [name, recipeKey]));
  const standing = new Map<string, { packages: PlanImage["blocked"]; bases: ReadonlySet<string> }>();
  for (const [image, rows] of byImage) {
    const terms = checkTerms(ctx, image, keys.get(image) ?? "");
    const isStanding = (one: { readonly terms?: Digest }): boolean => one.terms === undefined || one.terms === terms;
    const packages = rows.flatMap((row) => row.packages).filter(isStanding);
    const bases = rows.flatMap((row) => row.bases).filter(isStanding);
    standing.set(image, {
      packages: packages.map(({ name, architecture, version }) => ({ name, architecture, version })),
      bases: new Set(bases.map(({ name, digest }) => `${name} ${digest}`)),
    });
  }
  return images.map((image) => {
    const line = image.takesSome ? lineageOf(ctx.config, image.name) : [];
    const blocked = [...new Set([...line, image.name])].flatMap((name) => standing.get(name)?.packages ?? []);
    const bases = standing.get(image.name)?.bases ?? new Set();
    if (!image.bases.some(({ name, to }) => bases.has(`${name} ${to}`))) return { ...image, blocked };
    const isBlocked = ({ name, to }: PlanBase): boolean => bases.has(`${name} ${to}`);
    return {
      ...image,
      blocked,
      bases: image.bases.map((base) => (isBlocked(base) ? { ...base, isBlocked: true } : base)),
    };
  });
}

/** What each image is now: what its last environment names, else the one before. */
export function currentDigests(config: Context["config"], pointers: readonly Pointer[]): Map<string, Digest> {
  const found = new Map<string, Digest>();
  for (const { name } of config.environments) {
    for (const { image, environment, digest } of pointers) {
      if (environment === name && digest !== null) found.set(image, digest);
    }
  }
  return found;
}

async function recentRebuilds(
  ctx: Context,
  image: string,
  last: Rebuild | undefined,
  now: number,
): Promise<{ readonly begun: number; readonly failures: number }> {
  if (last === undefined || last.createdAt < now - 24 * hour) return { begun: 0, failures: 1 };
  const rebuilds = await ctx.store.loadRebuilds({ image, limit: 200 });
  const firstGood = rebuilds.findIndex(({ state }) => state !== "failed");
  return {
    begun: rebuilds.filter(({ createdAt, attempts }) => attempts > 0 && createdAt > now - hour).length,
    failures: Math.max(1, firstGood < 0 ? rebuilds.length : firstGood),
  };
}

function findDistros(
  ctx: Context,
  digests: ReadonlyMap<string, ImageDigest>,
  inventories: ReadonlyMap<Digest, Inventory>,
): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of Object.keys(ctx.config.images)) {
    const keys = Object.values(digests.get(name)?.inventories ?? {});
    const [codename] = keys.flatMap((key) => inventories.get(key)?.os?.codename ?? []);
    const upstream = distroOf(ctx.config, name, codename);
    if (upstream !== undefined) found.set(name, upstream);
  }
  return found;
}

/** Updates of every upstream, for the packages that its images hold. */
async function findAllUpdates(
  ctx: Context,
  digests: ReadonlyMap<string, ImageDigest>,
  inventories: ReadonlyMap<Digest, Inventory>,
  distros: ReadonlyMap<string, string>,
): Promise<PackageUpdate[]> {
  const installed = new Map<string, Installed>();
  const seen = new Set<string>();
  for (const [image, { inventories: keys }] of digests) {
    const upstream = distros.get(image);
    if (upstream === undefined) continue;
    const madeFrom = ecosystemOfCodename(ctx.config.upstreams[upstream]?.codename ?? "");
    const known = installed.get(upstream) ?? { oldest: new Map(), versions: new Map(), ecosystems: new Set() };
    installed.set(upstream, known);
    for (const key of Object.values(keys)) {
      if (seen.has(`${upstream} ${key}`)) continue;
      seen.add(`${upstream} ${key}`);
      const inventory = inventories.get(key);
      const ecosystem = inventory?.os === undefined ? madeFrom : ecosystemOf(inventory.os);
      if (ecosystem !== undefined) known.ecosystems.add(ecosystem);
      for (const one of inventory?.packages ?? []) noteInstalled(known, one);
    }
  }
  const found = await Promise.all([...installed].map(([upstream, held]) => findUpdates(ctx, upstream, held)));
  return found.flat();
}
