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
/**
 * A source whose packages are as large as this has a layer to itself: a patch of anything else must not send it again. Every
 * layer costs Docker some 80 ms, in which it unpacks 1.5 MB: an image of many small ones takes thrice as long to pull as the
 * same files in one.
 */
const largeBytes = 3_000_000;
/** Sources that get a fix every few weeks: from this size on they have a layer to themselves. */
const oftenPatched: ReadonlySet<string> = new Set(
  "openssl glibc curl gnutls28 krb5 libxml2 expat git perl openssh nginx apache2 postgresql-15 postgresql-17 php8.2 php8.4 python3.11 python3.13 nodejs openjdk-17 openjdk-21 mariadb linux systemd sqlite3 vim imagemagick ghostscript".split(
    " ",
  ),
);
const oftenPatchedBytes = 2_000_000;
/** How many layers the other packages of one generation share, at most; one for as little as `bucketBytes`. */
const buckets = 4;
const bucketBytes = 16_000_000;
/** Less than this has no layer to itself where a large source can take it along: it is sent with a patch of that one, and costs no pull anything. */
const leftoverBytes = 3_000_000;

/**
 * Which packages share a layer. It depends on an image's own packages as little as can be: the packages of a source, which
 * change together, have a layer where they are large; the others belong to the bucket of their source. `lineage` are the names
 * of the packages of each ancestor, the eldest first: what an ancestor holds is laid out as there, what this image adds comes
 * after. At most `budget` layers in all.
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
  const sources = [...Map.groupBy(packages, ({ source }) => source)].map(([source, members]) => ({
    source,
    members: members.toSorted(byName),
    size: sizeOf(members),
  }));
  const large = sources
    .filter(({ source, size }) => size >= (oftenPatched.has(source) ? oftenPatchedBytes : largeBytes))
    .sort((a, b) => b.size - a.size || byText(a.source, b.source));
  const small = (alone: ReadonlySet<string>): PlanPackage[] => packages.filter(({ source }) => !alone.has(source));
  const namesOf = (list: readonly { source: string }[]): Set<string> => new Set(list.map(({ source }) => source));
  const wanted = bucketCountFor(sizeOf(small(namesOf(large))), most);
  const alone = large.slice(0, most - wanted);
  const rest = small(namesOf(alone));
  const [largest] = alone;
  if (largest !== undefined && sizeOf(rest) < leftoverBytes) largest.members.push(...rest.splice(0).sort(byName));
  const shared = Array.from({ length: wanted }, (): PlanPackage[] => []);
  for (const each of rest) shared[bucketOf(each.source, wanted)]?.push(each);
  return [
    ...alone.sort((a, b) => byText(a.source, b.source)).map(({ members }) => members.map(({ name }) => name)),
    ...shared.filter((bucket) => bucket.length > 0).map((bucket) => bucket.sort(byName).map(({ name }) => name)),
  ];
}

/** One, two or four: a bucket is parted in two as the image grows, and the others stay. */
function bucketCountFor(size: number, most: number): number {
  let count = 1;
  while (count * 2 <= Math.min(buckets, most) && count * bucketBytes < size) count *= 2;
  return count;
}

function sizeOf(packages: readonly PlanPackage[]): number {
  return packages.reduce((sum, { size }) => sum + size, 0);
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
  return byText(a.name, b.name);
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
