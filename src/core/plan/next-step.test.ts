import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nextStep, type ChainLink, type NextStep, type ParentFacts, type RebuildFacts } from "./next-step.ts";
import { digest, now } from "./testdata/made-facts.ts";

const candidate = digest("c");
const other = digest("d");
const chain: readonly ChainLink[] = [
  { name: "staging", soak: 5000, auto: true },
  { name: "production", soak: 1000, auto: true },
];

function facts(over: Partial<RebuildFacts> = {}): RebuildFacts {
  return {
    state: "built",
    lane: "routine",
    candidate,
    approvals: [],
    unprobed: [],
    verifications: [],
    pointers: [],
    holds: [],
    quarantined: false,
    parents: [],
    conflicts: [],
    ...over,
  };
}

const passed = (environment: string) => ({ environment, verdict: "passed" as const });
const named = (environment: string, since = now - 5000) => ({ environment, digest: candidate, since });

function step(over: Partial<RebuildFacts>, links = chain): NextStep {
  return nextStep(facts(over), links, now);
}

describe("nextStep before there is a candidate", () => {
  const waiting = { state: "queued", candidate: null } as const;
  const parent = (state: RebuildFacts["state"], passedFirst = false) => ({
    image: "base",
    state,
    passedFirst,
    places: [],
  });

  it("builds, also where a build was begun and lost", () => {
    expect(step(waiting)).toEqual({ kind: "build" });
    expect(step({ state: "building", candidate: null })).toEqual({ kind: "build" });
  });

  it.each([
    ["queued", false, "wait"],
    ["building", false, "wait"],
    ["built", false, "wait"],
    ["superseded", false, "wait"],
    ["built", true, "build"],
    ["promoted", false, "build"],
    ["unchanged", false, "build"],
    ["failed", false, "finish"],
    ["failed", true, "finish"],
  ] as const)("with a parent that is %s (passed its first verification: %s): %s", (state, passedFirst, kind) => {
    expect(step({ ...waiting, parents: [parent(state, passedFirst)] }).kind).toBe(kind);
  });

  it("waits until the last of several parents is ready", () => {
    const base = parent("built", true);
    expect(step({ ...waiting, parents: [base, { ...parent("building"), image: "builder" }] })).toEqual({
      kind: "wait",
      until: undefined,
      reason: "it waits for its parent builder",
    });
    expect(step({ ...waiting, parents: [base, parent("unchanged")] })).toEqual({ kind: "build" });
  });

  it("fails with the name of the parent that failed", () => {
    expect(step({ ...waiting, parents: [parent("failed")] })).toEqual({
      kind: "finish",
      state: "failed",
      reason: "the rebuild of its parent base failed",
    });
  });
});

