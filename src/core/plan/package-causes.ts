import type { Instant } from "../../lib/index.ts";
import { compareDebText } from "../version/index.ts";
import { compareText } from "./compare-text.ts";
import type { ClosedByUpdate, PackageUpdate, PlanFacts, PlanImage } from "./facts.ts";
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
  /** A version among those ready that a quarantined digest brought, where the image cannot do without it alone. */
  readonly blocked: string | undefined;
  /** What quarantined digests brought, where the image can: these stay out, and the others go. */
  readonly keptOut: readonly PackageCause[];
  /** How many packages its inventories hold. */
  readonly packages: number;
}

/** What an image does not let in, or not in a hurry. */
interface Bounds {
  readonly accepted?: PlanImage["accepted"];
  readonly blocked?: PlanImage["blocked"];
}

interface Hit {
  readonly update: PackageUpdate;
  readonly from: string;
  /** The updates from `from` to `update`: what an older one fixes, the newest one fixes as well. */
  readonly passed: readonly PackageUpdate[];
  /** What `update` closes that is critical or known to be exploited, and that nobody accepted. */
  readonly urgent: readonly string[];
  /** When it may go, by the cool-down of the first of `passed` that may. */
  readonly readyAt: Instant;
  /** Whether that is the short one. */
  readonly isShort: boolean;
}

/** By what is told when an update may go to an image: what somebody accepted there is no reason to hurry. */
interface Terms extends Pick<PlanFacts, "now" | "policy"> {
  readonly accepted: ReadonlySet<string> | undefined;
}

/** What one inventory meets: what may go in now, and what is newer still and has to wait. */
interface Reached {
  readonly ready: readonly Hit[];
  readonly waiting: readonly Hit[];
  readonly keptOut: readonly Hit[];
  readonly packages: number;
}

/** The versions of one package on one architecture that are offered, the newest last. */
interface Offered {
  readonly ready: PackageUpdate[];
  readonly waiting: PackageUpdate[];
}

const nothing: Reached = { ready: [], waiting: [], keptOut: [], packages: 0 };

/** What the updates mean for an image, and for inventories. Each inventory is looked at once, however many images share it. */
export function collectPackageCauses(facts: PlanFacts): PackageReach {
  const offeredTo = new Map<string | undefined, ReadonlyMap<string, Offered>>();
  const names = new Set(facts.updates.map(({ name }) => name));
  const byInventory = new Map<string, Reached>();
  const meet = (key: string, { accepted, blocked = [] }: Bounds = {}): Reached => {
    const packages = facts.inventories.get(key);
    if (packages === undefined) return nothing;
    const distro = facts.distroOf?.get(key);
    const offered = offeredTo.get(distro) ?? collectOffered(facts, distro);
    offeredTo.set(distro, offered);
    const ready: Hit[] = [];
    const waiting: Hit[] = [];
    const keptOut: Hit[] = [];
    for (const one of packages) {
      if (!names.has(one.name)) continue;
      const offers = offered.get(`${one.name}:${one.architecture}`);
      if (offers === undefined) continue;
      const isBlocked = (update: PackageUpdate): boolean => blocked.some((other) => isSame(other, update));
      const barred = blocked.length === 0 ? [] : [...offers.ready, ...offers.waiting].filter(isBlocked);
      const terms: Terms = { now: facts.now, policy: facts.policy, accepted: accepted?.get(one.source) };
      const { into, after } = hitsOf(one.version, without(offers, barred), terms);
      if (into !== undefined) ready.push(into);
      if (after !== undefined) waiting.push(after);
      const kept = hitOf(into?.update.version ?? one.version, barred, terms);
      if (kept !== undefined) keptOut.push(kept);
    }
    return { ready, waiting, keptOut, packages: packages.length };
  };
  for (const key of facts.inventories.keys()) byInventory.set(key, meet(key));
  const remembered = new Map<string, ReachedPackages>();
  const outdated = (keys: readonly string[]): string[] => {
    const found = keys.flatMap((key) => {
      const { ready, waiting } = byInventory.get(key) ?? nothing;
      return [...ready, ...waiting].map(({ update }) => update.source);
    });
    return [...new Set(found)].sort(compareText);
  };
  const reach = (image: PlanImage): ReachedPackages => {
    const keys = image.current?.inventories ?? [];
    const isPlain = image.blocked.length === 0 && (image.accepted?.size ?? 0) === 0;
    const shared = isPlain ? `${image.securityOnly} ${keys.join(" ")}` : undefined;
    const before = shared === undefined ? undefined : remembered.get(shared);
    if (before !== undefined) return before;
    const bounds: Bounds = { accepted: image.accepted, blocked: image.takesSome ? image.blocked : [] };
    const known = keys.map((key) => (isPlain ? (byInventory.get(key) ?? nothing) : meet(key, bounds)));
    const inventories = image.securityOnly ? known.map(onlySecurity) : known;
    const reached = judge(image, inventories);
    if (shared !== undefined) remembered.set(shared, reached);
    return reached;
  };
  return { reach, outdated };
}

