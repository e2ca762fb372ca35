import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Digest } from "../../lib/index.ts";
import { planRetention, type RetentionFacts } from "./plan-retention.ts";

const now = 1_000_000;
const digest = (letter: string): Digest => `sha256:${letter.repeat(64)}`;
const [a, b, c, d, e] = ["a", "b", "c", "d", "e"].map(digest) as [Digest, Digest, Digest, Digest, Digest];

function facts(over: Partial<RetentionFacts>): RetentionFacts {
  const digests = [a, b, c, d, e].map((one, at) => ({ digest: one, createdAt: at * 1000 }));
  return { digests, environments: [], inFlight: [], quarantined: new Set(), ...over };
}

describe("planRetention", () => {
  it("keeps what an environment names and the newest that it may return to", () => {
    const { keep, drop } = planRetention(
      facts({ environments: [{ current: e, past: [e, d, c, b, a] }] }),
      { keep: 2, minAge: 0 },
      now,
    );
    expect(keep).toEqual([c, d, e]);
    expect(drop).toEqual([a, b]);
  });

  it("returns to nothing in quarantine, so an older one stays", () => {
    const { keep } = planRetention(
      facts({ environments: [{ current: e, past: [d, c, b] }], quarantined: new Set([d]) }),
      { keep: 1, minAge: 0 },
      now,
    );
    expect(keep).toEqual([c, e]);
  });

  it("keeps what an environment names even in quarantine, and a digest that came back once", () => {
    const { keep } = planRetention(
      facts({ environments: [{ current: d, past: [b, d, b, a] }], quarantined: new Set([d]) }),
      { keep: 2, minAge: 0 },
      now,
    );
    expect(keep).toEqual([a, b, d]);
  });

  it("looks at each environment by itself", () => {
    const environments = [
      { current: e, past: [d, c] },
      { current: b, past: [a] },
    ];
    expect(planRetention(facts({ environments }), { keep: 1, minAge: 0 }, now).drop).toEqual([c]);
  });

  it("does not count what is not stored any more", () => {
    const { keep } = planRetention(
      facts({ environments: [{ current: e, past: [digest("f"), a] }] }),
      { keep: 1, minAge: 0 },
      now,
    );
    expect(keep).toEqual([a, e]);
  });

  it("keeps what is young, what is in flight, and what claims to be of tomorrow", () => {
    const digests = [
      { digest: a, createdAt: now - 5000 },
      { digest: b, createdAt: now - 4999 },
      { digest: c, createdAt: now - 9000 },
      { digest: d, createdAt: now + 9000 },
    ];
    const { keep, drop } = planRetention(facts({ digests, inFlight: [c] }), { keep: 1, minAge: 5000 }, now);
    expect(keep).toEqual([b, c, d]);
    expect(drop).toEqual([a]);
  });

  it("says why each stays, the strongest reason first", () => {
    const digests = [a, b, c, d, e].map((one) => ({ digest: one, createdAt: one === e ? now : 0 }));
    const environments = [{ current: a, past: [b, a] }];
    const { keptFor } = planRetention(facts({ digests, environments, inFlight: [a, c] }), { keep: 1, minAge: 10 }, now);
    expect([...keptFor]).toEqual([
      [a, "named"],
      [c, "in-use"],
      [b, "way-back"],
      [e, "young"],
    ]);
  });

  const all = Array.from("0123456789", digest);
  const some = fc.subarray(all);
  const anyFacts: fc.Arbitrary<RetentionFacts> = fc.record({
    digests: some.chain((list) =>
      fc.tuple(...list.map((one) => fc.record({ digest: fc.constant(one), createdAt: fc.nat(2 * now) }))),
    ),
    environments: fc.array(
      fc.record({
        current: fc.option(fc.constantFrom(...all), { nil: undefined }),
        past: fc.array(fc.constantFrom(...all), { maxLength: 12 }),
      }),
      { maxLength: 3 },
    ),
    inFlight: some,
    quarantined: some.map((list) => new Set(list)),
  });

  it("never drops what is named, in flight, young, or the way back; keeps and drops all that is stored, once", () => {
    fc.assert(
      fc.property(anyFacts, fc.integer({ min: 1, max: 4 }), fc.nat(now), (given, keepCount, minAge) => {
        const { keep, drop } = planRetention(given, { keep: keepCount, minAge }, now);
        const stored = given.digests.map((one) => one.digest);
        expect([...keep, ...drop].sort()).toEqual([...stored].sort());
        const gone = new Set(drop);
        for (const one of given.inFlight) expect(gone.has(one)).toBe(false);
        for (const { digest: one, createdAt } of given.digests)
          if (gone.has(one)) expect(now - createdAt).toBeGreaterThanOrEqual(minAge);
        for (const { current, past } of given.environments) {
          if (current !== undefined) expect(gone.has(current)).toBe(false);
          const back = past.find((one) => one !== current && stored.includes(one) && !given.quarantined.has(one));
          if (back !== undefined) expect(gone.has(back)).toBe(false);
          const goals = new Set(past.filter((one) => one !== current && keep.includes(one)));
          const possible = new Set(
            past.filter((one) => one !== current && stored.includes(one) && !given.quarantined.has(one)),
          );
          expect(goals.size).toBeGreaterThanOrEqual(Math.min(keepCount, possible.size));
        }
      }),
    );
  });

  it("keeps more, never less, when more may be returned to", () => {
    fc.assert(
      fc.property(anyFacts, fc.integer({ min: 1, max: 5 }), (given, count) => {
        const less = planRetention(given, { keep: count, minAge: 0 }, now);
        const more = planRetention(given, { keep: count + 1, minAge: 0 }, now);
        expect(more.keep).toEqual(expect.arrayContaining([...less.keep]));
      }),
    );
  });
});
