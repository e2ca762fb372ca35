import { describe, expect, it } from "vitest";
import { decideTurn, isOvertakenBy, type CandidateAhead } from "./decide-turn.ts";
import type { ChainLink, RebuildFacts } from "./next-step.ts";
import type { Lane } from "./types.ts";
import { digest, now } from "./testdata/made-facts.ts";

const hour = 3_600_000;
const soak = 2 * hour;
const ahead = digest("b");
const chain = (over: Partial<ChainLink> = {}): readonly ChainLink[] => [
  { name: "staging", soak, auto: true },
  { name: "production", soak: 0, auto: true, ...over },
];
const freeze = (until: number) => ({ freeze: [{ from: now - hour, until, reason: "year's end", urgent: false }] });

/** One that stands in staging, verified for both, since so long. */
function standing(since: number, over: Partial<RebuildFacts> = {}, pointer = {}): CandidateAhead {
  return {
    digest: ahead,
    facts: {
      state: "built",
      lane: "routine",
      candidate: ahead,
      verifications: ["staging", "production"].map((environment) => ({ environment, verdict: "passed" as const })),
      pointers: [{ environment: "staging", digest: ahead, since: now - since, stood: since, ...pointer }],
      holds: [],
      approvals: [],
      unprobed: [],
      quarantined: false,
      parents: [],
      conflicts: [],
      ...over,
    },
  };
}

function turn(one: CandidateAhead, lane: Lane = "routine", rules: Partial<ChainLink> = {}): string {
  const decided = decideTurn(lane, "staging", one, chain(rules), now);
  if (decided.kind === "goes") return "goes";
  return decided.until === undefined ? "waits" : `waits ${(decided.until - now) / hour} h`;
}

describe("whether a candidate takes the place of the one that soaks", () => {
  it("waits for an ordinary soak to end, and says how long", () => {
    expect(turn(standing(hour))).toBe("waits 1 h");
    expect(turn(standing(soak))).toBe("waits");
    expect(decideTurn("routine", "staging", standing(hour), chain(), now)).toMatchObject({
      reason: "an earlier candidate soaks there, and keeps its place in staging until then",
    });
  });

  it("interrupts it with what is urgent; of two urgent ones the second waits", () => {
    expect(turn(standing(hour), "urgent")).toBe("goes");
    expect(turn(standing(hour, { lane: "urgent" }), "urgent")).toBe("waits 1 h");
    expect(turn(standing(hour, { lane: "urgent" }))).toBe("waits 1 h");
  });

  it.each<[string, CandidateAhead, Partial<ChainLink>, string]>([
    ["was quarantined", standing(hour, { quarantined: true }), {}, "goes"],
    ["does not run yet", standing(0, {}, { undeployed: "its rollout goes on" }), {}, "waits"],
    [
      "has not run for long",
      standing(5 * hour, {}, { since: now - 5 * hour, undeployed: "it does not start" }),
      {},
      "goes",
    ],
    ["is complained of", standing(soak, {}, { trouble: "the probe home fails" }), {}, "waits 0 h"],
    ["is complained of for long", standing(5 * hour, {}, { trouble: "the probe home fails" }), {}, "goes"],
    ["waits for a day that is far", standing(soak), freeze(now + 3 * hour), "goes"],
    ["waits for a day before which no other is ready", standing(soak), freeze(now + hour), "waits 1 h"],
    ["waits long for a day before which no other is ready", standing(100 * hour), freeze(now + hour), "waits 1 h"],
    ["waits for a person", standing(soak), { auto: false }, "goes"],
    ["soaks, and waits for a person then", standing(hour), { auto: false }, "waits 1 h"],
    ["waits for approvals", standing(soak), { approvals: { count: 2 } }, "goes"],
    [
      "waits for a second approval",
      { ...standing(soak), approvedAt: now - hour },
      { approvals: { count: 2 } },
      "waits 23 h",
    ],
    [
      "waits too long for a second approval",
      { ...standing(soak), approvedAt: now - 24 * hour },
      { approvals: { count: 2 } },
      "goes",
    ],
    [
      "is on hold",
      standing(soak, { holds: [{ environment: "production", reason: "", who: "ada", until: null }] }),
      {},
      "goes",
    ],
    ["is on its way for too long", standing(5 * hour), {}, "goes"],
  ])("one that %s", (_, one, rules, wanted) => {
    expect(turn(one, "routine", rules)).toBe(wanted);
  });

  it("has nobody to wait for in the last environment, or where it stands no more", () => {
    expect(decideTurn("routine", "production", standing(0), chain(), now)).toEqual({ kind: "goes" });
    const gone = { ...standing(0), digest: digest("c") };
    expect(decideTurn("routine", "staging", gone, chain(), now)).toEqual({ kind: "goes" });
  });
});

describe("isOvertakenBy", () => {
  it.each<[Lane, Lane, number, boolean, boolean]>([
    ["routine", "routine", 2, true, true],
    ["routine", "urgent", 2, true, true],
    ["urgent", "urgent", 2, true, true],
    ["urgent", "routine", 2, true, false],
    ["routine", "routine", 0, true, false],
    ["routine", "routine", 2, false, false],
  ])("an older %s by a %s of time %i, ready %s: %s", (older, newer, createdAt, isReady, wanted) => {
    expect(isOvertakenBy({ lane: older, createdAt: 1 }, { lane: newer, createdAt, isReady })).toBe(wanted);
  });
});
