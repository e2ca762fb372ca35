import { digestHex, sha256, type Instant } from "../../lib/index.ts";
import { compareDebText } from "../version/index.ts";
import { compareText } from "./compare-text.ts";
import { collectPackageCauses, type ReachedPackages } from "./package-causes.ts";
import type { HeldImage, KeyedCause, Plan, PlanBase, PlanFacts, PlanHold, PlanImage, PlannedRebuild } from "./facts.ts";
import { orderByParents } from "./order-by-parents.ts";
import type { ImageName, PackageChange } from "./types.ts";

const minute = 60_000;
/** Pause after the n-th failure of the same rebuild: minutes, doubled each time, up to six hours. */
const longestBackoff = 6 * 60 * minute;
const forever = Number.MAX_SAFE_INTEGER;
const none: readonly never[] = [];

/**
 * Which images are to be rebuilt, in waves with parents first, each with its causes; which wait and until when; which are not reached. The same facts
 * in any order give the same plan. Work grows with the packages of the inventories once, then with what is reached.
 */
export function planRebuilds(facts: PlanFacts): Plan {
  const { reach, outdated } = collectPackageCauses(facts);
  const holdOf = collectHolds(facts);
  const waves: PlannedRebuild[][] = [];
  const rebuilt = new Map<ImageName, Placed>();
  const heldNames = new Set<ImageName>();
  const held: HeldImage[] = [];
  const keptOut: HeldImage[] = [];
  const untouched: { image: ImageName; reason: string }[] = [];

  for (const image of orderByParents(facts.images)) {
    const reached = reach(image);
    const parents = image.parents.flatMap((name) => rebuilt.get(name) ?? []);
    const causes = causesOf(image, reached, parents, facts.now);
    const decision = decideImage(image, reached, causes, heldNames, holdOf, facts);
    if (decision.kind === "untouched") {
      const inherited = outdated(image.inherited?.inventories ?? []);
      const reason = inherited.length === 0 ? decision.reason : describeInherited(image, inherited);
      untouched.push({ image: image.name, reason });
    } else if (decision.kind === "held") {
      held.push(decision.held);
      // What is kept out of a parent is kept out of its children too; their other updates go.
      const isPartly =
        decision.held.kind === "quarantine" && (image.takesSome || (isKeptFrom(image, reached) && causes.length === 0));
      if (decision.held.kind !== "cool-down" && !isPartly) heldNames.add(image.name);
    } else {
      const wave = parents.reduce((highest, parent) => Math.max(highest, parent.wave + 1), 0);
      const rebuild: PlannedRebuild = {
        image: image.name,
        parents: parents.map(({ rebuild: { image: name } }) => name),
        recipeKey: image.recipeKey,
        lane: reached.urgent || image.requests.length > 0 ? "urgent" : "routine",
        notBefore: facts.now,
        causes,
        holdBack: holdBackOf(reached),
        keepOut: image.takesSome && image.blocked.length > 0 ? [...image.blocked].sort(compareVersions) : none,
        bases: plannedBases(image, facts.now),
      };
      rebuilt.set(image.name, { rebuild, wave, key: undefined });
      (waves[wave] ??= []).push(rebuild);
      if (isKeptFrom(image, reached)) keptOut.push(heldByQuarantine(image, reached));
    }
  }
  for (const wave of waves) wave.sort((a, b) => compareText(a.image, b.image));
  return { waves, held, keptOut, untouched };
}

/** A rebuild of this plan, and the wave in which it comes. */
interface Placed {
  readonly rebuild: PlannedRebuild;
  readonly wave: number;
  /** Of the cause that it is to its children; made when the first of them asks. */
  key: string | undefined;
}

type Decision =
  | { readonly kind: "rebuild" }
  | { readonly kind: "untouched"; readonly reason: string }
  | { readonly kind: "held"; readonly held: HeldImage };

function decideImage(
  image: PlanImage,
  reached: ReachedPackages,
  causes: readonly KeyedCause[],
  heldNames: ReadonlySet<ImageName>,
  holdOf: (image: ImageName) => PlanHold | undefined,
  facts: PlanFacts,
): Decision {
  const hold = (kind: HeldImage["kind"], until: Instant | undefined, reason: string): Decision => ({
    kind: "held",
    held: { image: image.name, kind, until, causes: causes.length > 0 ? causes : waitingCauses(reached), reason },
  });
  if (image.broken !== undefined) return hold("source", undefined, image.broken);
  if (causes.length === 0) {
    const bases = waitingBases(image, facts.now);
    if (reached.waiting.length > 0 || bases.length > 0) return holdWaiting(image, reached, bases);
    if (isKeptFrom(image, reached)) return { kind: "held", held: heldByQuarantine(image, reached) };
    return { kind: "untouched", reason: describeUntouched(image, reached) };
  }
  const asked = image.requests.length > 0;
  if (isSettled(image, causes) && !asked)
    return { kind: "untouched", reason: "it was rebuilt for the same causes, and nothing changed" };
  const pause = holdOf(image.name);
  if (pause !== undefined) return hold("hold", pause.until ?? undefined, `${pause.reason} (${pause.who})`);
  const heldParent = image.parents.find((name) => heldNames.has(name));
  if (heldParent !== undefined) return hold("parent", undefined, `its parent ${heldParent} is held`);
  if (reached.blocked !== undefined && !asked) {
    return hold("quarantine", undefined, `${reached.blocked} was rolled back; it waits for a newer one`);
  }
  if (image.recent >= facts.policy.maxRebuildsPerHour && !asked) {
    return hold("breaker", facts.now + 60 * minute, `${image.recent} rebuilds within an hour: the breaker is open`);
  }
  const until = backoffUntil(image, causes, reached);
  if (until !== undefined && until > facts.now && !asked) {
    return hold("backoff", until, `it failed ${image.failure?.count ?? 1} times for the same causes`);
  }
  return { kind: "rebuild" };
}