/** What the updates mean for images. */
interface PackageReach {
  readonly reach: (image: PlanImage) => ReachedPackages;
  /** Sources of which the inventories with these keys hold an older version. */
  readonly outdated: (inventories: readonly string[]) => string[];
}

/** What is left where ordinary updates are no cause: an update counts by what it closes, or by the suite that it, or one that it replaces, came by. */
function onlySecurity({ ready, waiting, keptOut, packages }: Reached): Reached {
  const isSecurity = ({ update, from, passed }: Hit): boolean =>
    passed.some(({ security, advisories }) => security || advisories.length > 0) || update.closes?.has(from) === true;
  return { ready: ready.filter(isSecurity), waiting: waiting.filter(isSecurity), keptOut, packages };
}

/** Milliseconds of the short cool-down. */
export function shortCoolDown(policy: Pick<PlanFacts["policy"], "coolDown" | "securityCoolDown">): number {
  return Math.min(policy.coolDown, policy.securityCoolDown);
}

/** When an update may go in, whoever holds what: the first generation of a suite does not wait, what a security suite offers where the policy says so. */
function readyForAll(update: PackageUpdate, policy: PlanFacts["policy"]): Instant {
  if (update.baseline || update.urgent) return update.firstSeen;
  if (!update.security) return update.firstSeen + policy.coolDown;
  return policy.exempt.includes("security-suites") ? update.firstSeen : update.firstSeen + shortCoolDown(policy);
}

/** What an update closes for who holds `from` and that nobody accepted, of one sort. */
function closedBy(
  { closes }: PackageUpdate,
  from: string,
  { accepted }: Pick<Terms, "accepted">,
  sort: keyof ClosedByUpdate,
): readonly string[] {
  const ids = closes?.get(from)?.[sort] ?? [];
  return accepted === undefined ? ids : ids.filter((id) => !accepted.has(id));
}

/** For what an update may go in now to who holds `from`, although the ordinary cool-down has not ended: all that feeds say that it closes once the short one has, before that what is exempt. */
function hurriedBy(update: PackageUpdate, from: string, terms: Terms): readonly string[] {
  const { exempt } = terms.policy;
  if (update.firstSeen + shortCoolDown(terms.policy) <= terms.now) return closedBy(update, from, terms, "advisories");
  return [
    ...(exempt.includes("exploited") ? closedBy(update, from, terms, "exploited") : []),
    ...(exempt.includes("critical") ? closedBy(update, from, terms, "vouched") : []),
  ];
}

