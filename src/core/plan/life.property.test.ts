import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ModelFleet, type Content } from "./testdata/model-fleet.ts";
import type { ChainLink } from "./next-step.ts";

const minute = 60_000;
const hour = 60 * minute;
const soak = 2 * hour;
const packages = ["p", "q", "r"];
const chain: readonly ChainLink[] = [
  { name: "staging", soak, auto: true },
  { name: "production", soak: 0, auto: true },
];

type Event =
  | { readonly kind: "publish"; readonly name: string; readonly urgent: boolean }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "roll back"; readonly environment: string }
  | { readonly kind: "restart" };

const publish = fc.record({
  kind: fc.constant("publish" as const),
  name: fc.constantFrom(...packages),
  urgent: fc.integer({ min: 0, max: 5 }).map((dice) => dice === 0),
});
const wait = fc.record({
  kind: fc.constant("wait" as const),
  ms: fc.constantFrom(minute, 20 * minute, hour, soak, 5 * hour),
});
const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 5, arbitrary: publish },
  { weight: 5, arbitrary: wait },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("roll back" as const),
      environment: fc.constantFrom("staging", "production"),
    }),
  },
);

/** Versions that break the checks by themselves; the first of each package never does. */
const bad = fc.uniqueArray(fc.tuple(fc.constantFrom(...packages), fc.integer({ min: 2, max: 6 })), {
  selector: ([name, version]) => `${name} ${version}`,
  maxLength: 5,
});

function breaksWith(versions: readonly (readonly [string, number])[]): (content: Content) => boolean {
  return (content) => versions.some(([name, version]) => content.get(name) === version);
}

/** Carries out events, with a pass after each; what must hold is asked after every move. */
function live(fleet: ModelFleet, events: readonly Event[]): void {
  for (const one of events) {
    if (one.kind === "publish") fleet.publish(one.name, one.urgent);
    if (one.kind === "wait") fleet.now += one.ms;
    if (one.kind === "roll back") fleet.rollBack(one.environment);
    const before = fleet.moves.length;
    const blocked = new Set(fleet.blocked());
    const quarantined = new Set(fleet.quarantines.keys());
    fleet.pass();
    for (const { digest, environment, kind } of fleet.moves.slice(before)) {
      const content = fleet.contents.get(digest) ?? new Map();
      expect(fleet.passed.has(`${environment} ${digest}`)).toBe(true);
      expect(fleet.breaks(content)).toBe(false);
      expect(quarantined.has(digest)).toBe(false);
      if (kind === "forward")
        expect([...content].filter(([name, version]) => blocked.has(`${name} ${version}`))).toEqual([]);
    }
  }
}

/** Nothing more happens but time. */
function settle(fleet: ModelFleet): void {
  for (let pass = 0; pass < 20; pass += 1) {
    fleet.now += hour;
    fleet.pass();
  }
}

describe("the life of an image, over made-up events", () => {
  it("ships only what passed its checks, promotes nothing from quarantine, and never brings back what was taken back", () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), bad, (events, versions) => {
        live(new ModelFleet(chain, packages, breaksWith(versions)), events);
      }),
      { numRuns: 3000, seed: 18 },
    );
  });

  it("loses no update: in the end production has the newest of each that neither breaks nor was taken back, and nothing is left waiting", () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), bad, (events, versions) => {
        const fleet = new ModelFleet(chain, packages, breaksWith(versions));
        live(fleet, events);
        settle(fleet);
        expect(fleet.active()).toEqual([]);
        const blocked = new Set(fleet.blocked());
        // Where production runs what was taken back elsewhere, the image holds until there is something newer.
        const holds = [...fleet.contentIn("production")].some(([name, version]) => blocked.has(`${name} ${version}`));
        if (holds) return;
        for (const name of packages) {
          const good = (fleet.offered.get(name) ?? []).filter(({ version }) => !blocked.has(`${name} ${version}`));
          const newest = Math.max(...good.map(({ version }) => version));
          const has = fleet.contentIn("production").get(name) ?? 0;
          // What it has may be newer than what is left of the offers: nothing goes back by itself.
          expect(has).toBeGreaterThanOrEqual(newest);
        }
      }),
      { numRuns: 3000, seed: 18 },
    );
  });

  it("holds back nothing that is not to blame: what is in quarantine by the checks breaks them", () => {
    const calm = event.filter(({ kind }) => kind !== "roll back");
    fc.assert(
      fc.property(fc.array(calm, { maxLength: 40 }), bad, (events, versions) => {
        const fleet = new ModelFleet(chain, packages, breaksWith(versions));
        live(fleet, events);
        const guilty = new Set(versions.map(([name, version]) => `${name} ${version}`));
        expect(fleet.blocked().filter((one) => !guilty.has(one))).toEqual([]);
      }),
      { numRuns: 3000, seed: 18 },
    );
  });

  it.each<[string, number]>([
    ["ordinary", 0],
    ["urgent", 1],
    ["mixed", 0.3],
  ])("starves nobody: with %s updates that come faster than they soak production still goes on", (_, urgent) => {
    const gap = fc.integer({ min: 1, max: 110 }).map((minutes) => minutes * minute);
    const arrival = fc.record({
      gap,
      name: fc.constantFrom(...packages),
      dice: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(arrival, { minLength: 20, maxLength: 25 }), (arrivals) => {
        const fleet = new ModelFleet(chain, packages, () => false);
        let waited = 0;
        let last = fleet.now;
        for (const { gap: ms, name, dice } of arrivals) {
          fleet.publish(name, dice < urgent);
          fleet.pass();
          // The loop looks again every now and then, whatever comes.
          for (let left = ms; left > 0; left -= 15 * minute) {
            fleet.now += Math.min(left, 15 * minute);
            fleet.pass();
          }
          const newest = fleet.moves.findLast(({ environment }) => environment === "production");
          last = Math.max(last, newest?.at ?? 0);
          waited = Math.max(waited, fleet.now - last);
        }
        // An ordinary soak may be interrupted by an urgent one, once: that one is not.
        expect(waited).toBeLessThanOrEqual(2 * soak + 2 * hour);
      }),
      { numRuns: 200, seed: 18 },
    );
  });
});
