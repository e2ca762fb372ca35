import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Digest } from "../../lib/index.ts";
import { decideBase, type BaseDecision, type BasePolicy, type BaseSight, type BaseState } from "./decide-base.ts";

const digestOf = (letter: string): Digest => `sha256:${letter.repeat(64)}`;
const [a, b, c] = [digestOf("a"), digestOf("b"), digestOf("c")];
const amd64 = { os: "linux", architecture: "amd64" };
const arm64 = { os: "linux", architecture: "arm64" };
const hour = 3_600_000;
const day = 24 * hour;
const start = Date.UTC(2026, 0, 5);
const nothing: BaseState = { believed: undefined, shown: undefined, waiting: [], history: [] };
const policy: BasePolicy = { platforms: [amd64], settleMs: hour, coolDownMs: 3 * day };
const found = (digest: Digest, more: Partial<Extract<BaseSight, { kind: "found" }>> = {}): BaseSight => ({
  kind: "found",
  tag: "12",
  digest,
  platforms: [amd64],
  signature: { kind: "not-asked" },
  ...more,
});

/** Looks one after the other; the decisions. */
function look(
  looks: readonly (readonly [at: number, sight: BaseSight])[],
  by: BasePolicy = policy,
  from: BaseState = nothing,
): BaseDecision[] {
  let state = from;
  return looks.map(([at, sight]) => {
    const decision = decideBase(state, sight, start + at, by);
    state = decision.next;
    return decision;
  });
}
const kinds = (decisions: readonly BaseDecision[]) => decisions.map(({ kind }) => kind);

