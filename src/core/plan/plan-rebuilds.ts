import type { Instant } from "../../lib/index.ts";
import { collectPackageCauses, type ReachedPackages } from "./package-causes.ts";
import type { HeldImage, KeyedCause, Plan, PlanFacts, PlanHold, PlanImage, PlannedRebuild } from "./facts.ts";
import { orderByParents } from "./order-by-parents.ts";
import type { ImageName } from "./types.ts";

const minute = 60_000;
/** Pause after the n-th failure of the same rebuild: minutes, doubled each time, up to six hours. */
const longestBackoff = 6 * 60 * minute;

/**
 * Which images are to be rebuilt, in waves with parents first, each with its causes; which wait and until when; which are not reached. The same facts
 * in any order give the same plan. Work grows with the packages of the inventories once, then with what is reached.
 */
export function planRebuilds(facts: PlanFacts): Plan {
  const reach = collectPackageCauses(facts);
  const holds = standingHolds(facts);
  const waves: PlannedRebuild[][] = [];
  const waveOf = new Map<ImageName, number>();
  const heldNames = new Set<ImageName>();
  const held: HeldImage[] = [];
  const untouched: { image: ImageName; reason: string }[] = [];

  for (const image of orderByParents(facts.images)) {
    const reached = reach(image);
    const parentWave = image.parent === undefined ? undefined : waveOf.get(image.parent);
    const causes = causesOf(image, reached, parentWave !== undefined);
    const decision = decideImage(image, reached, causes, heldNames, holds, facts);
    if (decision.kind === "untouched") {
      untouched.push({ image: image.name, reason: decision.reason });
    } else if (decision.kind === "held") {
      held.push(decision.held);
      if (decision.held.kind !== "cool-down") heldNames.add(image.name);
    } else {
      const wave = parentWave === undefined ? 0 : parentWave + 1;
      waveOf.set(image.name, wave);
      (waves[wave] ??= []).push({
        image: image.name,
        parent: parentWave === undefined ? null : (image.parent ?? null),
        recipeKey: image.recipeKey,
        lane: reached.urgent || image.requests.length > 0 ? "urgent" : "routine",
        notBefore: facts.now,
        causes,
        holdBack: reached.waiting.flatMap(({ cause }) => cause.packages),
      });
    }
  }
  for (const wave of waves) wave.sort((a, b) => compareText(a.image, b.image));
  return { waves, held, untouched };
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
  holds: Holds,
  facts: PlanFacts,
): Decision {
  const hold = (kind: HeldImage["kind"], until: Instant | undefined, reason: string): Decision => ({
    kind: "held",
    held: { image: image.name, kind, until, causes: causes.length > 0 ? causes : reached.waiting, reason },
  });
  if (causes.length === 0) {
    if (reached.waiting.length > 0) return hold("cool-down", reached.until, describeWaiting(reached));
    return { kind: "untouched", reason: describeUntouched(image, reached) };
  }
  if (isSettled(image, causes)) return { kind: "untouched", reason: "its recipe does not let the newer versions in" };
  const pause = holds.all ?? holds.byImage.get(image.name);
  if (pause !== undefined) return hold("hold", pause.until ?? undefined, `${pause.reason} (${pause.who})`);
  const asked = image.requests.length > 0;
  if (image.parent !== undefined && heldNames.has(image.parent)) {
    return hold("parent", undefined, `its parent ${image.parent} is held`);
  }
  if (reached.blocked !== undefined && !asked) {
    return hold("quarantine", undefined, `${reached.blocked} was rolled back; it waits for a newer one`);
  }
  if (image.recent >= facts.policy.maxRebuildsPerHour && !asked) {
    return hold("breaker", facts.now + 60 * minute, `${image.recent} rebuilds within an hour: the breaker is open`);
  }
  const until = backoffUntil(image, causes);
  if (until !== undefined && until > facts.now && !asked) {
    return hold("backoff", until, `it failed ${image.failure?.count ?? 1} times for the same causes`);
  }
  return { kind: "rebuild" };
}

function causesOf(image: PlanImage, reached: ReachedPackages, parentRebuilt: boolean): KeyedCause[] {
  const causes: KeyedCause[] = [];
  const { current, recipeKey, parent } = image;
  if (current?.recipeKey !== recipeKey) {
    const cause = { kind: "source", from: current?.recipeKey, to: recipeKey } as const;
    causes.push({ key: `source:${recipeKey}`, cause });
  }
  causes.push(...reached.ready);
  if (parentRebuilt && parent !== undefined) {
    causes.push({ key: `parent:${parent}`, cause: { kind: "parent", image: parent, digest: undefined } });
  }
  for (const cause of image.requests) causes.push({ key: `person:${cause.who}:${cause.reason}`, cause });
  return causes;
}

interface Holds {
  readonly all: PlanHold | undefined;
  readonly byImage: ReadonlyMap<ImageName, PlanHold>;
}

function standingHolds({ holds, now }: PlanFacts): Holds {
  const standing = holds.filter(({ until }) => until === null || until > now);
  const byImage = new Map(standing.flatMap((one) => (one.image === null ? [] : [[one.image, one] as const])));
  return { all: standing.find(({ image }) => image === null), byImage };
}

function isSettled({ settled, recipeKey }: PlanImage, causes: readonly KeyedCause[]): boolean {
  if (settled?.recipeKey !== recipeKey) return false;
  const known = new Set(settled.causes);
  return causes.every(({ key }) => known.has(key));
}

/** A failed rebuild is tried again at once when something has changed, else after a growing pause. */
function backoffUntil({ failure, recipeKey }: PlanImage, causes: readonly KeyedCause[]): Instant | undefined {
  if (failure === undefined || failure.recipeKey !== recipeKey) return undefined;
  const known = new Set(failure.causes);
  if (causes.some(({ key }) => !known.has(key))) return undefined;
  return failure.at + Math.min(longestBackoff, minute * 2 ** Math.min(20, failure.count - 1));
}

function describeWaiting({ waiting }: ReachedPackages): string {
  const names = waiting.map(({ cause }) => `${cause.source} ${cause.to}`);
  return `${names.slice(0, 3).join(", ")}${names.length > 3 ? ` and ${names.length - 3} more` : ""} in cool-down`;
}

function describeUntouched(image: PlanImage, reached: ReachedPackages): string {
  const count = reached.packages;
  if (image.current === undefined) return "nothing asks for it";
  return count === 1 ? "its one package has no newer version" : `none of its ${count} packages has a newer version`;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
