/** How a trial ended in which only some of the updates were taken: `unsatisfiable` where the rest cannot be kept as it is. */
export type TrialOutcome = "passed" | "failed" | "unsatisfiable";

/** Which updates are taken: their places in the list, in order. */
export type TakenUpdates = readonly number[];

export type BreakingSearch =
  /** This trial tells more. */
  | { readonly kind: "try"; readonly taken: TakenUpdates }
  /** Without these updates all others pass: places in the list, in order. */
  | { readonly kind: "found"; readonly breaking: readonly number[] }
  /** It cannot be told which they are. */
  | { readonly kind: "none"; readonly reason: string };

export interface SearchLimits {
  /** Trials that are built and checked; a search that needs more gives up. What cannot be had is not built. */
  readonly trials: number;
  /** What an update brings with it, places earlier in the list: it cannot be taken without them. Nothing where it is not given. */
  readonly brings?: (update: number) => readonly number[];
}

/**
 * What to try next to find the updates that break the checks, of `count` that break them together: a binary search over prefixes of the list for each update that breaks what came before it, and
 * then a trial of all but those that were found, so that one among forty is found and the others are shown to pass in eight trials. Asked anew after every trial: `outcomeOf` answers for those
 * that were made. After Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002, with the resolver saying which sets there can be.
 */
export function findBreaking(
  count: number,
  outcomeOf: (taken: TakenUpdates) => TrialOutcome | undefined,
  limits: SearchLimits,
): BreakingSearch {
  const ask = createAsk(outcomeOf, limits);
  try {
    return search(count, ask, limits.brings ?? (() => []));
  } catch (thrown) {
    if (thrown instanceof Pending) return thrown.answer;
    throw thrown;
  }
}

/** Left by the first question that has no answer yet: what was answered so far leads here again. */
class Pending extends Error {
  readonly answer: BreakingSearch;
  constructor(answer: BreakingSearch) {
    super("a trial is to be made");
    this.answer = answer;
  }
}

type Ask = (taken: TakenUpdates) => TrialOutcome;

function createAsk(outcomeOf: (taken: TakenUpdates) => TrialOutcome | undefined, limits: SearchLimits): Ask {
  const asked = new Map<string, TrialOutcome>();
  return (taken) => {
    const key = taken.join(" ");
    const known = asked.get(key) ?? outcomeOf(taken);
    if (known === undefined) {
      const built = [...asked.values()].filter((outcome) => outcome !== "unsatisfiable").length;
      if (built < limits.trials) throw new Pending({ kind: "try", taken });
      throw new Pending({ kind: "none", reason: `${limits.trials} trials did not tell which update it is` });
    }
    asked.set(key, known);
    return known;
  };
}

type Brings = NonNullable<SearchLimits["brings"]>;

function search(count: number, ask: Ask, brings: Brings): BreakingSearch {
  const all = Array.from({ length: count }, (_, at) => at);
  const without = ask([]);
  if (without === "failed") return { kind: "none", reason: "it fails without any of the updates, too" };
  if (without === "unsatisfiable") return { kind: "none", reason: "what it has now cannot be had any more" };
  let found: readonly number[] = [];
  for (;;) {
    const rest = all.filter((one) => !found.includes(one));
    if (found.length > 0) {
      const outcome = ask(rest);
      if (outcome === "passed") return { kind: "found", breaking: spare(all, found, ask, brings) };
      if (outcome === "unsatisfiable") {
        return { kind: "none", reason: "what breaks it cannot be kept back while the others go" };
      }
    }
    found = withBringers(all, [...found, ...firstBreaking(rest, ask)], brings);
  }
}

/** Some updates, and those that would bring them all the same, in order. */
function withBringers(all: readonly number[], some: readonly number[], brings: Brings): readonly number[] {
  const out = new Set(some);
  for (const one of all) if (brings(one).some((brought) => out.has(brought))) out.add(one);
  return [...out].sort((a, b) => a - b);
}

/** The update whose coming breaks a list of which no prefix before it is broken; more than one where they cannot be told apart. */
function firstBreaking(list: readonly number[], ask: Ask): readonly number[] {
  let passes = 0;
  let fails = list.length;
  while (fails - passes > 1) {
    const tried = middles(passes, fails).find((at) => ask(list.slice(0, at)) !== "unsatisfiable");
    if (tried === undefined) break;
    if (ask(list.slice(0, tried)) === "passed") passes = tried;
    else fails = tried;
  }
  return list.slice(passes, fails);
}

/** The places between two, the middle first. */
function middles(low: number, high: number): number[] {
  const middle = (low + high) >> 1;
  return Array.from({ length: high - low - 1 }, (_, at) => low + 1 + at).sort(
    (a, b) => Math.abs(a - middle) - Math.abs(b - middle) || a - b,
  );
}

/** Lets in again what only looked guilty beside another that was found after it. */
function spare(all: readonly number[], found: readonly number[], ask: Ask, brings: Brings): readonly number[] {
  let breaking = found;
  for (const one of found) {
    const others = breaking.filter((other) => other !== one);
    const fewer = withBringers(all, others, brings);
    if (fewer.length === 0 || fewer.length >= breaking.length) continue;
    if (ask(all.filter((other) => !fewer.includes(other))) === "passed") breaking = fewer;
  }
  return breaking;
}