describe("decideBase", () => {
  it("believes what it sees first, at once", () => {
    expect(
      look([
        [0, found(a)],
        [1, found(a)],
      ]),
    ).toMatchObject([
      { kind: "new", digest: a, firstSeen: start, previous: undefined },
      { kind: "same", digest: a },
    ]);
  });

  it("lets a new digest settle, and cool down, on our own clock", () => {
    const decisions = look([
      [0, found(a)],
      [hour, found(b)],
      [hour + 30, found(b)],
      [2 * hour, found(b)],
      [3 * day + hour - 1, found(b)],
      [3 * day + hour, found(b)],
      [4 * day, found(b)],
    ]);
    expect(kinds(decisions)).toEqual(["new", "settling", "settling", "cool-down", "cool-down", "new", "same"]);
    expect(decisions[1]).toMatchObject({ until: start + 2 * hour, missing: [] });
    expect(decisions[3]).toMatchObject({ firstSeen: start + hour, until: start + hour + 3 * day });
    expect(decisions[5]).toMatchObject({ digest: b, previous: a });
    for (const { next } of decisions.slice(1, 5)) expect(next.believed?.digest).toBe(a);
  });

  it("waits for an index that is still filling up, and begins to wait anew with each change", () => {
    const both = { ...policy, platforms: [amd64, arm64], coolDownMs: 0 };
    const decisions = look(
      [
        [0, found(a, { platforms: [amd64, arm64] })],
        [day, found(b)],
        [day + 2 * hour, found(b)],
        [day + 3 * hour, found(c, { platforms: [arm64, amd64] })],
        [day + 4 * hour - 1, found(c, { platforms: [arm64, amd64] })],
        [day + 4 * hour, found(c, { platforms: [arm64, amd64] })],
      ],
      both,
    );
    expect(kinds(decisions)).toEqual(["new", "settling", "settling", "settling", "settling", "new"]);
    expect(decisions[2]).toMatchObject({ missing: ["linux/arm64"], until: start + day + hour });
  });

  it("does not begin with a base that lacks a platform", () => {
    const both = { ...policy, platforms: [amd64, arm64] };
    const decisions = look(
      [
        [0, found(a)],
        [1, found(b, { platforms: [amd64, arm64] })],
        [1 + hour, found(b, { platforms: [amd64, arm64] })],
      ],
      both,
    );
    expect(kinds(decisions)).toEqual(["settling", "settling", "new"]);
  });

  it("FAULTS 7: holds a tag that moved back, for as long as it stands there", () => {
    const quick = { ...policy, settleMs: 0, coolDownMs: 0 };
    const looks = [
      [0, found(a)],
      [1, found(b)],
      [2, found(a)],
      [40 * day, found(a)],
    ] as const;
    const decisions = look(looks, quick);
    expect(kinds(decisions)).toEqual(["new", "new", "moved-back", "moved-back"]);
    expect(decisions[3]).toMatchObject({ digest: a, firstSeen: start, next: { believed: { digest: b } } });
    const last = decisions[3]?.next ?? nothing;
    expect(kinds(look([[41 * day, found(b)]], quick, last))).toEqual(["same"]);
    expect(kinds(look([[41 * day, found(c)]], quick, last))).toEqual(["new"]);
    expect(kinds(look([[41 * day, found(a)]], { ...quick, accepted: [a] }, last))).toEqual(["new"]);
  });

  it("holds one that flaps between digests that it never believed", () => {
    const decisions = look([
      [0, found(a)],
      [1, found(b)],
      [2, found(c)],
      [3, found(b)],
      [30 * day, found(b)],
      [31 * day, found(a)],
    ]);
    expect(kinds(decisions)).toEqual(["new", "settling", "settling", "moved-back", "moved-back", "same"]);
  });

  it("is not starved by a base that is made anew every day: what has cooled down is believed although the tag has moved on", () => {
    const daily = Array.from({ length: 10 }, (_, n): Digest => `sha256:${String(n).padStart(64, "0")}`);
    const looks = daily.flatMap((digest, n) =>
      [0, 1, 12].map((hours) => [n * day + hours * hour, found(digest)] as const),
    );
    const decisions = look(looks);
    const believed = decisions.flatMap((one, at) =>
      one.kind === "new" ? [[daily.indexOf(one.digest), (looks[at]?.[0] ?? 0) / day]] : [],
    );
    expect(believed).toEqual([
      [0, 0],
      [1, 4],
      [2, 5],
      [3, 6],
      [4, 7],
      [5, 8],
      [6, 9],
    ]);
    expect(decisions.at(-1)?.next.waiting).toHaveLength(3);
  });

  it("believes nothing of what cooled down when the tag moves back", () => {
    const before = look([
      [0, found(a)],
      [hour, found(b)],
      [2 * hour, found(b)],
      [3 * hour, found(c)],
      [4 * hour, found(c)],
    ]);
    const state = before.at(-1)?.next ?? nothing;
    expect(state.waiting.map(({ digest }) => digest)).toEqual([b, c]);
    const back = look(
      [
        [5 * hour, found(b)],
        [9 * day, found(b)],
      ],
      policy,
      state,
    );
    expect(back).toMatchObject([
      { kind: "moved-back", next: { waiting: [] } },
      { kind: "moved-back", next: { believed: { digest: a } } },
    ]);
    expect(look([[5 * hour, found(a)]], policy, state)).toMatchObject([{ kind: "same", next: { waiting: [] } }]);
  });

  it("lets nothing cool down that did not settle, is not whole, or is not signed", () => {
    const signature = { kind: "refused", reason: "no signature" } as const;
    const decisions = look([
      [0, found(a)],
      [hour, found(b, { platforms: [arm64] })],
      [3 * hour, found(b, { platforms: [arm64] })],
      [4 * hour, found(c, { signature })],
      [6 * hour, found(c, { signature })],
      [9 * day, found(digestOf("d"))],
    ]);
    expect(decisions.at(-1)).toMatchObject({ kind: "settling", next: { waiting: [], believed: { digest: a } } });
  });

  it("believes nothing whose signature is refused, accepted or not", () => {
    const signature = { kind: "refused", reason: "no signature" } as const;
    const decisions = look(
      [
        [0, found(a, { signature })],
        [1, found(b)],
      ],
      { ...policy, settleMs: 0, accepted: [a] },
    );
    expect(decisions[0]).toMatchObject({ kind: "unsigned", reason: "no signature", next: { believed: undefined } });
    expect(decisions[1]).toMatchObject({ kind: "new", digest: b, previous: undefined });
  });

  it("keeps the last good one of a tag that is gone, and knows it when it comes back", () => {
    const decisions = look([
      [0, found(a)],
      [1, { kind: "gone", reason: "no tag" }],
      [2, found(a)],
    ]);
    expect(kinds(decisions)).toEqual(["new", "gone", "same"]);
    expect(decisions[1]?.next.believed?.digest).toBe(a);
  });

  it("proposes a newer digest where one is followed, and takes it never", () => {
    const pinned = { ...policy, pinned: a };
    const decisions = look(
      [
        [0, found(a)],
        [1, found(b)],
        [90 * day, found(b)],
        [91 * day, found(b)],
      ],
      pinned,
    );
    expect(kinds(decisions)).toEqual(["same", "settling", "proposed", "proposed"]);
    expect(decisions[3]?.next.believed?.digest).toBe(a);
    expect(kinds(look([[92 * day, found(b)]], { ...policy, pinned: b }, decisions[3]?.next))).toEqual(["same"]);
  });

  it("FAULTS 15: has no place for what the image says of its own age", () => {
    const backDated: BaseSight = Object.assign(found(b), { created: "1970-01-01T00:00:00Z" });
    expect(
      kinds(
        look([
          [0, found(a)],
          [hour, backDated],
          [3 * hour, backDated],
        ]),
      ),
    ).toEqual(["new", "settling", "cool-down"]);
  });
});

