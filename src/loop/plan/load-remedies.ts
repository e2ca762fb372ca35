import { setImmediate as nextTurn } from "node:timers/promises";
import type { Finding } from "../../core/advisory/index.ts";
import { endOfLife } from "../../core/base/index.ts";
import type { InstalledPackage, Inventory } from "../../core/inventory/index.ts";
import {
  cureSource,
  findPackage,
  placeOf,
  planRemedy,
  type Demands,
  type PackageJudge,
  type Remedy,
  type RemedyFacts,
  type SourceCure,
} from "../../core/remedy/index.ts";
import type { Digest } from "../../lib/index.ts";
import type { Context } from "../context.ts";
import { createLineages, type LineageOf } from "./create-lineages.ts";
import { loadBaseHoldings } from "./load-base-holdings.ts";
import { createDemandLoader, type DemandsOf } from "./load-demands.ts";
import type { FleetFacts } from "./load-facts.ts";
import type { MatchedPlatform } from "./match-fleet.ts";

/** A finding of an image, on which of its platforms, and what would cure it. */
export interface CuredFinding {
  readonly finding: Finding;
  readonly platforms: readonly string[];
  readonly remedy: Remedy;
}

/** What is wrong with what an image is now, each with its remedy. */
export interface ImageRemedies {
  readonly image: string;
  readonly digest: Digest;
  /** `unknown` is never clean: `reasons` say what could not be told. */
  readonly state: "known" | "unknown";
  readonly reasons: readonly string[];
  readonly findings: readonly CuredFinding[];
}

/** The findings of the fleet and their remedies, by what the feeds say and the suites offer now; an image that was never built has none. */
export async function loadRemedies(ctx: Context, facts: FleetFacts): Promise<ImageRemedies[]> {
  const lineageOf = createLineages(ctx.config, facts, await loadBaseHoldings(ctx, facts));
  const loadDemands = createDemandLoader(ctx);
  const found: ImageRemedies[] = [];
  for (const [image, platforms] of [...facts.matched.images].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const digest = facts.digests.get(image)?.digest;
    if (digest === undefined) continue;
    const demandsOf = await loadDemands(image, digest, platforms);
    found.push(remedyImage({ image, digest }, platforms, lineageOf, demandsOf, facts));
    // A large fleet must not keep leases and probes waiting.
    await nextTurn();
  }
  return found;
}

function remedyImage(
  { image, digest }: Pick<ImageRemedies, "image" | "digest">,
  platforms: readonly MatchedPlatform[],
  lineageOf: LineageOf,
  demandsOf: DemandsOf,
  facts: FleetFacts,
): ImageRemedies {
  const found = new Map<string, CuredFinding>();
  for (const { platform, inventory, report, judge } of platforms) {
    if (judge === undefined) continue;
    const asking = (finding: Finding): Demands => demandsOf(platform, finding);
    const world = remedyFacts(inventory, judge, lineageOf(image, platform), asking, facts);
    for (const finding of report.findings) {
      const remedy = planRemedy(finding, world);
      const { layer: _, architecture: __, ...same } = finding;
      // What is the same on every platform is told once.
      const key = JSON.stringify([same, remedy]);
      const known = found.get(key);
      found.set(key, { finding, remedy, platforms: [...(known?.platforms ?? []), platform] });
    }
  }
  const reasons = [...new Set(platforms.flatMap(({ report }) => report.reasons))];
  const isKnown = platforms.length > 0 && platforms.every(({ report }) => report.state === "known");
  return { image, digest, state: isKnown ? "known" : "unknown", reasons, findings: [...found.values()] };
}

function remedyFacts(
  inventory: Inventory,
  judge: PackageJudge,
  lineage: RemedyFacts["lineage"],
  demandsOf: (finding: Finding) => Demands,
  { now }: FleetFacts,
): RemedyFacts {
  const cures = new Map<string, SourceCure>();
  const entryOf = (finding: Finding): InstalledPackage | undefined => findPackage(inventory, placeOf(finding));
  return {
    now,
    lineage,
    judge: (finding, version) => {
      const entry = entryOf(finding);
      return entry === undefined ? "unknown" : judge.judge(finding, entry, version);
    },
    support: endOfLife(inventory.os, now),
    sourceCure: (finding) => {
      const entry = entryOf(finding);
      const key = JSON.stringify([finding.id, finding.type, finding.package, finding.path, finding.version]);
      const cure = cures.get(key) ?? cureSource(finding, entry, judge, demandsOf(finding));
      cures.set(key, cure);
      return cure;
    },
  };
}
