import { packagesImage, sourceOf, type Config } from "../../core/config/index.ts";
import { parseDockerfile, renewedPackages } from "../../core/dockerfile/index.ts";
import type { InstalledPackage, Inventory } from "../../core/inventory/index.ts";
import { chooseUpdates, type PackageUpdate, type PlanImage } from "../../core/plan/index.ts";
import {
  findPackage,
  type OfferedVersion,
  type PackagePlace,
  type RemedyBase,
  type RemedyFacts,
  type RemedyImage,
} from "../../core/remedy/index.ts";
import type { CandidateOrigin } from "../context.ts";
import { baseUpstream, hasSource, stageOf, type SourceUse } from "../sources.ts";
import type { FleetFacts } from "./load-facts.ts";

/** What the newest digest of a base holds on a platform; undefined where that is not known. */
export type BaseHoldings = (base: string, platform: string) => Inventory | undefined;

/** The lineage of an image on one platform: itself, what it stands on, and so on down. */
export type LineageOf = (image: string, platform: string) => RemedyFacts["lineage"];

/** How the images of a fleet look to remedies, each made once however many stand on it. */
export function createLineages(config: Config, facts: FleetFacts, holdingsOf: BaseHoldings): LineageOf {
  const known = new Map<string, RemedyImage>();
  const fleet: Fleet = {
    config,
    facts,
    holdingsOf,
    offers: collectOffers(facts),
    planned: new Map(facts.images.map((one) => [one.name, one])),
  };
  const imageOf = (name: string, platform: string): RemedyImage => {
    const key = `${platform} ${name}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    const made = describeImage(fleet, name, platform);
    known.set(key, made);
    return made;
  };
  return (name, platform) => {
    const lineage: [RemedyImage, ...RemedyImage[]] = [imageOf(name, platform)];
    const seen = new Set([name]);
    for (
      let below = parentOf(config, facts, name);
      below !== undefined && !seen.has(below);
      below = parentOf(config, facts, below)
    ) {
      seen.add(below);
      lineage.push(imageOf(below, platform));
    }
    return lineage;
  };
}

/** The image of the fleet whose layers another one begins with. */
function parentOf(config: Config, facts: FleetFacts, name: string): string | undefined {
  const declared = config.images[name];
  if (declared === undefined || !hasSource(declared)) return packagesImage(config, name)?.parent;
  return baseUse(facts, name)?.own;
}

/** What the last stage of a Dockerfile stands on; where nobody shows one, what the image was seen to stand on. */
function baseUse({ sources, digests }: FleetFacts, name: string): SourceUse | undefined {
  const found = sources.get(name);
  if (found?.kind !== "found") return undefined;
  const { base, uses } = found.source;
  if (base !== undefined) return uses.find((use) => use.name === base);
  const origin = digests.get(name)?.detail["origin"] as CandidateOrigin | undefined;
  return uses.find(({ key }) => key === origin?.standsOn);
}

/** What lineages are made from. */
interface Fleet {
  readonly config: Config;
  readonly facts: FleetFacts;
  readonly holdingsOf: BaseHoldings;
  readonly offers: OffersOf;
  readonly planned: ReadonlyMap<string, PlanImage>;
}

function describeImage(fleet: Fleet, name: string, platform: string): RemedyImage {
  const { config, facts, offers } = fleet;
  const declared = config.images[name];
  const digest = facts.digests.get(name);
  const inventory = facts.holdings.get(digest?.inventories[platform] ?? "sha256:");
  const origin = digest?.detail["origin"] as CandidateOrigin | undefined;
  const baseLayers = new Set(origin?.baseLayers?.[platform]);
  const parent = parentOf(config, facts, name);
  const parentHolds = facts.holdings.get(facts.digests.get(parent ?? "")?.inventories[platform] ?? "sha256:");
  const find: RemedyImage["find"] = (place) => findPackage(inventory, place);
  const distro = facts.distros.get(name);
  const accepted = fleet.planned.get(name)?.accepted;
  return {
    name,
    recipe: declared?.recipe ?? "unknown",
    base: describeBase(fleet, name, platform),
    inherits: (place) => {
      if (declared?.recipe === "upstream") return true;
      if (origin?.baseLayers !== undefined) return place.layer !== undefined && baseLayers.has(place.layer);
      // What is assembled has layers that its parent's packages may share with its own.
      return findPackage(parentHolds, place) !== undefined;
    },
    renews: renewedBy(config, facts, name),
    mayRebase: declared?.recipe === "dockerfile" && declared.rebase,
    patches: declared?.recipe === "upstream" ? declared.patch : "none",
    find,
    offers: (place) => {
      if (distro === undefined || place.type !== "deb") return { kind: "not-asked" };
      const installed = findPackage(inventory, place);
      return { kind: "asked", versions: installed === undefined ? [] : offers(distro, installed, accepted) };
    },
  };
}

function describeBase(
  { config, facts, holdingsOf, planned: images }: Fleet,
  name: string,
  platform: string,
): RemedyBase {
  const parent = parentOf(config, facts, name);
  if (parent !== undefined) {
    const digest = facts.digests.get(parent);
    return { kind: "own", digest: digest?.digest, since: digest?.createdAt };
  }
  const declared = config.images[name];
  const base = declared?.recipe === "upstream" ? baseUpstream(declared.from) : foreignBase(facts, name);
  if (base === undefined) return { kind: "none" };
  const planned = images.get(name)?.bases.find((one) => one.name === base);
  if (planned === undefined || planned.from === planned.to) return { kind: "others", name: base, moved: undefined };
  const held = holdingsOf(base, platform);
  const find = held === undefined ? undefined : (place: PackagePlace) => findPackage(held, place);
  return { kind: "others", name: base, moved: { digest: planned.to, since: planned.firstSeen, find } };
}

/** The image of somebody else's that an image stands on, as its upstream is called. */
function foreignBase(facts: FleetFacts, name: string): string | undefined {
  const use = baseUse(facts, name);
  return use?.own === undefined ? use?.key : undefined;
}

function renewedBy(config: Config, { sources }: FleetFacts, name: string): (package_: string) => boolean {
  const from = sourceOf(config.images[name]);
  const found = sources.get(name);
  if (from?.dockerfile === undefined || found?.kind !== "found") return () => false;
  return renewedPackages(parseDockerfile(found.source.dockerfile, { ...stageOf(from), args: from.args }));
}

type OffersOf = (
  distro: string,
  installed: InstalledPackage,
  accepted: PlanImage["accepted"],
) => readonly OfferedVersion[];

/** What the suites of each upstream offer to who holds a version: what a rebuild takes now, and what it takes when that has waited. */
function collectOffers(facts: FleetFacts): OffersOf {
  const keyOf = (distro: string | undefined, name: string, architecture: string): string =>
    [distro ?? "", name, architecture].join("\n");
  const byPackage = Map.groupBy(facts.updates, (one) => keyOf(one.distro, one.name, one.architecture));
  return (distro, { name, architecture, version, source }, accepted) => {
    const updates = byPackage.get(keyOf(distro, name, architecture)) ?? [];
    const { taken, waiting } = chooseUpdates(version, updates, facts, accepted?.get(source));
    return [describeOffer(waiting, true), describeOffer(taken, false)].flat();
  };
}

function describeOffer(update: PackageUpdate | undefined, isWaiting: boolean): OfferedVersion[] {
  if (update === undefined) return [];
  const { version, sourceVersion, origin, firstSeen } = update;
  return [{ version, sourceVersion, from: origin, since: firstSeen, isWaiting }];
}