describe("FAULTS 26: a clock that jumps", () => {
  it.each([
    ["ours, forward", [day, 0], [hour, 0]],
    ["ours, forward at the end", [0, 0], [3 * day, 2 * day]],
    ["ours, back while it was first seen", [-day, 0], [0, 0]],
    ["theirs, forward at the end", [0, 0], [2 * day, 3 * day]],
    ["theirs, back while it was first seen", [0, -day], [0, 0]],
  ])("%s, releases nothing early", (_, [oursFirst = 0, theirsFirst = 0], [oursLast = 0, theirsLast = 0]) => {
    const at = 10 * day;
    const end = at + 2 * day + 23 * hour;
    const sight = (theirs: number) => found(b, { theirs: start + theirs });
    const decisions = look([
      [0, found(a)],
      [at + oursFirst, sight(at + theirsFirst)],
      [Math.max(end, at + oursLast), sight(Math.min(end, at + theirsLast))],
    ]);
    expect(decisions[2]?.kind).not.toBe("new");
    expect(decisions[2]?.next.believed?.digest).toBe(a);
  });

  it("is of no use where the other one is right, whatever it says", () => {
    const wrong = fc.integer({ min: -3 * day, max: 3 * day });
    const looks = fc.array(fc.record({ after: fc.integer({ min: 0, max: day }), wrong, whose: fc.boolean() }), {
      minLength: 1,
      maxLength: 12,
    });
    fc.assert(
      fc.property(looks, (all) => {
        let state = decideBase(nothing, found(a), start, policy).next;
        let truth = 10 * day;
        const first = truth;
        for (const { after, wrong: error, whose } of all) {
          const [ours, theirs] = whose ? [truth + error, truth] : [truth, truth + error];
          const decision = decideBase(state, found(b, { theirs: start + theirs }), start + ours, policy);
          if (decision.kind === "new") {
            expect(truth - first).toBeGreaterThanOrEqual(policy.coolDownMs);
            return;
          }
          state = decision.next;
          truth += after;
        }
      }),
    );
  });

  it("of a registry, by years, is not followed that far", () => {
    const [, mad] = look([
      [0, found(a)],
      [day, found(b, { theirs: start + 9000 * day })],
    ]);
    expect(mad).toMatchObject({ kind: "settling", until: start + day + hour });
  });
});
