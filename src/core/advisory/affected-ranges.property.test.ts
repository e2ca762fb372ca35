import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { schemeOf } from "./ecosystems.ts";
import { rangesOfEvents, type RangeEvent } from "./affected-ranges.ts";
import type { AffectedPackage } from "./types.ts";
import { stateOfVersion } from "./version-state.ts";

/** Versions in their order, in each of some ecosystems: what is compared is the place in the list. */
const ladders: Readonly<Record<string, readonly string[]>> = {
  "debian:12": ["0.1-1", "1.0~rc1-1", "1.0-1", "1.0-1+deb12u1", "1.2-1", "1:0.1-1", "1:2-1"],
  npm: ["0.1.0", "1.0.0-alpha", "1.0.0-alpha.2", "1.0.0", "1.2.0", "1.10.0", "2.0.0"],
  pypi: ["0.1", "1.0.dev1", "1.0a1", "1.0rc1", "1.0", "1.0.post1", "1!0.1"],
  go: ["0.0.0-20210101000000-abcdefabcdef", "0.1.0", "1.0.0-rc.1", "1.0.0", "1.2.0", "1.10.0", "2.0.0"],
  maven: ["1.0-alpha-1", "1.0-rc1", "1.0", "1.0.1", "1.2", "1.10", "2"],
  "almalinux:9": ["1.0-1.el9", "1.0-2.el9", "1.0-2.el9_1", "1.2-1.el9", "1.10-1.el9", "1:0.1-1.el9", "2:0.1-1.el9"],
  "alpine:v3.19": ["1.0_rc1-r0", "1.0-r0", "1.0-r1", "1.0.1-r0", "1.2-r0", "1.10-r0", "2.0-r0"],
};
const ecosystems = Object.keys(ladders);
const rungs = 7;

interface Placed {
  readonly kind: RangeEvent["kind"];
  /** Place in the ladder; -1 is the `0` of OSV. */
  readonly at: number;
}

/** The schema's own algorithm, word for word, over places. OSV schema, evaluation. */
function isIncluded(version: number, events: readonly Placed[]): boolean {
  const limits = events.filter(({ kind }) => kind === "limit");
  if (limits.length > 0 && !limits.some(({ at }) => version < at)) return false;
  let vulnerable = false;
  for (const { kind, at } of [...events].sort((a, b) => a.at - b.at)) {
    if (kind === "introduced" && version >= at) vulnerable = true;
    else if (kind === "fixed" && version >= at) vulnerable = false;
    else if (kind === "last_affected" && version > at) vulnerable = false;
  }
  return vulnerable;
}

function eventsOf(ecosystem: string, placed: readonly Placed[]): RangeEvent[] {
  return placed.map(({ kind, at }) => ({ kind, version: at < 0 ? "0" : (ladders[ecosystem]?.[at] ?? "") }));
}
function affectedBy(ecosystem: string, placed: readonly Placed[]): AffectedPackage {
  const ranges = rangesOfEvents(eventsOf(ecosystem, placed), schemeOf(ecosystem));
  return { ecosystem, name: "a", ranges, versions: [] };
}
function affectedPlaces(ecosystem: string, affected: AffectedPackage): number[] {
  return (ladders[ecosystem] ?? []).flatMap((version, at) => {
    const { kind } = stateOfVersion(version, affected);
    expect(kind).not.toBe("unknown");
    return kind === "affected" ? [at] : [];
  });
}

const closing = fc.constantFrom<RangeEvent["kind"]>("fixed", "last_affected");
/** Events at places that differ: where two are at one place, the schema's algorithm says nothing certain. */
const apart = closing.chain((close) =>
  fc
    .uniqueArray(
      fc.record({
        kind: fc.constantFrom<RangeEvent["kind"]>("introduced", "introduced", close, close, "limit"),
        at: fc.integer({ min: 0, max: rungs - 1 }),
      }),
      { selector: ({ at }) => at, maxLength: rungs },
    )
    .chain((events) =>
      fc.boolean().map((zero) => (zero ? [{ kind: "introduced" as const, at: -1 }, ...events] : events)),
    ),
);
const any = closing.chain((close) =>
  fc.array(
    fc.record({
      kind: fc.constantFrom<RangeEvent["kind"]>("introduced", close, "limit"),
      at: fc.integer({ min: -1, max: rungs - 1 }),
    }),
    { maxLength: 8 },
  ),
);
const ecosystem = fc.constantFrom(...ecosystems);
const runs = { numRuns: 3000 };

