import { formatPlatform, parseReference } from "../core/image/index.ts";
import { debsOf, diffInventories, readInventory, type Inventory } from "../core/inventory/index.ts";
import type { PackageChange } from "../core/plan/index.ts";
import type { ImageDigest, Rebuild } from "../io/store/index.ts";
import type { Digest } from "../lib/index.ts";
import type { CandidateDetail, CandidateOrigin, Context } from "./context.ts";
import { baseUpstream } from "./sources.ts";

/** One thing that a candidate has newer than what it takes over from, and that can be left out. */
export interface Update {
  /** A source package, or the upstream of a base: the same in every process that looks. */
  readonly key: string;
  /** For people: `openssl 3.0.17-1`, `docker.io/library/redis:7 at sha256:…`. */
  readonly name: string;
  /** Of one source package, which come together or not at all; none of a base. */
  readonly packages: readonly PackageChange[];
  /** A newer digest of somebody else's image. */
  readonly base?: { readonly name: string; readonly from: Digest; readonly to: Digest };
  /** Keys of what it cannot be taken without. */
  readonly brings: readonly string[];
}

/** What of a candidate can be left out, what brings others after these. Nothing where its recipe takes all or nothing. */
export async function updatesIn(ctx: Context, { image, candidate }: Rebuild): Promise<readonly Update[]> {
  const declared = ctx.config.images[image];
  const made = candidate === null ? undefined : await ctx.store.loadImageDigest(image, candidate);
  if (made === undefined) return [];
  const after = [...(await ctx.store.loadInventories(Object.values(made.inventories))).values()];
  if (declared?.recipe === "packages") return packageUpdates(after, changesOf(made));
  if (declared?.recipe !== "upstream") return [];
  return upstreamUpdates(ctx, baseUpstream(declared.from), declared.patch !== "none", made, after);
}

function changesOf({ detail }: ImageDigest): CandidateDetail["changes"] {
  return (detail["changes"] ?? []) as CandidateDetail["changes"];
}

function originOf(made: ImageDigest | undefined): CandidateOrigin | undefined {
  return made?.detail["origin"] as CandidateOrigin | undefined;
}

/** Packages that are newer, by their source. */
function packageUpdates(after: readonly Inventory[], changes: readonly PackageChange[]): Update[] {
  const sources = new Map(
    after.flatMap(debsOf).map((one) => [`${one.name}:${one.architecture}`, [one.source, one.sourceVersion] as const]),
  );
  const bySource = new Map<string, { name: string; packages: PackageChange[] }>();
  for (const change of changes) {
    if (change.from === undefined || change.to === undefined) continue;
    const [source, version] = sources.get(`${change.name}:${change.architecture}`) ?? [];
    if (source === undefined || version === undefined) continue;
    const known = bySource.get(source) ?? { name: `${source} ${version}`, packages: [] };
    bySource.set(source, known);
    known.packages.push(change);
  }
  return [...bySource]
    .map(([source, { name, packages }]): Update => ({ key: source, name, packages, brings: [] }))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** What its owner changed as one, and the packages of which the suites have newer ones than the digest before. */
async function upstreamUpdates(
  ctx: Context,
  base: string,
  isPatched: boolean,
  made: ImageDigest,
  after: readonly Inventory[],
): Promise<Update[]> {
  const now = originOf(made)?.bases[base];
  if (now === undefined) return [];
  const previous = made.detail["previous"] as CandidateDetail["previous"];
  const taken = previous === null ? undefined : await ctx.store.loadImageDigest(made.image, previous);
  const before = originOf(taken)?.bases[base];
  const isMoved = before !== undefined && before !== now;
  if (!isPatched) return isMoved ? [movedBase(base, before, now, [])] : [];
  const original = await holdingsOf(ctx, base, now);
  const packages = packageUpdates(after, taken === undefined ? changesBetween(original, after) : changesOf(made));
  if (!isMoved) return packages;
  const has = new Set(original.flatMap(debsOf).map((one) => `${one.name}:${one.architecture} ${one.version}`));
  const isBrought = ({ name, architecture, to = "" }: PackageChange): boolean =>
    has.has(`${name}:${architecture} ${to}`);
  const brought = packages.filter((one) => one.packages.some(isBrought)).map(({ key }) => key);
  return [...packages, movedBase(base, before, now, brought)];
}

function movedBase(name: string, from: Digest, to: Digest, brings: readonly string[]): Update {
  return { key: `base ${name}`, name: `${name} at ${to}`, packages: [], base: { name, from, to }, brings };
}

async function holdingsOf(ctx: Context, base: string, digest: Digest): Promise<Inventory[]> {
  const read = await ctx.images.read(ctx.baseRepository(parseReference(base)), digest, ctx.signal);
  return read.platforms.map(({ tree, platform }) => readInventory(tree, platform));
}

function changesBetween(before: readonly Inventory[], after: readonly Inventory[]): PackageChange[] {
  return after.flatMap((one) => {
    const name = formatPlatform(one.platform);
    return diffInventories(
      before.find(({ platform }) => formatPlatform(platform) === name),
      one,
    );
  });
}
