import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { broughtVersions, decideRollback, type RollbackFacts } from "./decide-rollback.ts";
import { digest } from "./testdata/made-facts.ts";

const [a, b, c] = [digest("a"), digest("b"), digest("c")];

function facts(over: Partial<RollbackFacts> = {}): RollbackFacts {
  return {
    image: "web",
    environment: "production",
    current: c,
    past: [c, b, a],
    passed: new Set([a, b, c]),
    quarantined: new Set(),
    ...over,
  };
}

describe("decideRollback", () => {
  it("goes to the newest digest that the environment named before", () => {
    expect(decideRollback(facts())).toEqual({ kind: "rollback", from: c, to: b });
  });

  it("passes over what never passed there and what is in quarantine", () => {
    expect(decideRollback(facts({ passed: new Set([a, c]) }))).toEqual({ kind: "rollback", from: c, to: a });
    expect(decideRollback(facts({ quarantined: new Set([b]) }))).toEqual({ kind: "rollback", from: c, to: a });
  });

  it("leaves a digest that is in quarantine itself: that is what it is for", () => {
    expect(decideRollback(facts({ quarantined: new Set([c]) }))).toMatchObject({ kind: "rollback", to: b });
  });

  it("goes where a person wants, even to a digest that the environment never named but that passed there", () => {
    expect(decideRollback(facts({ wanted: a }))).toEqual({ kind: "rollback", from: c, to: a });
    expect(decideRollback(facts({ wanted: a, past: [c] }))).toEqual({ kind: "rollback", from: c, to: a });
  });

  it.each([
    ["nothing is named yet", { current: undefined }, [/^production names no digest of web yet$/]],
    ["it is named already", { wanted: c }, [/already$/]],
    [
      "it never passed and is in quarantine",
      { wanted: b, passed: new Set([a]), quarantined: new Set([b]) },
      [/never passed/, /in quarantine$/],
    ],
    ["there is nothing before", { past: [c] }, [/^web has no earlier digest/]],
    ["nothing before is good", { passed: new Set([c, b]), quarantined: new Set([b]) }, [/^web has no earlier digest/]],
  ] satisfies [string, Partial<RollbackFacts>, RegExp[]][])("refuses where %s", (_name, over, reasons) => {
    const found = decideRollback(facts(over));
    expect(found).toEqual({
      kind: "refused",
      reasons: reasons.map((reason) => expect.stringMatching(reason) as string),
    });
  });

  it("never goes to what did not pass there, is in quarantine, or is named now", () => {
    const all = [a, b, c, digest("d")];
    const some = fc.subarray(all).map((list) => new Set(list));
    const anyFacts = fc.record({
      current: fc.constantFrom(undefined, ...all),
      past: fc.shuffledSubarray(all),
      passed: some,
      quarantined: some,
      wanted: fc.constantFrom(undefined, undefined, ...all),
    });
    fc.assert(
      fc.property(anyFacts, (given) => {
        const found = decideRollback(facts(given));
        const good = given.past.filter(
          (one) => one !== given.current && given.passed.has(one) && !given.quarantined.has(one),
        );
        if (found.kind === "refused") {
          expect(found.reasons.length).toBeGreaterThan(0);
          if (given.current !== undefined && given.wanted === undefined) expect(good).toEqual([]);
          return;
        }
        expect(found.from).toBe(given.current);
        expect(found.to).not.toBe(given.current);
        expect(given.passed.has(found.to)).toBe(true);
        expect(given.quarantined.has(found.to)).toBe(false);
        expect(found.to).toBe(given.wanted ?? good[0]);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("broughtVersions", () => {
  const change = (from: string | undefined, to: string | undefined) => ({
    name: "curl",
    architecture: "amd64",
    from,
    to,
  });

  it.each([
    ["newer", "7.88.1-10", "7.88.1-10+deb12u1", true],
    ["new to the image", undefined, "7.88.1-10", true],
    ["gone", "7.88.1-10", undefined, false],
    ["older again", "7.88.1-10", "7.88.1-10~bpo11+1", false],
  ])("%s: from %s to %s", (_name, from, to, isBrought) => {
    const brought = [{ name: "curl", architecture: "amd64", version: to }];
    expect(broughtVersions([change(from, to)])).toEqual(isBrought ? brought : []);
  });

  it("keeps every package, in order", () => {
    const changes = [
      change("1", "2"),
      { ...change("1", "2"), architecture: "arm64" },
      { ...change(undefined, "3"), name: "jq" },
    ];
    expect(broughtVersions(changes).map(({ name, architecture }) => `${name}:${architecture}`)).toEqual([
      "curl:amd64",
      "curl:arm64",
      "jq:amd64",
    ]);
  });
});
