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

/** What one inventory meets: what may go in now, and what is newer still and has to wait. */
interface Reached {
  readonly ready: readonly Hit[];
  readonly waiting: readonly Hit[];
  readonly packages: number;
}

/** The newest versions of one package on one architecture. */
interface Newest {
  ready: PackageUpdate | undefined;
  waiting: PackageUpdate | undefined;
}

const nothing: Reached = { ready: [], waiting: [], packages: 0 };

/** A function that tells what the updates mean for an image. Each inventory is looked at once, however many images share it. */
export function collectPackageCauses(facts: PlanFacts): (image: PlanImage) => ReachedPackages {
  const newest = findNewest(facts);
  const names = new Set(facts.updates.map(({ name }) => name));
  const byInventory = new Map<string, Reached>();
  for (const [key, packages] of facts.inventories) {
    const ready: Hit[] = [];
    const waiting: Hit[] = [];
    for (const one of packages) {
      if (!names.has(one.name)) continue;
      const found = newest.get(`${one.name}:${one.architecture}`);
      if (found === undefined) continue;
      const isNewer = found.ready !== undefined && compareDebText(one.version, found.ready.version) < 0;
      const next = isNewer ? (found.ready?.version ?? one.version) : one.version;
      if (isNewer && found.ready !== undefined) ready.push({ update: found.ready, from: one.version });
      if (found.waiting !== undefined && compareDebText(next, found.waiting.version) < 0) {
        waiting.push({ update: found.waiting, from: next });
      }
    }
    byInventory.set(key, { ready, waiting, packages: packages.length });
  }
  const remembered = new Map<string, ReachedPackages>();
  return (image) => {
    const keys = image.current?.inventories ?? [];
    const shared = image.blocked.length === 0 ? keys.join(" ") : undefined;
    const known = shared === undefined ? undefined : remembered.get(shared);
    if (known !== undefined) return known;
    const inventories = keys.map((key) => byInventory.get(key) ?? nothing);
    const reached = judge(image, inventories, facts);
    if (shared !== undefined) remembered.set(shared, reached);
    return reached;
  };
}

/** When an update may go in. Security suites and the first generation of a suite do not wait. */
function readyAt({ security, baseline, firstSeen }: PackageUpdate, facts: PlanFacts): Instant {
  return security || baseline ? firstSeen : firstSeen + facts.policy.coolDown;
}

function findNewest(facts: PlanFacts): Map<string, Newest> {
  const newest = new Map<string, Newest>();
  for (const update of facts.updates) {
    const key = `${update.name}:${update.architecture}`;
    const known = newest.get(key) ?? { ready: undefined, waiting: undefined };
    newest.set(key, known);
    const kind = update.security || update.baseline || readyAt(update, facts) <= facts.now ? "ready" : "waiting";
    const other = known[kind];
    if (other === undefined || isBefore(other, update)) known[kind] = update;
  }
  return newest;
}

function judge(image: PlanImage, inventories: readonly Reached[], facts: PlanFacts): ReachedPackages {
  const ready = inventories.flatMap((one) => one.ready);
  const waiting = inventories.flatMap((one) => one.waiting);
  const blocked = ready.find(({ update }) =>
    image.blocked.some(
      (one) => one.name === update.name && one.architecture === update.architecture && one.version === update.version,
    ),
  );
  return {
    ready: group(ready),
    waiting: group(waiting),
    until: waiting.length === 0 ? undefined : Math.min(...waiting.map(({ update }) => readyAt(update, facts))),
    urgent: ready.some(({ update }) => update.urgent),
    blocked: blocked === undefined ? undefined : `${blocked.update.name} ${blocked.update.version}`,
    packages: inventories.reduce((sum, one) => sum + one.packages, 0),
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
