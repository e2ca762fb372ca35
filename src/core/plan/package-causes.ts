import type { Instant } from "../../lib/index.ts";
import { compareDebText } from "../version/index.ts";
import type { PackageUpdate, PlanFacts, PlanImage } from "./facts.ts";
import type { Cause, PackageChange } from "./types.ts";

interface PackageCause {
  readonly key: string;
  readonly cause: Extract<Cause, { kind: "package" }>;
}

/** What the updates mean for one image. */
export interface ReachedPackages {
  readonly ready: readonly PackageCause[];
  /** In cool-down. */
  readonly waiting: readonly PackageCause[];
  /** When the first of those may go. */
  readonly until: Instant | undefined;
  readonly urgent: boolean;
  /** A version among those ready that a quarantined digest brought. */
  readonly blocked: string | undefined;
  /** How many packages its inventories hold. */
  readonly packages: number;
}

interface Hit {
  readonly update: PackageUpdate;
  readonly from: string;
}

interface Reached {
  readonly hits: readonly Hit[];
  readonly packages: number;
}

const nothing: Reached = { hits: [], packages: 0 };

/** A function that tells what the updates mean for an image. Each inventory is looked at once, however many images share it. */
export function collectPackageCauses(facts: PlanFacts): (image: PlanImage) => ReachedPackages {
  const newest = new Map<string, PackageUpdate>();
  for (const update of facts.updates) {
    const key = `${update.name}:${update.architecture}`;
    const known = newest.get(key);
    if (known === undefined || isBefore(known, update)) newest.set(key, update);
  }
  const names = new Set(facts.updates.map(({ name }) => name));
  const byInventory = new Map<string, Reached>();
  for (const [key, packages] of facts.inventories) {
    const hits: Hit[] = [];
    for (const one of packages) {
      if (!names.has(one.name)) continue;
      const update = newest.get(`${one.name}:${one.architecture}`);
      if (update !== undefined && compareDebText(one.version, update.version) < 0)
        hits.push({ update, from: one.version });
    }
    byInventory.set(key, { hits, packages: packages.length });
  }
  const remembered = new Map<string, ReachedPackages>();
  return (image) => {
    const keys = image.current?.inventories ?? [];
    const shared = image.blocked.length === 0 ? keys.join(" ") : undefined;
    const known = shared === undefined ? undefined : remembered.get(shared);
    if (known !== undefined) return known;
    const reached = judge(
      image,
      keys.map((key) => byInventory.get(key) ?? nothing),
      facts,
    );
    if (shared !== undefined) remembered.set(shared, reached);
    return reached;
  };
}

function judge(image: PlanImage, inventories: readonly Reached[], facts: PlanFacts): ReachedPackages {
  const packages = inventories.reduce((sum, one) => sum + one.packages, 0);
  const hits = inventories.flatMap((one) => one.hits);
  const readyAt = ({ update }: Hit): Instant =>
    update.security || update.baseline ? update.firstSeen : update.firstSeen + facts.policy.coolDown;
  const isReady = (hit: Hit): boolean => hit.update.security || hit.update.baseline || readyAt(hit) <= facts.now;
  // A source package is let out as a whole: its binaries depend on one another in the same version.
  const waitingSources = new Set(hits.filter((hit) => !isReady(hit)).map(({ update }) => causeKey(update)));
  const ready = hits.filter(({ update }) => !waitingSources.has(causeKey(update)));
  const waiting = hits.filter(({ update }) => waitingSources.has(causeKey(update)));
  const blocked = ready.find(({ update }) =>
    image.blocked.some(
      (one) => one.name === update.name && one.architecture === update.architecture && one.version === update.version,
    ),
  );
  return {
    ready: group(ready),
    waiting: group(waiting),
    until: waiting.length === 0 ? undefined : Math.min(...waiting.map(readyAt)),
    urgent: ready.some(({ update }) => update.urgent),
    blocked: blocked === undefined ? undefined : `${blocked.update.name} ${blocked.update.version}`,
    packages,
  };
}

function group(hits: readonly Hit[]): PackageCause[] {
  const byKey = new Map<string, Hit[]>();
  for (const hit of hits) {
    const key = causeKey(hit.update);
    const known = byKey.get(key);
    if (known === undefined) byKey.set(key, [hit]);
    else known.push(hit);
  }
  return [...byKey].sort(([a], [b]) => compareText(a, b)).map(([key, all]) => ({ key, cause: causeOf(all) }));
}

function causeOf(hits: readonly Hit[]): PackageCause["cause"] {
  const updates = hits.map(({ update }) => update);
  const changes = new Map<string, PackageChange>();
  for (const { update, from } of hits) {
    const { name, architecture, version } = update;
    changes.set(`${name}:${architecture}:${from}`, { name, architecture, from, to: version });
  }
  const [first] = updates;
  return {
    kind: "package",
    source: first?.source ?? "",
    to: first?.sourceVersion ?? "",
    packages: [...changes].sort(([a], [b]) => compareText(a, b)).map(([, change]) => change),
    origin: first?.origin ?? "",
    firstSeen: Math.min(...updates.map(({ firstSeen }) => firstSeen)),
    security: updates.some(({ security }) => security),
    advisories: [...new Set(updates.flatMap(({ advisories }) => advisories))].sort(compareText),
  };
}

function causeKey({ source, sourceVersion }: PackageUpdate): string {
  return `package:${source}:${sourceVersion}`;
}

/** Whether `b` is the one to take: the newer version; of the same version, the one that need not wait, then by name. */
function isBefore(a: PackageUpdate, b: PackageUpdate): boolean {
  const order = compareDebText(a.version, b.version);
  if (order !== 0) return order < 0;
  if (a.security !== b.security) return b.security;
  if (a.firstSeen !== b.firstSeen) return b.firstSeen < a.firstSeen;
  return b.origin < a.origin;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