describe("rangesOfEvents", () => {
  it("says of every version what the schema's own algorithm says", () => {
    fc.assert(
      fc.property(ecosystem, apart, (name, events) => {
        const expected = Array.from({ length: rungs }, (_, at) => at).filter((at) => isIncluded(at, events));
        expect(affectedPlaces(name, affectedBy(name, events))).toEqual(expected);
      }),
      runs,
    );
  });

  it("does not care in which order events are written, also where several are at one version", () => {
    fc.assert(
      fc.property(
        ecosystem,
        any.chain((events) => fc.tuple(fc.constant(events), fc.shuffledSubarray(events, { minLength: events.length }))),
        (name, [events, shuffled]) => {
          expect(affectedPlaces(name, affectedBy(name, shuffled))).toEqual(
            affectedPlaces(name, affectedBy(name, events)),
          );
        },
      ),
      runs,
    );
  });

  it("names a cure that is above the version, and that nothing else touches", () => {
    fc.assert(
      fc.property(ecosystem, fc.array(any, { maxLength: 3 }), fc.nat(rungs - 1), (name, all, at) => {
        const ranges = all.flatMap((events) => affectedBy(name, events).ranges);
        const affected = { ecosystem: name, name: "a", ranges, versions: [] };
        const state = stateOfVersion(ladders[name]?.[at] ?? "", affected);
        if (state.kind === "clear" || state.fixed === undefined) return;
        expect(ladders[name]?.indexOf(state.fixed)).toBeGreaterThan(at);
        expect(stateOfVersion(state.fixed, affected).kind).toBe("clear");
      }),
      runs,
    );
  });

  it("never touches less for a fix that comes later, or a range more", () => {
    fc.assert(
      fc.property(ecosystem, any, any, fc.nat(rungs - 1), fc.nat(rungs - 1), (name, events, more, a, b) => {
        const until = (fix: number): Placed[] => [
          { kind: "introduced", at: -1 },
          { kind: "fixed", at: fix },
        ];
        const places = (placed: readonly Placed[]) => affectedPlaces(name, affectedBy(name, placed));
        expect(places(until(Math.max(a, b)))).toEqual(expect.arrayContaining(places(until(Math.min(a, b)))));
        const ranges = affectedBy(name, events).ranges;
        const both = [...ranges, ...affectedBy(name, more).ranges];
        const of = (some: typeof ranges) =>
          affectedPlaces(name, { ecosystem: name, name: "a", ranges: some, versions: [] });
        expect(of(both)).toEqual(expect.arrayContaining(of(ranges)));
      }),
      runs,
    );
  });

  it.each<[string, [RangeEvent["kind"], string][], string, string]>([
    [
      "goes on where one range ends as the next begins",
      [
        ["introduced", "1"],
        ["fixed", "2"],
        ["introduced", "2"],
        ["fixed", "3"],
      ],
      "2",
      "affected",
    ],
    [
      "is nothing where it ends as it begins",
      [
        ["introduced", "2"],
        ["fixed", "2"],
      ],
      "2",
      "clear",
    ],
    [
      "is one version where that is the first and the last",
      [
        ["introduced", "2"],
        ["last_affected", "2"],
      ],
      "2",
      "affected",
    ],
    [
      "and none beyond it",
      [
        ["introduced", "2"],
        ["last_affected", "2"],
      ],
      "2.1",
      "clear",
    ],
    [
      "goes on past a last one at which it begins again",
      [
        ["introduced", "0"],
        ["last_affected", "1"],
        ["introduced", "1"],
        ["last_affected", "2"],
      ],
      "1.5",
      "affected",
    ],
    [
      "has no end by a fix before it begins",
      [
        ["introduced", "2"],
        ["fixed", "1"],
      ],
      "3",
      "affected",
    ],
    [
      "has no end by the limit of everything",
      [
        ["introduced", "0"],
        ["limit", "*"],
        ["limit", "1"],
      ],
      "3",
      "affected",
    ],
    [
      "cannot be told by a version that is none",
      [
        ["introduced", "0"],
        ["fixed", "%"],
      ],
      "3",
      "unknown",
    ],
    [
      "is told by the other ranges all the same",
      [
        ["introduced", "1"],
        ["fixed", "2"],
        ["introduced", "%"],
      ],
      "1",
      "affected",
    ],
    ["is of all versions, whatever they look like", [["introduced", "0"]], "not a version", "affected"],
  ])("%s", (_, events, version, kind) => {
    const scheme = schemeOf("debian:12");
    const ranges = rangesOfEvents(
      events.map(([of, at]) => ({ kind: of, version: at })),
      scheme,
    );
    expect(stateOfVersion(version, { ecosystem: "debian:12", name: "a", ranges, versions: [] }).kind).toBe(kind);
  });
});
