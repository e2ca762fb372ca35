import { createHash } from "node:crypto";

/** What the plan needs to know of a package. */
export interface PlanPackage {
  readonly name: string;
  readonly source: string;
  /** Bytes of its .deb. */
  readonly size: number;
}

/** Packages that share a layer, in the order in which they stand in it. */
export interface LayerGroup {
  readonly packages: readonly string[];
  /** Which image of the lineage brings them: 0 is the eldest ancestor, and so on. */
  readonly generation: number;
}

export const defaultLayerBudget = 32;
/** Layers that are not of packages: generated files, database, files of two generations. */
const reserved = 4;
/** A package as large as this has a layer to itself: a patch of anything else must not send it again. */
const largeBytes = 1_500_000;
/** Sources that get a fix every few weeks: from this size on they have a layer to themselves. */
const oftenPatched: ReadonlySet<string> = new Set(
  "openssl glibc curl gnutls28 krb5 libxml2 expat git perl openssh nginx apache2 postgresql-15 postgresql-17 php8.2 php8.4 python3.11 python3.13 nodejs openjdk-17 openjdk-21 mariadb linux systemd sqlite3 vim imagemagick ghostscript".split(
    " ",
  ),
);
const oftenPatchedBytes = 500_000;
/** How many layers the small packages of one generation share. The same in every image, or no two images would share one. */
const buckets = 4;

/**
 * Which packages share a layer. It depends on an image's own packages as little as can be: a package is large or it belongs to
 * the bucket of its source, in every image. `lineage` are the names of the packages of each ancestor, the eldest first: what an
 * ancestor holds is laid out as there, what this image adds comes after. At most `budget` layers in all.
 */
export function planLayers(
  packages: readonly PlanPackage[],
  lineage: readonly (readonly string[])[] = [],
  budget: number = defaultLayerBudget,
): LayerGroup[] {
  const generationOf = new Map<string, number>();
  for (const [generation, names] of lineage.entries())
    for (const name of names) if (!generationOf.has(name)) generationOf.set(name, generation);
  const generations: PlanPackage[][] = Array.from({ length: lineage.length + 1 }, () => []);
  for (const each of packages) generations[generationOf.get(each.name) ?? lineage.length]?.push(each);
  const groups: LayerGroup[] = [];
  for (const [generation, members] of generations.entries()) {
    if (members.length === 0) continue;
    // Each later generation keeps at least one layer to come.
    const left = Math.max(1, budget - reserved - groups.length - (generations.length - 1 - generation));
    for (const names of layOut(members, left)) groups.push({ packages: names, generation });
  }
  return groups;
}

function layOut(packages: readonly PlanPackage[], most: number): string[][] {
  const bucketCount = Math.min(buckets, most);
  const alone = packages
    .filter(({ size, source }) => size >= (oftenPatched.has(source) ? oftenPatchedBytes : largeBytes))
    .sort((a, b) => b.size - a.size || byName(a, b))
    .slice(0, most - bucketCount);
  const own = new Set(alone.map(({ name }) => name));
  const shared = Array.from({ length: bucketCount }, (): PlanPackage[] => []);
  for (const each of packages) if (!own.has(each.name)) shared[bucketOf(each.source, bucketCount)]?.push(each);
  return [
    ...alone.sort(byName).map(({ name }) => [name]),
    ...shared.filter((bucket) => bucket.length > 0).map((bucket) => bucket.sort(byName).map(({ name }) => name)),
  ];
}

const bucketBySource = new Map<string, number>();

/** The bucket of a source package: nothing but its name decides. */
function bucketOf(source: string, count: number): number {
  let number = bucketBySource.get(source);
  if (number === undefined) {
    number = createHash("sha256").update(source).digest().readUInt32BE(0);
    if (bucketBySource.size > 100_000) bucketBySource.clear();
    bucketBySource.set(source, number);
  }
  return number % count;
}

function byName(a: PlanPackage, b: PlanPackage): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
