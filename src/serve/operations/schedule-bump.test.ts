import { describe, expect, it } from "vitest";
import type { Bump } from "../../io/store/index.ts";
import type { CureView } from "../../operation/index.ts";
import { scheduleBump } from "./schedule-bump.ts";

const schedule = { state: "person", lane: null, notBefore: null, rebuild: null, reason: "the source has to change" };
const cure = {
  image: "web",
  type: "golang",
  source: "example.org/a",
  version: "1.0.0",
  remedy: { kind: "bump-source" },
  schedule,
} as CureView;
const bump = (more: Partial<Bump>): Bump =>
  ({
    type: "golang",
    package: "example.org/a",
    images: ["web"],
    moves: [{ from: "v1.0.0", to: "1.0.1" }],
    file: "go.mod",
    proposals: [],
    ...more,
  }) as Bump;

describe("the cure of a source", () => {
  it.each([
    ["waiting", "in cool-down", "waiting", "in cool-down"],
    ["proposed", "#1 waits to be merged", "person", "#1 waits to be merged"],
    ["refused", "go ended", "person", "go.mod was not changed: go ended"],
    ["merged", "#1 was merged", "under-way", "#1 was merged"],
    ["ended", "nobody asks", "person", "the source has to change"],
  ] as const)("says of a bump that is %s: %s", (state, reason, shown, words) => {
    expect(scheduleBump(cure, [bump({ state, reason })]).schedule).toMatchObject({ state: shown, reason: words });
  });

  it("names the pull request with when it was opened and merged, and the code of what was refused", () => {
    const proposal = { url: "https://forge.example/1", moves: [{ from: "v1.0.0", to: "1.0.1" }], closes: [] };
    const open = { ...proposal, openedAt: "2026-03-01T10:00:00.000Z", endedAt: null, end: null };
    const merged = { ...open, endedAt: "2026-03-02T10:00:00.000Z", end: "merged" as const };
    const shown = (more: Partial<Bump>) => scheduleBump(cure, [bump(more)]).schedule;
    expect(shown({ state: "proposed", reason: "it waits to be merged", proposals: [open] })).toMatchObject({
      reason: "it waits to be merged since 2026-03-01",
      bump: { url: proposal.url, openedAt: open.openedAt, endedAt: null },
    });
    expect(shown({ state: "merged", reason: "#1 was merged by ada", proposals: [merged] })).toMatchObject({
      reason: "#1 was merged by ada on 2026-03-02",
      bump: { end: "merged", endedAt: merged.endedAt },
    });
    expect(shown({ state: "refused", reason: "it asks elsewhere", code: "REACHES_OUT" }).reason).toBe(
      "go.mod was not changed: it asks elsewhere (REACHES_OUT)",
    );
  });

  it("says nothing of the bumps of others", () => {
    const others = [bump({ images: ["jobs"] }), bump({ package: "b" }), bump({ moves: [] }), bump({ type: "npm" })];
    expect(
      scheduleBump(
        cure,
        others.map((one) => ({ ...one, state: "proposed", reason: "no" })),
      ),
    ).toBe(cure);
  });
});
