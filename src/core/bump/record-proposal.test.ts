import { describe, expect, it } from "vitest";
import { recordProposal, type BumpProposal, type BumpStanding } from "./record-proposal.ts";

const minute = 60_000;
const moves = [{ from: "1.0", to: "1.1" }];
const findings = [{ id: "CVE-1", image: "web", severity: "high" as const, exploited: true, fixed: "1.1" }];
const closes = [{ id: "CVE-1", image: "web", severity: "high", exploited: true }];
const one = "https://forge.example/1";
const at = (minutes: number): string => new Date(minutes * minute).toISOString();

/** After steps, each a minute later than the one before. */
function after(...steps: readonly (readonly [state: string, url: string | null, more?: Partial<BumpStanding>])[]) {
  return steps.reduce<readonly BumpProposal[]>(
    (had, [state, url, more], index) =>
      recordProposal(had, { state, url, moves, findings, before: index * minute, ...more }, (index + 1) * minute),
    [],
  );
}

describe("the proposals of a bump", () => {
  it.each([
    [
      "one that is merged",
      [
        ["proposed", one],
        ["proposed", one],
        ["merged", one],
        ["merged", one],
      ],
      [[one, at(1), at(3), "merged"]],
    ],
    [
      "one that a person closes, and one for another version",
      [
        ["proposed", one],
        ["declined", one],
        ["waiting", one],
        ["proposed", "2"],
      ],
      [
        [one, at(1), at(2), "declined"],
        ["2", at(4), null, null],
      ],
    ],
    [
      "one that nobody needs any more",
      [
        ["proposed", one],
        ["closing", one],
        ["ended", one],
        ["ended", one],
      ],
      [[one, at(1), at(3), "ended"]],
    ],
    [
      "one that was merged before we knew of it",
      [
        ["intent", null],
        ["merged", one],
      ],
      [[one, at(1), at(2), "merged"]],
    ],
    [
      "a commit",
      [
        ["intent", null],
        ["committed", null],
        ["committed", null],
      ],
      [[null, at(2), at(2), "committed"]],
    ],
    [
      "none, where nothing was proposed",
      [
        ["waiting", null],
        ["refused", null],
        ["ended", null],
      ],
      [],
    ],
  ] as const)("are %s", (_, steps, expected) => {
    expect(after(...steps).map(({ url, openedAt, endedAt, end }) => [url, openedAt, endedAt, end])).toEqual(expected);
  });

  it("tell of the versions and findings that they have now, and no more than fifty", () => {
    const changed = after(["proposed", one], ["proposed", one, { moves: [{ from: "1.0", to: "1.2" }] }]);
    expect(changed).toMatchObject([{ moves: [{ to: "1.2" }], closes, openedAt: at(1) }]);
    expect(after(...Array.from({ length: 60 }, (_, index) => ["proposed", `${index}`] as const))).toHaveLength(50);
  });
});
