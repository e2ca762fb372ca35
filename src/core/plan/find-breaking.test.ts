import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findBreaking, type BreakingSearch, type TakenUpdates, type TrialOutcome } from "./find-breaking.ts";

/** Goes on until the search ends; every trial is made once. */
function run(
  count: number,
  trial: (taken: ReadonlySet<number>) => TrialOutcome,
  trials = 1000,
  brings: (update: number) => readonly number[] = () => [],
): { readonly end: Exclude<BreakingSearch, { kind: "try" }>; readonly trials: number } {
  const made = new Map<string, TrialOutcome>();
  const outcomeOf = (taken: TakenUpdates): TrialOutcome | undefined => made.get(taken.join(" "));
  for (;;) {
    const next = findBreaking(count, outcomeOf, { trials, brings });
    if (next.kind !== "try") return { end: next, trials: made.size };
    expect(made.has(next.taken.join(" "))).toBe(false);
    made.set(next.taken.join(" "), trial(new Set(next.taken)));
  }
}

describe("findBreaking", () => {
  it("finds one among forty in at most eight trials, the last of which is all the others", () => {
    for (let bad = 0; bad < 40; bad++) {
      const tried: number[] = [];
      const { end, trials } = run(40, (taken) => {
        tried.push(taken.size);
        return taken.has(bad) ? "failed" : "passed";
      });
      expect(end).toEqual({ kind: "found", breaking: [bad] });
      expect(trials).toBeLessThanOrEqual(8);
      expect(tried.at(-1)).toBe(39);
    }
  });

  it("holds back one of two that break it only together", () => {
    const { end } = run(40, (taken) => (taken.has(7) && taken.has(30) ? "failed" : "passed"));
    expect(end).toEqual({ kind: "found", breaking: [30] });
  });

  it("finds two that break it each by itself", () => {
    const { end, trials } = run(40, (taken) => (taken.has(7) || taken.has(30) ? "failed" : "passed"));
    expect(end).toEqual({ kind: "found", breaking: [7, 30] });
    expect(trials).toBeLessThanOrEqual(18);
  });

  it("keeps together what cannot be had apart", () => {
    const whole = (taken: ReadonlySet<number>): boolean =>
      [10, 11, 12].every((one) => taken.has(one) === taken.has(10));
    const { end } = run(20, (taken) => (!whole(taken) ? "unsatisfiable" : taken.has(11) ? "failed" : "passed"));
    expect(end).toEqual({ kind: "found", breaking: [10, 11, 12] });
  });

  it("counts only what is built: what cannot be had costs nothing", () => {
    const groupOf = (one: number): number => Math.floor(one / 40);
    const { end } = run(
      200,
      (taken) => {
        const isWhole = Array.from({ length: 5 }, (_, group) =>
          Array.from({ length: 40 }, (_each, at) => taken.has(group * 40 + at)),
        ).every((members) => members.every((has) => has === members[0]));
        return !isWhole ? "unsatisfiable" : taken.has(130) ? "failed" : "passed";
      },
      24,
    );
    expect(end.kind === "found" && end.breaking.every((one) => groupOf(one) === 3)).toBe(true);
    expect(end).toMatchObject({ breaking: { length: 40 } });
  });

  it.each<[string, (taken: ReadonlySet<number>) => TrialOutcome, string]>([
    ["fails whatever is taken", () => "failed", "it fails without any of the updates, too"],
    ["cannot be as it was", () => "unsatisfiable", "what it has now cannot be had any more"],
  ])("says so where it %s", (_, trial, reason) => {
    expect(run(5, trial).end).toEqual({ kind: "none", reason });
  });

  it("finds all of them where each breaks it by itself", () => {
    const { end } = run(5, ({ size }) => (size > 0 ? "failed" : "passed"));
    expect(end).toEqual({ kind: "found", breaking: [0, 1, 2, 3, 4] });
  });

  it("gives up where it needs more trials than it may make", () => {
    const { end, trials } = run(40, (taken) => (taken.has(39) ? "failed" : "passed"), 5);
    expect(end).toEqual({ kind: "none", reason: "5 trials did not tell which update it is" });
    expect(trials).toBe(5);
  });

  it("finds a set without which the others pass, none of it in vain, and ends", () => {
    const sets = fc.array(fc.uniqueArray(fc.nat(11), { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(sets, (breaks) => {
        const trial = (taken: ReadonlySet<number>): TrialOutcome =>
          breaks.some((set) => set.every((one) => taken.has(one))) ? "failed" : "passed";
        const { end } = run(12, trial);
        if (end.kind === "none") throw new Error(end.reason);
        const rest = (breaking: readonly number[]): ReadonlySet<number> =>
          new Set(Array.from({ length: 12 }, (_, at) => at).filter((at) => !breaking.includes(at)));
        expect(trial(rest(end.breaking))).toBe("passed");
        for (const one of end.breaking) {
          expect(trial(rest(end.breaking.filter((other) => other !== one)))).toBe("failed");
        }
      }),
      { numRuns: 3000, seed: 18 },
    );
  });

  it("keeps out what brings what breaks, and takes it for guilty only where it is", () => {
    const last = (bad: number) =>
      run(
        6,
        (taken) =>
          taken.has(5) && !(taken.has(1) && taken.has(2)) ? "unsatisfiable" : taken.has(bad) ? "failed" : "passed",
        1000,
        (one) => (one === 5 ? [1, 2] : []),
      ).end;
    expect(last(2)).toEqual({ kind: "found", breaking: [2, 5] });
    expect(last(3)).toEqual({ kind: "found", breaking: [3] });
    expect(last(5)).toEqual({ kind: "found", breaking: [5] });
  });

  it("lets in all that can be let in, whatever brings what", () => {
    const count = 10;
    const all = Array.from({ length: count }, (_, at) => at);
    const sets = fc.array(fc.uniqueArray(fc.nat(count - 1), { minLength: 1, maxLength: 3 }), {
      minLength: 1,
      maxLength: 4,
    });
    const brought = fc.uniqueArray(fc.nat(count - 2), { maxLength: 4 });
    fc.assert(
      fc.property(sets, brought, (breaks, needs) => {
        const brings = (one: number): readonly number[] => (one === count - 1 ? needs : []);
        const trial = (taken: ReadonlySet<number>): TrialOutcome => {
          if (all.some((one) => taken.has(one) && brings(one).some((other) => !taken.has(other))))
            return "unsatisfiable";
          return breaks.some((set) => set.every((one) => taken.has(one))) ? "failed" : "passed";
        };
        const { end } = run(count, trial, 1000, brings);
        if (end.kind === "none") throw new Error(end.reason);
        const without = (breaking: readonly number[]): ReadonlySet<number> =>
          new Set(all.filter((at) => !breaking.includes(at)));
        expect(trial(without(end.breaking))).toBe("passed");
        for (const one of end.breaking)
          expect(trial(without(end.breaking.filter((other) => other !== one)))).not.toBe("passed");
      }),
      { numRuns: 3000, seed: 18 },
    );
  });

  it("answers with nothing that was not seen to pass, also where more of them mend what fewer break", () => {
    const outcome = fc.constantFrom<TrialOutcome>("passed", "failed", "unsatisfiable");
    fc.assert(
      fc.property(fc.array(outcome, { minLength: 256, maxLength: 256 }), (outcomes) => {
        const made = new Map<string, TrialOutcome>();
        const { end, trials } = run(8, (taken) => {
          const answer = outcomes[[...taken].reduce((sum, one) => sum + 2 ** one, 0)] ?? "failed";
          made.set([...taken].join(" "), answer);
          return answer;
        });
        expect(trials).toBeLessThanOrEqual(256);
        if (end.kind === "none") return;
        const rest = Array.from({ length: 8 }, (_, at) => at).filter((at) => !end.breaking.includes(at));
        expect(made.get(rest.join(" "))).toBe("passed");
      }),
      { numRuns: 3000, seed: 18 },
    );
  });
});
