import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { passedBetween, type Look } from "../policy/index.ts";
import { nextStep, type ChainLink, type NextStep, type RebuildFacts } from "./next-step.ts";
import { digest, now } from "./testdata/made-facts.ts";

const candidate = digest("c");
const hour = 3_600_000;
const chain: readonly ChainLink[] = [
  { name: "staging", soak: hour, auto: true },
  { name: "production", soak: 0, auto: true },
];
const passed = ["staging", "production"].map((environment) => ({ environment, verdict: "passed" as const }));

/** Verified everywhere, and through its soak in staging. */
function ready(over: Partial<RebuildFacts> = {}): RebuildFacts {
  return {
    state: "built",
    lane: "routine",
    candidate,
    verifications: passed,
    pointers: [{ environment: "staging", digest: candidate, since: now - hour, stood: hour }],
    holds: [],
    approvals: [],
    unprobed: [],
    quarantined: false,
    parents: [],
    conflicts: [],
    ...over,
  };
}

function step(rules: Partial<ChainLink>, over: Partial<RebuildFacts> = {}, at = now): NextStep {
  return nextStep(
    ready(over),
    chain.map((link) => (link.name === "production" ? { ...link, ...rules } : link)),
    at,
  );
}

const approve = (who: string, environment = "production") =>
  ({ environment, verdict: "approved", who, reason: "tried it" }) as const;
const freeze = { from: now - 1, until: now + hour, reason: "year's end", urgent: false };
// made-facts begin on no round hour: a window that is surely closed is one that opens on another day.
const weekday = (["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const)[(new Date(now).getUTCDay() + 2) % 7];
const closed = { days: [weekday ?? "mon"], from: "09:00", to: "10:00", zone: "UTC" };

describe("what an environment demands", () => {
  it("asks for a person where a check does, by one word or by as many as the environment wants anyway", () => {
    const asking = { message: "nginx-extras 1.0 is new", asks: true } as const;
    const asks = [...passed.slice(0, 1), { environment: "production", verdict: "passed" as const, checks: [asking] }];
    const waits = (rules: Partial<ChainLink>, ...approvals: RebuildFacts["approvals"]) => {
      const next = step(rules, { verifications: asks, approvals });
      return next.kind === "wait" ? next.reason : next.kind;
    };
    expect(waits({})).toBe("it has 0 of 1 approvals for production; a person is asked: nginx-extras 1.0 is new");
    expect(waits({}, approve("ada"))).toBe("promote");
    expect(waits({}, approve("ada", "staging"))).toContain("0 of 1");
    expect(waits({}, approve("tidemill"))).toContain("0 of 1");
    expect(waits({ approvals: { count: 2, from: ["ada", "bob"] } }, approve("ada"))).toBe(
      "it has 1 of 2 approvals for production, by ada, bob; a person is asked: nginx-extras 1.0 is new",
    );
    expect(waits({ approvals: { count: 2 } }, approve("ada"), approve("bob"))).toBe("promote");
    // The newest verification counts alone.
    const again = [...asks, { environment: "production", verdict: "passed" as const, checks: [] }];
    expect(step({}, { verifications: again }).kind).toBe("promote");
  });

  it("lets through what nothing stands against", () => {
    expect(step({})).toEqual({ kind: "promote", environment: "production" });
  });

  it.each([
    ["auto by lane, the other lane", { auto: { urgent: false, routine: true } }, "routine", "promote"],
    ["auto by lane, this lane", { auto: { urgent: true, routine: false } }, "routine", "a person promotes"],
    ["auto by lane, urgent", { auto: { urgent: true, routine: false } }, "urgent", "promote"],
    ["a freeze", { freeze: [freeze] }, "routine", "is frozen: year's end"],
    ["a freeze, urgent", { freeze: [freeze] }, "urgent", "is frozen"],
    ["a freeze that lets the urgent lane pass, urgent", { freeze: [{ ...freeze, urgent: true }] }, "urgent", "promote"],
    ["a freeze that lets the urgent lane pass", { freeze: [{ ...freeze, urgent: true }] }, "routine", "is frozen"],
    ["a freeze that is over", { freeze: [{ ...freeze, until: now }] }, "routine", "promote"],
    ["a freeze that is to come", { freeze: [{ ...freeze, from: now + 1 }] }, "routine", "promote"],
    ["a window", { windows: [closed] }, "routine", "window of production is closed"],
    ["a window, urgent", { windows: [closed] }, "urgent", "promote"],
    ["approvals, urgent", { approvals: { count: 1 } }, "urgent", "0 of 1 approvals"],
  ] as const)("%s: in the lane %s it says %s", (_, rules, lane, expected) => {
    const next = step(rules, { lane });
    expect(next.kind === "wait" ? next.reason : next.kind).toContain(expected);
  });

  it("waits until the last of what time ends, and for ever where a person is needed", () => {
    const window = step({ windows: [closed], freeze: [{ ...freeze, until: now + 9 * 24 * hour }] });
    expect(window).toMatchObject({ kind: "wait", until: now + 9 * 24 * hour });
    expect(step({ freeze: [freeze], approvals: { count: 1 } })).toMatchObject({ kind: "wait", until: undefined });
  });

  it("counts one approval of one person, for this environment, of whose word counts", () => {
    const two = { approvals: { count: 2, from: ["ada", "bob"] } };
    expect(step(two, { approvals: [approve("ada"), approve("ada"), approve("eve")] })).toMatchObject({
      reason: "it has 1 of 2 approvals for production, by ada, bob",
    });
    expect(step(two, { approvals: [approve("ada"), approve("bob", "staging")] }).kind).toBe("wait");
    expect(step(two, { approvals: [approve("ada"), approve("bob")] }).kind).toBe("promote");
  });

  it("ends what was rejected, with who and why", () => {
    const rejected = { environment: "production", verdict: "rejected", who: "ada", reason: "ugly" } as const;
    expect(step({}, { approvals: [rejected, approve("bob")] })).toEqual({
      kind: "finish",
      state: "failed",
      reason: "ada rejected it for production: ugly",
    });
  });

  it("keeps out what no probe asks after, where policy requires one", () => {
    expect(step({}, { unprobed: ["production"] })).toMatchObject({
      kind: "wait",
      reason: expect.stringContaining("no probe"),
    });
  });

  it("does not end a soak while a probe complains, whatever the clock says", () => {
    const pointer = { environment: "staging", digest: candidate, since: 0, stood: hour };
    expect(step({}, { pointers: [{ ...pointer, trouble: "it is sick" }] })).toMatchObject({
      kind: "wait",
      reason: "it soaks in staging: it is sick",
    });
    expect(step({}, { pointers: [{ ...pointer, stood: hour - 1 }] })).toMatchObject({
      kind: "wait",
      until: now + 1000,
    });
  });
});

type Event =
  | { readonly kind: "pass" | "set-clock"; readonly ms: number }
  | { readonly kind: "restart" | "enter" }
  | { readonly kind: "approve" | "reject"; readonly who: string };

const anyEvent: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("pass" as const), ms: fc.integer({ min: 0, max: 2 * hour }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("set-clock" as const),
      ms: fc.integer({ min: -30 * hour, max: 30 * hour }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "restart" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "enter" as const }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("approve" as const), who: fc.constantFrom("ada", "bob", "eve") }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("reject" as const), who: fc.constant("eve") }) },
);

