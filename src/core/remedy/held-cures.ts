import type { Finding } from "../advisory/index.ts";
import type { Cause, HeldImage, Plan } from "../plan/index.ts";
import { startsRebuild } from "./plan-remedy.ts";
import type { Remedy } from "./types.ts";

/** What would cure, and is kept out: packages of a source, or what an image stands on. */
export interface HeldItem {
  readonly kind: "package" | "base";
  /** The source package, or the base as its upstream is called. */
  readonly name: string;
  /** Of the package; of a base the digest, where the plan names it. */
  readonly version: string | undefined;
}

/** A cure that is there, and that people or Tidemill keep from going out. */
export interface HeldCure {
  /** The image whose rebuild cures. */
  readonly image: string;
  readonly advisory: string;
  readonly aliases: readonly string[];
  readonly exploited: boolean;
  readonly item: HeldItem;
  /** What the plan calls it; of a pause of one environment, which the plan does not look at, `environment` says which. */
  readonly by: "hold" | "quarantine" | "parent" | "source";
  readonly environment: string | undefined;
  /** The plan's own words. */
  readonly reason: string;
  /** Images that are open to it, sorted. */
  readonly open: readonly string[];
}

/** A pause of one environment. */
export interface EnvironmentHold {
  /** Null: every image. */
  readonly image: string | null;
  readonly environment: string;
  readonly reason: string;
}

interface OpenFindings {
  readonly image: string;
  readonly findings: readonly { readonly finding: Finding; readonly remedy: Remedy }[];
}

/**
 * The cures that are held although they close something that is known to be exploited, each once with all images that it leaves open; of what is critical only those that were found to break an image, for a
 * person who pauses an image knows of that. What passes by itself, as a cool-down does, is not held.
 */
export function findHeldCures(
  images: readonly OpenFindings[],
  plan: Plan,
  holds: readonly EnvironmentHold[] = [],
): HeldCure[] {
  const held = Map.groupBy([...plan.held, ...plan.keptOut], ({ image }) => image);
  const planned = new Set(plan.waves.flat().map(({ image }) => image));
  const found = new Map<string, HeldCure & { readonly open: string[] }>();
  for (const { image, findings } of images) {
    for (const { finding, remedy } of findings) {
      const exploited = finding.exploited !== undefined;
      if (!exploited && finding.severity?.level !== "critical") continue;
      if (!isBuilt(remedy)) continue;
      const stops = findStops(finding, remedy, held.get(remedy.image) ?? [], planned, holds);
      for (const stop of stops) {
        if (!exploited && stop.by !== "quarantine") continue;
        const key = JSON.stringify([remedy.image, stop.item, finding.id, stop.environment ?? null]);
        const { id: advisory, aliases } = finding;
        const known = found.get(key) ?? { image: remedy.image, advisory, aliases, exploited, open: [], ...stop };
        if (!known.open.includes(image)) known.open.push(image);
        found.set(key, known);
      }
    }
  }
  return [...found.values()].map((one) => ({ ...one, open: one.open.toSorted() }));
}

type BuiltRemedy = Extract<Remedy, { readonly kind: "rebase" | "rebuild" | "patch" }>;

function isBuilt(remedy: Remedy): remedy is BuiltRemedy {
  return startsRebuild(remedy);
}

type Stop = Pick<HeldCure, "item" | "by" | "environment" | "reason">;

/** What keeps a remedy from being carried out: the first that the plan names, else every pause of an environment that its rebuild comes to. */
function findStops(
  finding: Finding,
  remedy: BuiltRemedy,
  held: readonly HeldImage[],
  planned: ReadonlySet<string>,
  holds: readonly EnvironmentHold[],
): Stop[] {
  for (const { kind, causes, reason } of held) {
    if (kind !== "hold" && kind !== "quarantine" && kind !== "parent" && kind !== "source") continue;
    const all = causes.map(({ cause }) => cause);
    const base = all.find((one) => one.kind === "base" && one.name === remedy.offered.from);
    const isKept = base !== undefined || all.some((cause) => bringsCure(cause, finding, remedy));
    if (kind === "quarantine" && !isKept) continue;
    const item: HeldItem =
      base?.kind === "base" ? { kind: "base", name: base.name, version: base.to } : itemOf(finding, remedy);
    return [{ item, by: kind, environment: undefined, reason }];
  }
  if (!planned.has(remedy.image)) return [];
  return holds
    .filter(({ image }) => image === null || image === remedy.image)
    .map(({ environment, reason }) => ({ item: itemOf(finding, remedy), by: "hold", environment, reason }));
}

function bringsCure(cause: Cause, { source, package: name }: Finding, { offered }: BuiltRemedy): boolean {
  if (cause.kind === "parent") return cause.image === offered.from;
  return cause.kind === "package" && (cause.source === source || cause.packages.some((one) => one.name === name));
}

function itemOf({ source }: Finding, remedy: BuiltRemedy): HeldItem {
  const { version, from } = remedy.offered;
  if (remedy.kind !== "rebase") return { kind: "package", name: source, version };
  return { kind: "base", name: from, version: remedy.onto };
}
