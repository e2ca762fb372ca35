import {
  findDiscord,
  resolvePackages,
  type Discord,
  type PackageRecord,
  type PackageUniverse,
} from "../packages/index.ts";
import { formatBytes } from "../../lib/index.ts";
import { compareDebText } from "../version/index.ts";
import { pinAgainst, readPins } from "./apt-pins.ts";
import { lackKey, overlayUniverse } from "./overlay-universe.ts";
import type { Original, OriginalPackage, PatchPolicy, Selection, Swap } from "./types.ts";

const maxRounds = 50;
const maxNotes = 50;
/** A patch of more is a new image; what hostile databases list is not fetched. */
const maxSwaps = 1000;
const maxBytes = 2_147_483_648;

/**
 * Which packages of an image should change to what `offers`, the image's own suites, have: all that are older, or those of the policy; with them the other packages of their source, what
 * they newly depend on, and what they cannot stand beside at its present version. Nothing is ever removed or goes back. What the image lacked already it may go on lacking.
 */
export function selectSwaps(original: Original, offers: PackageUniverse, policy: PatchPolicy): Selection {
  const notes: string[] = [];
  const reasons: string[] = [];
  const isNative = ({ architecture }: OriginalPackage): boolean =>
    architecture === original.architecture || architecture === "all";
  const native = original.packages.filter(isNative);
  const foreign = original.packages.filter((one) => !isNative(one));
  const names = new Set(native.map(({ name }) => name));
  if (names.size < native.length) {
    const twin = native.find(({ name }) => !names.delete(name))?.name ?? "";
    return { kind: "refused", reasons: [`${twin} is installed twice, for ${original.architecture} and for all`] };
  }

  const newest = newestOf(original, native, offers);
  const target = new Map<OriginalPackage, PackageRecord>();
  for (const one of wantedOf(native, newest, policy, notes)) {
    const to = newest.get(one);
    if (to === undefined) continue;
    if (to.held === undefined) target.set(one, to.record);
    else if (policy.wanted === undefined) notes.push(`${one.name} stays at ${one.version}: ${to.held}`);
    else reasons.push(`${one.name} should go to ${to.record.version}, but ${to.held}`);
  }
  if (reasons.length > 0) return { kind: "refused", reasons };
  if (target.size === 0) return { kind: "nothing", notes: notes.slice(0, maxNotes) };

  const plain = overlayUniverse(original.universe, offers);
  const before = native.map(({ record }) => record);
  const known = new Set(lacksOf(findDiscord(before, plain)).map(({ owner, names }) => lackKey(owner.name, names)));
  const universe = overlayUniverse(original.universe, offers, known);
  const stuck = moveAlong(native, target, newest, universe);
  if (stuck !== undefined) return { kind: "refused", reasons: [stuck] };
  for (const one of foreign) {
    const mate = [...target.keys()].find(({ name }) => name === one.name);
    if (mate !== undefined)
      reasons.push(
        `${one.name} is installed for ${mate.architecture} and ${one.architecture}, which must be the same version`,
      );
  }
  if (reasons.length > 0) return { kind: "refused", reasons };

  const roots = native.map((one) => `${one.name}=${(target.get(one) ?? one.record).version}`);
  const resolution = resolvePackages({ roots }, universe);
  if (resolution.kind === "unsatisfiable") return { kind: "refused", reasons: [resolution.chain.join("; ")] };
  const swaps = [...target].map(([one, record]): Swap => swapOf(record, one.version));
  const offered = (record: PackageRecord): PackageRecord =>
    plain.versions(record.name).find(({ version }) => version === record.version) ?? record;
  for (const record of resolution.packages) if (!names.has(record.name)) swaps.push(swapOf(offered(record), undefined));
  const bytes = swaps.reduce((sum, { record }) => sum + record.size, 0);
  if (swaps.length > maxSwaps || bytes > maxBytes)
    return {
      kind: "refused",
      reasons: [`${swaps.length} packages of ${formatBytes(bytes)} would have to change: more than a patch may`],
    };
  swaps.sort((a, b) => (a.name < b.name ? -1 : 1));
  return { kind: "swaps", swaps, notes: notes.slice(0, maxNotes) };
}

interface Newest {
  readonly record: PackageRecord;
  /** What stands against it. */
  readonly held: string | undefined;
}