/** When a hit may go, and whether that is by the short cool-down; `closed` is closed without it. */
function waitOf(
  passed: readonly PackageUpdate[],
  from: string,
  terms: Terms,
  closed: ReadonlySet<string> = new Set(),
): Pick<Hit, "readyAt" | "isShort"> {
  let first: Pick<Hit, "readyAt" | "isShort"> = { readyAt: Number.MAX_SAFE_INTEGER, isShort: false };
  for (const update of passed) {
    const plain = readyForAll(update, terms.policy);
    const isVouched = closedBy(update, from, terms, "advisories").some((id) => !closed.has(id));
    const short = update.firstSeen + shortCoolDown(terms.policy);
    const own = isVouched && short < plain ? { readyAt: short, isShort: true } : { readyAt: plain, isShort: false };
    if (own.readyAt < first.readyAt) first = own;
  }
  return first;
}

/**
 * Of the versions of one package that are offered to who holds `from`: the one that goes into a rebuild now, and the newest that has to wait after that. Both undefined where there is none. What was `accepted` is
 * no reason not to wait.
 */
export function chooseUpdates(
  from: string,
  updates: readonly PackageUpdate[],
  facts: Pick<PlanFacts, "now" | "policy">,
  accepted?: ReadonlySet<string>,
): { readonly taken: PackageUpdate | undefined; readonly waiting: PackageUpdate | undefined } {
  const { into, after } = hitsOf(from, sortOffers(updates, facts), { ...facts, accepted });
  return { taken: into?.update, waiting: after?.update };
}

/** What is offered to the images of an upstream of the configuration. */
function collectOffered(facts: PlanFacts, distro: string | undefined): Map<string, Offered> {
  const to = facts.updates.filter((update) => update.distro === undefined || update.distro === distro);
  const byPackage = Map.groupBy(to, ({ name, architecture }) => `${name}:${architecture}`);
  return new Map([...byPackage].map(([key, all]) => [key, sortOffers(all, facts)]));
}

function sortOffers(updates: readonly PackageUpdate[], facts: Pick<PlanFacts, "now" | "policy">): Offered {
  const offered: Offered = { ready: [], waiting: [] };
  for (const update of updates) {
    const isReady = readyForAll(update, facts.policy) <= facts.now;
    (isReady ? offered.ready : offered.waiting).push(update);
  }
  offered.ready.sort(compareUpdates);
  offered.waiting.sort(compareUpdates);
  return offered;
}

/** What is offered but for some. */
function without(offers: Offered, barred: readonly PackageUpdate[]): Offered {
  if (barred.length === 0) return offers;
  const isOpen = (update: PackageUpdate): boolean => !barred.includes(update);
  return { ready: offers.ready.filter(isOpen), waiting: offers.waiting.filter(isOpen) };
}

/** What of a package goes in now, and what is newer still and has to wait. */
function hitsOf(
  from: string,
  offers: Offered,
  terms: Terms,
): { readonly into: Hit | undefined; readonly after: Hit | undefined } {
  const into = hurry(from, hitOf(from, offers.ready, terms), offers, terms);
  const after = hitOf(into?.update.version ?? from, offers.waiting, terms);
  if (into === undefined || after === undefined) return { into, after };
  // What goes in now closes some of it: only for the rest it need not wait as long as others.
  const closed = closedBy(into.update, from, terms, "advisories");
  return { into, after: { ...after, ...waitOf(after.passed, from, terms, new Set(closed)) } };
}

function hitOf(from: string, offers: readonly PackageUpdate[], terms: Terms): Hit | undefined {
  const update = offers.at(-1);
  if (update === undefined || compareDebText(from, update.version) >= 0) return undefined;
  const passed = offers.filter(({ version }) => compareDebText(from, version) < 0);
  return { update, from, passed, urgent: closedBy(update, from, terms, "urgent"), ...waitOf(passed, from, terms) };
}

/**
 * What goes in where a version whose ordinary cool-down has not ended closes something for which it need not wait that out, and `ready` does not: the lowest that closes most of it. When the record came does
 * not count, for the same facts give the same plan.
 */
