import type { Dated, ExposureFact, ExposureLife, Milestone } from "./types.ts";

/**
 * The lives of an exposure, from its facts in any order; the same fact twice is the same. Which detection an end belongs to follows from the environment's moves, not from the time of day: a clock that
 * was set does not leave open what was closed. Without a fact that says so nothing is closed.
 */
export function deriveLives(facts: readonly ExposureFact[]): ExposureLife[] {
  const sorted = [...facts].sort(compareFacts);
  const published = sorted.find(({ kind }) => kind === "published");
  const fix = sorted.find(({ kind }) => kind === "fix-available");
  const lives: ExposureLife[] = [];
  let open: ExposureFact | undefined;
  const put = (detected: ExposureFact, closed: ExposureFact | undefined): void => {
    const digest = closed === undefined ? onItsWay(sorted, detected) : closed.digest;
    const steps = digest === undefined ? {} : stepsOf(sorted, digest, detected, closed);
    const clock = {
      ...(published === undefined ? {} : { published: dated(published) }),
      ...(fix === undefined ? {} : { "fix-available": dated(fix) }),
      detected: dated(detected),
      ...steps,
      ...(closed === undefined ? {} : { closed: dated(closed) }),
    };
    lives.push({ life: lives.length + 1, clock, end: closed?.end, turn: detected.turn, digest });
  };
  for (const fact of sorted) {
    if (fact.kind === "detected") open ??= fact;
    if (fact.kind !== "closed" || open === undefined) continue;
    put(open, fact);
    open = undefined;
  }
  if (open !== undefined) put(open, undefined);
  return lives;
}

/** Within a move: what came by it, then what happened while it stood, then what is said of it as a whole. */
function rankOf({ kind, end }: ExposureFact): number {
  if (kind !== "closed") return 1;
  if (end === "deployed" || end === "promoted") return 0;
  return end === "vex" || end === "retired" ? 2 : 1;
}

function compareFacts(a: ExposureFact, b: ExposureFact): number {
  return (
    a.turn - b.turn ||
    rankOf(a) - rankOf(b) ||
    a.at - b.at ||
    compareText(b.kind, a.kind) ||
    compareText(a.source, b.source) ||
    compareText(a.digest ?? "", b.digest ?? "")
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function dated({ at, source }: ExposureFact): Dated {
  return { at, source };
}

const steps: ReadonlySet<Milestone> = new Set(["built", "verified", "promoted", "deployed"]);

/** Of what may end an open one the newest. */
function onItsWay(sorted: readonly ExposureFact[], detected: ExposureFact): ExposureFact["digest"] {
  return sorted.findLast(({ kind, turn, digest }) => steps.has(kind) && turn > detected.turn && digest !== undefined)
    ?.digest;
}

/** What is known of the way of a digest: when it was built is the first time, when it was moved to the time that ended this life. */
function stepsOf(
  sorted: readonly ExposureFact[],
  digest: string,
  detected: ExposureFact,
  closed: ExposureFact | undefined,
): Partial<Record<Milestone, Dated>> {
  const found: Partial<Record<Milestone, Dated>> = {};
  for (const fact of sorted) {
    if (fact.digest !== digest || !steps.has(fact.kind) || found[fact.kind] !== undefined) continue;
    const isMove = fact.kind === "promoted" || fact.kind === "deployed";
    if (isMove && (closed === undefined ? fact.turn <= detected.turn : fact.turn !== closed.turn)) continue;
    found[fact.kind] = dated(fact);
  }
  return found;
}
