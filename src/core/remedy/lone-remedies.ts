import type { AdvisoryIndex, Finding } from "../advisory/index.ts";
import { endOfLife } from "../base/index.ts";
import type { InstalledPackage, Inventory } from "../inventory/index.ts";
import type { Digest, Instant } from "../../lib/index.ts";
import { cureSource } from "./cure-source.ts";
import type { PackageOffers, RemedyFacts, RemedyImage, SourceCure } from "./facts.ts";
import { findPackage, placeOf } from "./find-package.ts";
import { createPackageJudge } from "./judge-packages.ts";
import { isOfDistribution, planRemedy } from "./plan-remedy.ts";
import { noDemands, type Demands } from "./demands.ts";
import type { Remedy } from "./types.ts";

/** What is known of something that is only looked at: an image without configuration, a folder, a bill of materials. */
export interface LoneFacts {
  readonly now: Instant;
  /** As it was named. */
  readonly name: string;
  readonly inventory: Inventory;
  /** The one that its findings were made with. */
  readonly index: AdvisoryIndex;
  /** Its layers, the lowest first; none where it has none. Which of them are a base's is written nowhere: where there are several, the lowest counts as one if it brought packages of a distribution. */
  readonly layers: readonly Digest[];
  /** What its suites offer; without it nobody asked them. */
  readonly offersOf?: (entry: InstalledPackage) => PackageOffers;
  /** Who in it asks for the package of a finding. */
  readonly demandsOf?: (finding: Finding) => Demands;
}

/** What would cure each finding of something that is only looked at: its own layers are its to rebuild, what its first layer brought needs a newer base, what a source names needs another version there. */
export function createLoneRemedies(facts: LoneFacts): (finding: Finding) => Remedy {
  const { now, name, inventory, index, layers, offersOf, demandsOf } = facts;
  const judge = createPackageJudge(inventory, index);
  const base = layers.length > 1 && isSystem(layers[0], inventory) ? layers[0] : undefined;
  const image: RemedyImage = {
    name,
    recipe: "unknown",
    base: { kind: "unknown" },
    inherits: ({ layer }) => layer !== undefined && layer === base,
    renews: () => false,
    mayRebase: true,
    patches: "none",
    find: (place) => findPackage(inventory, place),
    offers: (place) => {
      const entry = findPackage(inventory, place);
      return entry === undefined || offersOf === undefined ? { kind: "not-asked" } : offersOf(entry);
    },
  };
  const entryOf = (finding: Finding): InstalledPackage | undefined => findPackage(inventory, placeOf(finding));
  const cures = new Map<string, SourceCure>();
  const world: RemedyFacts = {
    now,
    lineage: [image],
    support: endOfLife(inventory.os, now),
    judge: (finding, version) => {
      const entry = entryOf(finding);
      return entry === undefined ? "unknown" : judge.judge(finding, entry, version);
    },
    sourceCure: (finding) => {
      const key = JSON.stringify([finding.id, finding.type, finding.package, finding.path, finding.version]);
      const cure = cures.get(key) ?? cureSource(finding, entryOf(finding), judge, demandsOf?.(finding) ?? noDemands);
      cures.set(key, cure);
      return cure;
    },
  };
  return (finding) => planRemedy(finding, world);
}

/** Whether a layer brought packages of a distribution. */
function isSystem(layer: Digest | undefined, { packages }: Inventory): boolean {
  return packages.some((one) => one.layer === layer && isOfDistribution(one.type));
}