function causesOf(image: PlanImage, reached: ReachedPackages, parents: readonly Placed[], now: Instant): KeyedCause[] {
  const causes: KeyedCause[] = [];
  const { current, recipeKey } = image;
  if (current?.recipeKey !== recipeKey) {
    const cause = { kind: "source", from: current?.recipeKey, to: recipeKey } as const;
    causes.push({ key: `source:${recipeKey}`, cause });
  }
  causes.push(...reached.ready);
  for (const parent of parents) {
    const cause = { kind: "parent", image: parent.rebuild.image, digest: undefined } as const;
    parent.key ??= parentKey(parent.rebuild);
    causes.push({ key: parent.key, cause });
  }
  const waiting = new Set(waitingBases(image, now));
  for (const base of movedBases(image)) if (!waiting.has(base)) causes.push(baseCause(base));
  if (image.requests.length > 0) causes.push(...personCauses(image));
  return causes;
}

/** Bases that are another now than what the image was made of, and may come; what was never built has no other. */
function movedBases({ current, bases }: PlanImage): PlanBase[] {
  return current === undefined ? [] : bases.filter((base) => base.from !== base.to && !isBarred(base));
}

/** What is in quarantine stays out where there is another that the image can stay on. */
function isBarred({ from, to, isBlocked }: PlanBase): boolean {
  return isBlocked === true && from !== undefined && from !== to;
}

function barredBases({ current, bases }: PlanImage): PlanBase[] {
  return current === undefined ? [] : bases.filter(isBarred);
}

function isKeptFrom(image: PlanImage, { keptOut }: ReachedPackages): boolean {
  return keptOut.length > 0 || barredBases(image).length > 0;
}

function waitingBases(image: PlanImage, now: Instant): PlanBase[] {
  return movedBases(image).filter(({ from, readyAt }) => from !== undefined && readyAt > now);
}

/** Each base at the digest that it is planned with: what waits, or is in quarantine, stays where it is. */
function plannedBases(image: PlanImage, now: Instant): PlannedRebuild["bases"] {
  const waiting = new Set([...waitingBases(image, now), ...barredBases(image)]);
  return image.bases.map((base) => ({
    name: base.name,
    digest: waiting.has(base) ? (base.from ?? base.to) : base.to,
  }));
}

function baseCause({ name, from, to, firstSeen }: PlanBase): KeyedCause {
  return { key: `base:${name}:${to}`, cause: { kind: "base", name, from, to, firstSeen } };
}

function holdWaiting(image: PlanImage, reached: ReachedPackages, bases: readonly PlanBase[]): Decision {
  const ends = [...bases.map(({ readyAt }) => readyAt), ...(reached.until === undefined ? [] : [reached.until])];
  const [short, plain] = [true, false].map((isShort) =>
    reached.waiting.filter(({ cause }) => (cause.coolDown === "short") === isShort).map(({ cause }) => cause),
  );
  const names = [
    ...(plain ?? []).map(({ source, to }) => `${source} ${to}`),
    ...bases.map(({ name }) => `a newer ${name}`),
  ];
  const sooner = (short ?? []).map(({ source, to, advisories: ids }) => `${source} ${to} (${listSome(ids)})`);
  const reasons = [
    ...(names.length === 0 ? [] : [`${listSome(names)} in cool-down`]),
    ...(sooner.length === 0 ? [] : [`${listSome(sooner)} in the short cool-down of what feeds call a security fix`]),
  ];
  return {
    kind: "held",
    held: {
      image: image.name,
      kind: "cool-down",
      until: ends.length === 0 ? undefined : ends.reduce((a, b) => Math.min(a, b)),
      causes: [...reached.waiting, ...bases.map(baseCause)],
      reason: reasons.join("; "),
    },
  };
}

function personCauses({ requests }: PlanImage): KeyedCause[] {
  const byKey = new Map(requests.map((cause) => [`person:${cause.who}:${cause.reason}`, cause]));
  return [...byKey].sort(([a], [b]) => compareText(a, b)).map(([key, cause]) => ({ key, cause }));
}