describe("FAULTS 26: under any order of events and with a clock that is set at will", () => {
  it("nothing is promoted without its approvals, inside a freeze, outside a window, or before its soak has ended", () => {
    let promoted = 0;
    const freezeAt = { from: now + 3 * hour, until: now + 9 * hour, reason: "fair", urgent: false };
    const window = {
      days: ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
      from: "06:00",
      to: "20:00",
      zone: "UTC",
    } as const;
    const rules: Partial<ChainLink> = {
      approvals: { count: 2, from: ["ada", "bob"] },
      freeze: [freezeAt],
      windows: [window],
    };
    fc.assert(
      fc.property(fc.array(anyEvent, { minLength: 4, maxLength: 30 }), (events) => {
        let [wall, steady, stood, since] = [now, 0, 0, now];
        let truly = 0;
        let last: Look = { at: wall, steady: { start: "one", ms: steady } };
        const approvals: RebuildFacts["approvals"][number][] = [];
        for (const event of events) {
          if (event.kind === "pass") [wall, steady, truly] = [wall + event.ms, steady + event.ms, truly + event.ms];
          if (event.kind === "set-clock") wall += event.ms;
          if (event.kind === "enter") [since, stood, truly] = [wall, 0, 0];
          if (event.kind === "approve") approvals.push(approve(event.who));
          if (event.kind === "reject") approvals.push({ ...approve(event.who), verdict: "rejected" });
          const look: Look = { at: wall, steady: { start: "one", ms: steady } };
          // A process that begins anew has the looks of the one before it, from the store.
          stood += event.kind === "enter" ? 0 : passedBetween(last, look);
          last = look;
          const next = step(
            rules,
            { approvals, pointers: [{ environment: "staging", digest: candidate, since, stood }] },
            wall,
          );
          if (next.kind !== "promote") continue;
          promoted += 1;
          expect(truly).toBeGreaterThanOrEqual(hour);
          expect(new Set(approvals.filter(({ who }) => who !== "eve").map(({ who }) => who)).size).toBe(2);
          expect(approvals.every(({ verdict }) => verdict === "approved")).toBe(true);
          expect(wall < freezeAt.from || wall >= freezeAt.until).toBe(true);
          const hours = new Date(wall).getUTCHours();
          expect(hours >= 6 && hours < 20).toBe(true);
        }
      }),
      { numRuns: 3000 },
    );
    expect(promoted).toBeGreaterThan(100);
  });
});