describe("nextStep with a candidate", () => {
  it("goes through the whole chain, one step at a time", () => {
    expect(step({})).toEqual({ kind: "verify", environment: "staging" });
    const inStaging = { verifications: [passed("staging")] };
    expect(step(inStaging)).toEqual({ kind: "promote", environment: "staging" });
    expect(step({ ...inStaging, pointers: [named("staging", now)] })).toEqual({
      kind: "wait",
      until: now + 5000,
      reason: "it soaks in staging",
    });
    expect(step({ ...inStaging, pointers: [named("staging")] })).toEqual({ kind: "verify", environment: "production" });
    const inBoth = { verifications: [passed("staging"), passed("production")] };
    expect(step({ ...inBoth, pointers: [named("staging")] })).toEqual({ kind: "promote", environment: "production" });
    expect(step({ ...inBoth, pointers: [named("staging"), named("production", now)] })).toEqual({
      kind: "finish",
      state: "promoted",
      reason: "it is in production",
    });
  });

  it("takes up a verification that was begun and lost", () => {
    expect(step({ verifications: [{ environment: "staging", verdict: null }] })).toEqual({
      kind: "verify",
      environment: "staging",
    });
  });

  it("believes the newest verification", () => {
    const failed = { environment: "staging", verdict: "failed" } as const;
    expect(step({ verifications: [passed("staging"), failed] })).toMatchObject({ kind: "finish", state: "failed" });
    expect(step({ verifications: [failed, passed("staging")] }).kind).toBe("promote");
  });

  it("waits where required checks could not run, without an end", () => {
    expect(step({ verifications: [{ environment: "staging", verdict: "not_run" }] })).toMatchObject({
      kind: "wait",
      until: undefined,
      reason: "checks for staging could not run, and policy requires them",
    });
  });

  it("verifies again after a while what could not be verified", () => {
    const verifications = [{ environment: "staging", verdict: "not_run" as const, finishedAt: now }];
    expect(step({ verifications })).toMatchObject({ kind: "wait", until: now + 600_000 });
    const earlier = [{ environment: "staging", verdict: "not_run" as const, finishedAt: now - 600_000 }];
    expect(step({ verifications: earlier })).toEqual({ kind: "verify", environment: "staging" });
  });

  it("waits for a person where the environment is not automatic, and where somebody moved its tag", () => {
    const verifications = [passed("staging")];
    const manual = chain.map((link) => ({ ...link, auto: false }));
    expect(step({ verifications }, manual)).toMatchObject({ kind: "wait", reason: "a person promotes to staging" });
    expect(step({ verifications, conflicts: ["production"] }).kind).toBe("promote");
    expect(step({ verifications, conflicts: ["staging"] })).toMatchObject({ reason: "somebody else moved staging" });
  });

  it.each([
    [null, null, "wait"],
    ["staging", now + 1, "wait"],
    ["staging", now, "promote"],
    ["production", null, "promote"],
  ] as const)("with a hold on %s until %s: %s", (environment, until, kind) => {
    const found = step({
      verifications: [passed("staging")],
      holds: [{ environment, reason: "a freeze", who: "ann", until }],
    });
    expect(found.kind).toBe(kind);
    if (found.kind === "wait")
      expect(found).toMatchObject({ until: until ?? undefined, reason: "on hold: a freeze (ann)" });
  });

  it("ends where the candidate went into quarantine, wherever it stands", () => {
    const everywhere = { verifications: [passed("staging")], pointers: [named("staging")] };
    expect(step({ ...everywhere, quarantined: true })).toMatchObject({ kind: "finish", state: "failed" });
  });

  describe("in a train", () => {
    const parent = (over: Partial<ParentFacts> = {}): ParentFacts => ({
      image: "base",
      state: "built",
      passedFirst: true,
      places: [],
      ...over,
    });
    const verified = { verifications: [passed("staging")] };

    it("lets its parent go first into every environment", () => {
      expect(step({ ...verified, parents: [parent()] })).toEqual({
        kind: "wait",
        until: now + 15_000,
        reason: "its parent base goes to staging first",
      });
      expect(step({ ...verified, parents: [parent({ places: ["staging"] })] }).kind).toBe("promote");
      const further = { verifications: [passed("staging"), passed("production")], pointers: [named("staging")] };
      expect(step({ ...further, parents: [parent({ places: ["staging"] })] })).toMatchObject({
        kind: "wait",
        reason: "its parent base goes to production first",
      });
    });

    it("waits for no parent that has ended well, and never goes on where one failed", () => {
      for (const state of ["promoted", "unchanged", "superseded"] as const)
        expect(step({ ...verified, parents: [parent({ state })] }).kind).toBe("promote");
      expect(step({ ...verified, parents: [parent(), parent({ state: "failed", image: "other" })] })).toEqual({
        kind: "finish",
        state: "failed",
        reason: "the rebuild of its parent other failed",
      });
    });
  });

  it.each(["promoted", "unchanged", "failed", "superseded"] as const)(
    "does nothing more for a rebuild that is %s",
    (state) => {
      for (const one of [null, candidate])
        expect(step({ state, candidate: one, verifications: [passed("staging")] }).kind).toBe("wait");
    },
  );
});