function hurry(from: string, ready: Hit | undefined, offers: Offered, terms: Terms): Hit | undefined {
  const closed = new Set(ready && closedBy(ready.update, from, terms, "advisories"));
  let best: { readonly update: PackageUpdate; readonly more: number } | undefined;
  for (const update of offers.waiting) {
    if (update.closes === undefined || compareDebText(ready?.update.version ?? from, update.version) >= 0) continue;
    const more = hurriedBy(update, from, terms).filter((id) => !closed.has(id)).length;
    if (more > (best?.more ?? 0)) best = { update, more };
  }
  if (best === undefined) return ready;
  const { update } = best;
  const isPassed = ({ version }: PackageUpdate): boolean =>
    compareDebText(from, version) < 0 && compareDebText(version, update.version) <= 0;
  const passed = [...offers.ready, ...offers.waiting].filter(isPassed);
  const { exempt } = terms.policy;
  const isExempt =
    (exempt.includes("exploited") && closedBy(update, from, terms, "exploited").length > 0) ||
    (exempt.includes("critical") && closedBy(update, from, terms, "vouched").length > 0);
  const wait = isExempt
    ? { readyAt: update.firstSeen, isShort: false }
    : { readyAt: update.firstSeen + shortCoolDown(terms.policy), isShort: true };
  return { update, from, passed, urgent: closedBy(update, from, terms, "urgent"), ...wait };
}

function judge(image: PlanImage, inventories: readonly Reached[]): ReachedPackages {
  const ready = inventories.flatMap((one) => one.ready);
  const waiting = inventories.flatMap((one) => one.waiting);
  const blocked = ready
    .filter(({ update }) => image.blocked.some((one) => isSame(one, update)))
    .map(({ update }) => `${update.name} ${update.version}`);
  return {
    ready: group(ready),
    waiting: group(waiting),
    until: firstOf(waiting.map(({ readyAt }) => readyAt)),
    urgent: ready.some(isUrgent),
    blocked: blocked.sort(compareText)[0],
    keptOut: group(inventories.flatMap((one) => one.keptOut)),
    packages: inventories.reduce((sum, one) => sum + one.packages, 0),
  };
}

/** A newer version that brings what an older one fixed is as urgent as that. */
function isUrgent({ urgent: ids, passed }: Hit): boolean {
  return ids.length > 0 || passed.some(({ urgent }) => urgent);
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
  const advisories = new Set(
    hits.flatMap(({ update, from, passed }) => [
      ...(update.closes?.get(from)?.advisories ?? []),
      ...passed.flatMap((one) => one.advisories),
    ]),
  );
  const ids = [...advisories].sort(compareText);
  const urgent = new Set(hits.flatMap((hit) => hit.urgent));
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
    origin: updates.map(({ origin }) => origin).sort(compareText)[0] ?? "",
    firstSeen: Math.min(...updates.map(({ firstSeen }) => firstSeen)),
    security: updates.some(({ security }) => security),
    advisories: ids,
    ...(ids.length === 0 ? {} : { confirmed: ids }),
    ...(hits.some(({ isShort }) => isShort) ? { coolDown: "short" } : {}),
    ...(urgent.size === 0 ? {} : { urgent: [...urgent].sort(compareText) }),
  };
}

function causeKey({ source, sourceVersion }: PackageUpdate): string {
  return `package:${source}:${sourceVersion}`;
}

/** Older versions first; of one version, that which need not wait comes last, then by name. */
function compareUpdates(a: PackageUpdate, b: PackageUpdate): number {
  return (
    compareDebText(a.version, b.version) ||
    Number(a.security) - Number(b.security) ||
    b.firstSeen - a.firstSeen ||
    compareText(b.origin, a.origin) ||
    compareText(b.version, a.version) ||
    compareText(b.sourceVersion, a.sourceVersion)
  );
}

type PackageVersion = PlanImage["blocked"][number];

function isSame(a: PackageVersion, b: PackageVersion): boolean {
  return a.name === b.name && a.architecture === b.architecture && a.version === b.version;
}

function firstOf(times: readonly Instant[]): Instant | undefined {
  return times.length === 0 ? undefined : times.reduce((a, b) => Math.min(a, b));
}
