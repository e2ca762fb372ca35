import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sha256 } from "../../lib/index.ts";
import { collectFacts, type ExposedFinding, type ExposureHistory, type PlacedDigest } from "./collect-facts.ts";
import { deriveLives } from "./derive-lives.ts";
import { milestones, type ExposureFact } from "./types.ts";
import { exposedFor, fixToProduction, windowBetween } from "./windows.ts";

const day = 86_400_000;
const begin = Date.UTC(2026, 2, 28);
const digests = ["a", "b", "c"].map((text) => sha256(text));
const moment = fc.integer({ min: begin - 3 * day, max: begin + 40 * day });
const runs = { numRuns: Number(process.env["TIDEMILL_FUZZ_RUNS"] ?? 500) };

const fact: fc.Arbitrary<ExposureFact> = fc.record({
  kind: fc.constantFrom(...milestones),
  at: moment,
  source: fc.constantFrom("feed", "promotion 1", "promotion 2"),
  turn: fc.integer({ min: 0, max: 5 }),
  digest: fc.constantFrom(...digests),
  end: fc.constantFrom("deployed" as const, "promoted" as const, "withdrawn" as const, "vex" as const),
});

describe("facts in any order", () => {
  it("give the same lives, shuffled and told twice", () => {
    fc.assert(
      fc.property(
        fc
          .array(fact, { maxLength: 20 })
          .chain((facts) =>
            fc.tuple(fc.constant(facts), fc.shuffledSubarray([...facts, ...facts], { minLength: 2 * facts.length })),
          ),
        ([facts, shuffled]) => {
          expect(deriveLives(shuffled)).toEqual(deriveLives(facts));
        },
      ),
      runs,
    );
  });

  it("never give a negative time, whatever the clock did", () => {
    fc.assert(
      fc.property(fc.array(fact, { maxLength: 20 }), moment, (facts, now) => {
        for (const life of deriveLives(facts)) {
          const windows = milestones.flatMap((from) => milestones.map((to) => windowBetween(life, from, to, now)));
          for (const { kind, ms } of [...windows, exposedFor(life, now), fixToProduction(life, now)]) {
            expect(ms === null).toBe(kind === "unknown" || kind === "skewed");
            expect(ms ?? 0).toBeGreaterThanOrEqual(0);
          }
        }
      }),
      runs,
    );
  });

  it("close nothing without a fact that says so, and open nothing without a detection", () => {
    fc.assert(
      fc.property(fc.array(fact, { maxLength: 20 }), (facts) => {
        const lives = deriveLives(facts);
        const count = (kind: ExposureFact["kind"]) => facts.filter((one) => one.kind === kind).length;
        expect(lives.filter(({ end }) => end !== undefined).length).toBeLessThanOrEqual(count("closed"));
        expect(lives.length).toBeLessThanOrEqual(count("detected"));
        expect(lives.length > 0).toBe(count("detected") > 0);
        expect(lives.map(({ life }) => life)).toEqual(lives.map((_, at) => at + 1));
      }),
      runs,
    );
  });
});

/** What an environment named, one move an entry: whether that has the vulnerable package, has not, or could not be read. */
type Holding = "held" | "clean" | "unread";

function historyOf(moves: readonly Holding[], clockAt: (turn: number) => number): ExposureHistory {
  const placements = moves.map((holding, at): PlacedDigest => ({
    turn: at + 1,
    promotion: `${at + 1}`,
    digest: sha256(`${at} ${holding}`),
    since: clockAt(at + 1),
    until: at + 1 < moves.length ? clockAt(at + 2) : undefined,
    inventories: [holding],
    running: undefined,
  }));
  const finding: ExposedFinding = {
    advisory: "CVE-2026-1",
    package: "openssl",
    inventories: ["held"],
    firstSeen: begin - 10 * day,
    fixedSince: begin - 5 * day,
    endedAt: undefined,
    endKind: undefined,
    published: begin - 11 * day,
    severity: "high",
    aliases: [],
  };
  return {
    placements,
    findings: [finding],
    known: new Set(["held", "clean"]),
    digests: [],
    retiredAt: undefined,
    remembered: [],
    settled: () => undefined,
  };
}

const livesOf = (history: ExposureHistory) => deriveLives(collectFacts(history)[0]?.facts ?? []);

/** The lives as the moves alone tell them. */
function countLives(moves: readonly Holding[]): { readonly closed: number; readonly open: number } {
  let closed = 0;
  let open = 0;
  for (const move of moves) {
    if (move === "held") open = 1;
    if (move === "clean") {
      closed += open;
      open = 0;
    }
  }
  return { closed, open };
}

describe("the history of an environment", () => {
  const moves = fc.array(fc.constantFrom<Holding>("held", "clean", "unread"), { maxLength: 12 });
  const count = (lives: ReturnType<typeof livesOf>) => ({
    closed: lives.filter(({ end }) => end !== undefined).length,
    open: lives.filter(({ end }) => end === undefined).length,
  });

  it("has a life for each time that it came back; what could not be read closes none", () => {
    fc.assert(
      fc.property(moves, (all) => {
        const lives = livesOf(historyOf(all, (turn) => begin + turn * day));
        expect(count(lives)).toEqual(countLives(all));
        for (const life of lives) expect(exposedFor(life, begin + 99 * day).ms).toBeGreaterThan(0);
      }),
      runs,
    );
  });

  it("has the same lives where the clock jumped a day and more either way between its moves", () => {
    fc.assert(
      fc.property(moves, fc.array(fc.integer({ min: -2 * day, max: 2 * day }), { maxLength: 14 }), (all, jumps) => {
        const lives = livesOf(historyOf(all, (turn) => begin + turn * 3600_000 + (jumps[turn] ?? 0)));
        expect(count(lives)).toEqual(countLives(all));
        for (const life of lives) expect(exposedFor(life, begin).ms ?? 0).toBeGreaterThanOrEqual(0);
      }),
      runs,
    );
  });
});