const names = ["one", "two", "three"];
const verdict = fc.constantFrom("passed", "passed", "passed", "passed", "failed", "not_run", null);
const builtMostly = Array.from({ length: 9 }, () => "built" as const);
const anyChain: fc.Arbitrary<ChainLink[]> = fc.integer({ min: 1, max: 3 }).chain((length) =>
  fc.tuple(
    ...names.slice(0, length).map((name) =>
      fc.record({
        name: fc.constant(name),
        soak: fc.constantFrom(0, 1000, 2000),
        auto: fc.constantFrom(true, true, false),
      }),
    ),
  ),
);
const anyFacts: fc.Arbitrary<RebuildFacts> = fc.record({
  state: fc.constantFrom("queued", "building", ...builtMostly, "promoted", "failed", "superseded"),
  lane: fc.constantFrom("urgent", "routine"),
  approvals: fc.constant([]),
  unprobed: fc.constant([]),
  candidate: fc.constantFrom(...Array.from({ length: 9 }, () => candidate), null),
  verifications: fc.array(fc.record({ environment: fc.constantFrom(...names), verdict }), {
    minLength: 2,
    maxLength: 6,
  }),
  pointers: fc.uniqueArray(
    fc.record({
      environment: fc.constantFrom(...names),
      digest: fc.constantFrom(candidate, candidate, candidate, other, null),
      since: fc.constantFrom(now - 2000, now - 1000, now - 1, now),
    }),
    { selector: ({ environment }) => environment, maxLength: 3, size: "max" },
  ),
  holds: fc.array(
    fc.record({
      environment: fc.constantFrom(null, ...names),
      reason: fc.constant("why"),
      who: fc.constant("ann"),
      until: fc.constantFrom(null, now - 1, now, now + 1),
    }),
    { maxLength: 1 },
  ),
  quarantined: fc.integer({ min: 0, max: 5 }).map((dice) => dice === 0),
  parents: fc.constant([]),
  conflicts: fc.subarray(names, { maxLength: 1 }),
});

describe("nextStep, over made-up facts", () => {
  it("enters no environment without a passed verification for it, and skips none", () => {
    let entered = 0;
    fc.assert(
      fc.property(anyFacts, anyChain, (given, links) => {
        const next = nextStep(given, links, now);
        if (next.kind !== "promote") return;
        entered += 1;
        const at = links.findIndex(({ name }) => name === next.environment);
        const newest = given.verifications.filter(({ environment }) => environment === next.environment).at(-1);
        expect(newest?.verdict).toBe("passed");
        expect(given.quarantined).toBe(false);
        expect(given.state).toBe("built");
        expect(links[at]?.auto).toBe(true);
        expect(given.conflicts).not.toContain(next.environment);
        for (const { name, soak } of links.slice(0, at)) {
          const pointer = given.pointers.find(({ environment }) => environment === name);
          expect(pointer?.digest).toBe(candidate);
          expect((pointer?.since ?? now) + soak).toBeLessThanOrEqual(now);
        }
        for (const { environment, until } of given.holds)
          if (environment === null || environment === next.environment)
            expect(until ?? Infinity).toBeLessThanOrEqual(now);
      }),
      { numRuns: 3000 },
    );
    expect(entered).toBeGreaterThan(100);
  });

  it("says that all is done only where the whole chain names the candidate", () => {
    fc.assert(
      fc.property(anyFacts, anyChain, (given, links) => {
        const next = nextStep(given, links, now);
        if (next.kind !== "finish" || next.state !== "promoted") return;
        for (const { name } of links)
          expect(given.pointers.find(({ environment }) => environment === name)?.digest).toBe(candidate);
      }),
      { numRuns: 3000 },
    );
  });

  it("brings every candidate to the end of the chain in one promotion for each environment, where nothing stands against it", () => {
    fc.assert(
      fc.property(anyChain, (links) => {
        const verifications: { environment: string; verdict: "passed" }[] = [];
        const pointers: { environment: string; digest: typeof candidate; since: number }[] = [];
        const entered: string[] = [];
        let clock = now;
        for (let turn = 0; turn < 20; turn += 1) {
          const next = nextStep(
            facts({ verifications, pointers }),
            links.map((link) => ({ ...link, auto: true })),
            clock,
          );
          if (next.kind === "finish") break;
          if (next.kind === "verify") verifications.push({ environment: next.environment, verdict: "passed" });
          if (next.kind === "promote") {
            entered.push(next.environment);
            pointers.push({ environment: next.environment, digest: candidate, since: clock });
          }
          if (next.kind === "wait") clock = next.until ?? expect.fail("it waits without an end");
        }
        expect(entered).toEqual(links.map(({ name }) => name));
      }),
    );
  });
});