/** The same while the parent is rebuilt for the same causes: what is settled for one rebuild of it is open for the next. */
function parentKey({ image, recipeKey, causes }: PlannedRebuild): string {
  const why = JSON.stringify([recipeKey, ...causes.map(({ key }) => key)]);
  return `parent:${image}:${digestHex(sha256(why)).slice(0, 16)}`;
}

/** What is newer and does not go now: in cool-down, or kept out. */
function waitingCauses({ waiting, keptOut }: ReachedPackages): ReachedPackages["waiting"] {
  const known = new Set(waiting.map(({ key }) => key));
  return [...waiting, ...keptOut.filter(({ key }) => !known.has(key))];
}

function heldByQuarantine(image: PlanImage, { keptOut }: ReachedPackages): HeldImage {
  const bases = barredBases(image);
  const names = [
    ...bases.map(({ name, to }) => `${name} at ${to}`),
    ...keptOut.map(({ cause }) => `${cause.source} ${cause.to}`),
  ];
  const reason = `${listSome(names)} is held back; it waits for a newer one`;
  const causes = [...bases.map(baseCause), ...keptOut];
  return { image: image.name, kind: "quarantine", until: undefined, causes, reason };
}

function listSome(names: readonly string[]): string {
  return `${names.slice(0, 3).join(", ")}${names.length > 3 ? ` and ${names.length - 3} more` : ""}`;
}

/** Each package that does not go once: where platforms differ, at the newest version that one of them has, or takes because it cannot wait. */
function holdBackOf(reached: ReachedPackages): readonly PackageChange[] {
  const { ready, waiting, keptOut } = reached;
  if (waiting.length === 0 && keptOut.length === 0) return none;
  const taken = new Map<string, string>();
  for (const { name, architecture, to = "" } of ready.flatMap(({ cause }) => cause.packages)) {
    const id = `${name}:${architecture}`;
    if (compareDebText(taken.get(id) ?? "", to) < 0) taken.set(id, to);
  }
  const changes = new Map<string, PackageChange>();
  for (const change of waitingCauses(reached).flatMap(({ cause }) => cause.packages)) {
    const id = `${change.name}:${change.architecture}`;
    const goes = taken.get(id);
    if (goes !== undefined && compareDebText(goes, change.to ?? "") >= 0) continue;
    const from = goes !== undefined && compareDebText(change.from ?? "", goes) < 0 ? goes : change.from;
    const known = changes.get(id);
    if (known === undefined || compareDebText(known.from ?? "", from ?? "") < 0) changes.set(id, { ...change, from });
  }
  return [...changes.values()];
}

function compareVersions(a: PlanImage["blocked"][number], b: PlanImage["blocked"][number]): number {
  return (
    compareText(a.name, b.name) || compareText(a.architecture, b.architecture) || compareText(a.version, b.version)
  );
}

/** The hold that stands on an image, its own or the fleet's: the one that ends last. */
function collectHolds({ holds, now }: PlanFacts): (image: ImageName) => PlanHold | undefined {
  const longest = new Map<ImageName | null, PlanHold>();
  for (const one of holds) {
    if (one.until !== null && one.until <= now) continue;
    const known = longest.get(one.image);
    if (known === undefined || compareHolds(known, one) < 0) longest.set(one.image, one);
  }
  const all = longest.get(null);
  return (image) => {
    const own = longest.get(image);
    return own === undefined || (all !== undefined && compareHolds(own, all) < 0) ? all : own;
  };
}

function compareHolds(a: PlanHold, b: PlanHold): number {
  return (a.until ?? forever) - (b.until ?? forever) || compareText(b.who, a.who) || compareText(b.reason, a.reason);
}

function isSettled({ settled, recipeKey }: PlanImage, causes: readonly KeyedCause[]): boolean {
  if (settled?.recipeKey !== recipeKey) return false;
  const known = new Set(settled.causes);
  return causes.every(({ key }) => known.has(key));
}

/** A failed rebuild is tried again at once when something has changed, else after a growing pause. */
function backoffUntil(
  { failure, recipeKey }: PlanImage,
  causes: readonly KeyedCause[],
  { keptOut }: ReachedPackages,
): Instant | undefined {
  if (failure === undefined || failure.recipeKey !== recipeKey) return undefined;
  const known = new Set(failure.causes);
  if (causes.some(({ key }) => !known.has(key))) return undefined;
  // What broke it stays out now.
  const going = new Set(causes.map(({ key }) => key));
  if (keptOut.some(({ key }) => known.has(key) && !going.has(key))) return undefined;
  return failure.at + Math.min(longestBackoff, minute * 2 ** Math.min(20, failure.count - 1));
}

function describeInherited({ inherited }: PlanImage, sources: readonly string[]): string {
  return `${listSome(sources)} came with ${inherited?.base ?? "its base"}, which has not moved: it waits for that`;
}

function describeUntouched(image: PlanImage, reached: ReachedPackages): string {
  const count = reached.packages;
  if (image.current === undefined) return "nothing asks for it";
  return count === 1 ? "its one package has no newer version" : `none of its ${count} packages has a newer version`;
}