/** For each package that the suites have newer: its newest version. */
function newestOf(
  { tree }: Original,
  packages: readonly OriginalPackage[],
  offers: PackageUniverse,
): ReadonlyMap<OriginalPackage, Newest> {
  const pins = readPins(tree);
  const found = new Map<OriginalPackage, Newest>();
  for (const one of packages) {
    const [record] = offers.versions(one.name);
    if (record === undefined || compareDebText(record.version, one.version) <= 0) continue;
    const held = one.held ? "it is on hold" : pinAgainst(pins, one.name, one.source, record.version);
    found.set(one, { record, held });
  }
  return found;
}

/** The packages that are to change for their own sake; all of a source together. */
function wantedOf(
  packages: readonly OriginalPackage[],
  newest: ReadonlyMap<OriginalPackage, Newest>,
  { wanted }: PatchPolicy,
  notes: string[],
): OriginalPackage[] {
  if (wanted === undefined) return [...newest.keys()];
  return packages.filter((one) => {
    const asked = wanted.filter(({ source }) => source === one.source);
    if (asked.length === 0) return false;
    const open = asked.filter(({ fixed }) => fixed === undefined || compareDebText(one.sourceVersion, fixed) < 0);
    const to = newest.get(one);
    for (const { fixed } of open)
      if (fixed !== undefined && (to === undefined || compareDebText(to.record.sourceVersion, fixed) < 0))
        notes.push(
          `${one.name} ${one.version} needs ${fixed} of ${one.source}, which no suite of the image offers yet`,
        );
    return open.length > 0 && to !== undefined;
  });
}

/**
 * Adds to `target` the installed packages that must move with those in it: of the same source, because a new version wants a newer one of them, or breaks the present one. A sentence where one that must is held.
 */
function moveAlong(
  packages: readonly OriginalPackage[],
  target: Map<OriginalPackage, PackageRecord>,
  newest: ReadonlyMap<OriginalPackage, Newest>,
  universe: PackageUniverse,
): string | undefined {
  const byName = new Map(packages.map((one) => [one.name, one]));
  const inUniverse = (record: PackageRecord): PackageRecord =>
    universe.versions(record.name).find(({ version }) => version === record.version) ?? record;
  for (let round = 0; round < maxRounds; round += 1) {
    const moving = new Map<OriginalPackage, string>();
    const sources = new Map([...target].map(([one]) => [one.source, one.name]));
    for (const one of packages) {
      const mate = sources.get(one.source);
      const isFree = newest.get(one)?.held === undefined;
      if (mate !== undefined && isFree) moving.set(one, `it is of the same source as ${mate}`);
    }
    const after = packages.map((one) => inUniverse(target.get(one) ?? one.record));
    for (const discord of findDiscord(after, universe)) {
      const names = isLack(discord)
        ? discord.fitting.map(({ name }) => name)
        : [...discord.fitting.map(({ name }) => name), discord.owner.name];
      for (const name of names) {
        const one = byName.get(name);
        const to = one === undefined ? undefined : newest.get(one);
        if (one === undefined || to === undefined) continue;
        const helps =
          !isLack(discord) || discord.fitting.some((each) => each.name === name && each.version === to.record.version);
        if (helps)
          moving.set(
            one,
            `${discord.owner.name} ${discord.owner.version} ${isLack(discord) ? "needs" : "rejects"} ${discord.relation}`,
          );
      }
    }
    let added = 0;
    for (const [one, why] of moving) {
      const to = newest.get(one);
      if (to === undefined || target.has(one)) continue;
      if (to.held !== undefined)
        return `${one.name} would have to go to ${to.record.version}, since ${why}; but ${to.held}`;
      target.set(one, to.record);
      added += 1;
    }
    if (added === 0) return undefined;
  }
  return `the packages that must change together are not found within ${maxRounds} rounds`;
}

function isLack({ kind }: Discord): boolean {
  return kind === "Depends" || kind === "Pre-Depends";
}

function lacksOf(discord: readonly Discord[]): Discord[] {
  return discord.filter(isLack);
}

function swapOf(record: PackageRecord, from: string | undefined): Swap {
  const { name, architecture, source, version } = record;
  return { name, architecture, source, from, to: version, record };
}
