import { describe, expect, it } from "vitest";
import {
  findingLives,
  planFindingChanges,
  ranPlacements,
  type Finding,
  type HeldFinding,
  type OpenFinding,
  type Placement,
} from "./index.ts";

const nothingWithdrawn: ReadonlySet<string> = new Set();

function found(id: string, more: Partial<Finding> = {}): Finding {
  return {
    id,
    aliases: [],
    upstream: [],
    package: "curl",
    type: "deb",
    architecture: "",
    source: "curl",
    version: "1",
    state: "affected",
    fixed: undefined,
    published: undefined,
    summary: "",
    ...more,
  };
}
function standing(advisory: string, more: Partial<OpenFinding> = {}): OpenFinding {
  const detail = { aliases: [], upstream: [], published: null };
  return { advisory, state: "affected", fixed: null, detail, firstSeen: 5, fixedSince: null, ...more };
}

describe("planFindingChanges", () => {
  it("keeps what is the same, opens what is new and ends what is gone", () => {
    const changes = planFindingChanges(
      [standing("CVE-1"), standing("CVE-2")],
      { findings: [found("CVE-1"), found("CVE-3", { fixed: "2" })], isCovered: true, withdrawn: nothingWithdrawn },
      9,
    );
    expect(changes).toEqual([
      { kind: "opened", finding: standing("CVE-3", { firstSeen: 9, fixed: "2", fixedSince: 9 }) },
      { kind: "ended", advisory: "CVE-2", end: "changed" },
    ]);
  });

  it("ends nothing where no feed speaks of where the package is from", () => {
    const open = [standing("CVE-1")];
    expect(planFindingChanges(open, { findings: [], isCovered: false, withdrawn: nothingWithdrawn }, 9)).toEqual([]);
  });

  it("says which end was a withdrawal, by any name", () => {
    const open = [standing("CVE-1", { detail: { aliases: ["GHSA-1"], upstream: [], published: null } })];
    expect(planFindingChanges(open, { findings: [], isCovered: true, withdrawn: new Set(["GHSA-1"]) }, 9)).toEqual([
      { kind: "ended", advisory: "CVE-1", end: "withdrawn" },
    ]);
  });

  it("goes on under another id of the same vulnerability, with its times", () => {
    const after = found("CVE-1", { aliases: ["GHSA-1"] });
    const open = [standing("GHSA-1", { firstSeen: 3 }), standing("GHSA-2", { firstSeen: 4 })];
    const [change, ...rest] = planFindingChanges(
      open,
      { findings: [after, found("GHSA-2")], isCovered: true, withdrawn: nothingWithdrawn },
      9,
    );
    expect(change).toMatchObject({ kind: "updated", was: "GHSA-1", finding: { advisory: "CVE-1", firstSeen: 3 } });
    expect(rest).toEqual([]);
  });

  it("notes when a cure was first known, and forgets it where it is taken back", () => {
    const cured = found("CVE-1", { fixed: "2" });
    const at = (open: OpenFinding, one: Finding) =>
      planFindingChanges([open], { findings: [one], isCovered: true, withdrawn: nothingWithdrawn }, 9)[0];
    expect(at(standing("CVE-1"), cured)).toMatchObject({ finding: { fixedSince: 9, firstSeen: 5 } });
    const known = standing("CVE-1", { fixed: "2", fixedSince: 7 });
    expect(at(known, found("CVE-1", { fixed: "3" }))).toMatchObject({ finding: { fixed: "3", fixedSince: 7 } });
    expect(at(known, found("CVE-1"))).toMatchObject({ finding: { fixed: null, fixedSince: null } });
  });
});

describe("findingLives", () => {
  const placement = (since: number, until: number | undefined, inventory: string, replacedBy?: string): Placement => ({
    since,
    until,
    replacedBy,
    inventories: [inventory],
  });
  const held = (inventories: readonly string[], firstSeen: number, more: Partial<HeldFinding> = {}): HeldFinding => ({
    advisory: "CVE-1",
    package: "curl",
    inventories,
    firstSeen,
    fixedSince: undefined,
    endedAt: undefined,
    endKind: undefined,
    ...more,
  });
  const known = new Set(["a", "b", "c"]);
  const open = { advisory: "CVE-1", package: "curl", fixedSince: undefined, end: undefined };

  it("opens when the environment holds it and we know, whichever comes later", () => {
    const placements = [placement(10, undefined, "a")];
    expect(findingLives({ placements, findings: [held(["a"], 3)], known })).toEqual([{ ...open, opened: 10 }]);
    expect(findingLives({ placements, findings: [held(["a"], 30)], known })).toEqual([{ ...open, opened: 30 }]);
  });

  it("goes on over digests that still have it, and ends with the rebuild that brought one without", () => {
    const placements = [placement(1, 5, "a", "r1"), placement(5, 9, "b", "r2"), placement(9, undefined, "c")];
    const both = findingLives({ placements, findings: [held(["a"], 0), held(["b"], 0)], known });
    expect(both).toEqual([{ ...open, opened: 1, end: { kind: "replaced", at: 9, rebuild: "r2" } }]);
    const again = findingLives({ placements, findings: [held(["a", "c"], 0)], known });
    expect(again).toEqual([
      { ...open, opened: 1, end: { kind: "replaced", at: 5, rebuild: "r1" } },
      { ...open, opened: 9 },
    ]);
  });

  it("does not end by a digest of which nobody knows what it holds", () => {
    const placements = [placement(1, 5, "a", "r1"), placement(5, undefined, "unread")];
    expect(findingLives({ placements, findings: [held(["a"], 0)], known })).toEqual([{ ...open, opened: 1 }]);
    const nothing = [placement(1, 5, "a"), { ...placement(5, undefined, "b"), inventories: [] }];
    expect(findingLives({ placements: nothing, findings: [held(["a"], 0)], known })).toEqual([{ ...open, opened: 1 }]);
  });

  it("did not live where it became known only after the digest had gone", () => {
    const placements = [placement(1, 5, "a"), placement(5, undefined, "b")];
    expect(findingLives({ placements, findings: [held(["a"], 7)], known })).toEqual([]);
  });

  it("ends by a withdrawal, and comes back with it taken back", () => {
    const placements = [placement(1, undefined, "a")];
    const findings = [held(["a"], 2, { endedAt: 4, endKind: "withdrawn" }), held(["a"], 8)];
    expect(findingLives({ placements, findings, known })).toEqual([
      { ...open, opened: 2, end: { kind: "withdrawn", at: 4 } },
      { ...open, opened: 8 },
    ]);
  });

  it("goes on where one of two versions of the package is no longer named", () => {
    const placements = [placement(1, undefined, "a")];
    const findings = [held(["a"], 2, { endedAt: 4, endKind: "changed" }), held(["a"], 3)];
    expect(findingLives({ placements, findings, known })).toEqual([{ ...open, opened: 2 }]);
  });

  it("ends by VEX and by the end of its image", () => {
    const placements = [placement(1, undefined, "a")];
    const findings = [held(["a"], 2)];
    expect(findingLives({ placements, findings, known, settled: () => 6 })).toEqual([
      { ...open, opened: 2, end: { kind: "vex", at: 6 } },
    ]);
    expect(findingLives({ placements, findings, known, retiredAt: 7 })).toEqual([
      { ...open, opened: 2, end: { kind: "retired", at: 7 } },
    ]);
  });
});

describe("ranPlacements", () => {
  const [bad, good] = [`sha256:${"b".repeat(64)}`, `sha256:${"c".repeat(64)}`] as const;
  const named = [
    { digest: bad, since: 0, until: 10, replacedBy: "fix", inventories: ["bad"] },
    { digest: good, since: 10, until: undefined, replacedBy: undefined, inventories: ["good"] },
  ] as const;
  const finding: HeldFinding = {
    advisory: "CVE-1",
    package: "curl",
    inventories: ["bad"],
    firstSeen: 5,
    fixedSince: undefined,
    endedAt: undefined,
    endKind: undefined,
  };
  const livesOf = (
    names: readonly string[],
    seen: Parameters<typeof ranPlacements>[2],
    all: readonly (typeof named)[number][] = named,
  ) =>
    findingLives({
      placements: ranPlacements(all, names, seen),
      findings: [finding],
      known: new Set(["bad", "good"]),
    }).map(({ opened, end }) => [opened, end?.at, end?.kind === "replaced" ? end.rebuild : undefined]);

  it("closes a finding where the fix was named, where nothing else tells what runs", () => {
    expect(livesOf([], [])).toEqual([[5, 10, "fix"]]);
    expect(livesOf(["shop"], [])).toEqual([[5, 10, "fix"]]);
  });

  it("closes it when the fix was seen to run, not when it was named", () => {
    const seen = [{ name: "shop", digest: bad, at: 1 }];
    expect(livesOf(["shop"], seen)).toEqual([[5, undefined, undefined]]);
    expect(livesOf(["shop"], [...seen, { name: "shop", digest: good, at: 14 }])).toEqual([[5, 14, "fix"]]);
  });

  it("closes it when it runs everywhere, and leaves open what was never seen", () => {
    const seen = [
      { name: "east", digest: bad, at: 1 },
      { name: "west", digest: bad, at: 2 },
      { name: "east", digest: good, at: 12 },
    ];
    expect(livesOf(["east", "west"], seen)).toEqual([[5, undefined, undefined]]);
    expect(livesOf(["east", "west"], [...seen, { name: "west", digest: good, at: 20 }])).toEqual([[5, 20, "fix"]]);
    expect(livesOf(["east", "west", "north"], [...seen, { name: "west", digest: good, at: 20 }])).toEqual([
      [5, undefined, undefined],
    ]);
    // A deployment that the configuration has no more leaves nothing open.
    expect(livesOf(["east"], seen)).toEqual([[5, 12, "fix"]]);
  });

  it("opens another life where a rollback brings it back, when that runs", () => {
    const back = [
      named[0],
      { ...named[1], until: 30 },
      { digest: bad, since: 30, until: undefined, replacedBy: undefined, inventories: ["bad"] },
    ] as unknown as readonly (typeof named)[number][];
    const seen = [
      { name: "shop", digest: bad, at: 1 },
      { name: "shop", digest: good, at: 12 },
    ];
    expect(livesOf(["shop"], seen, back)).toEqual([[5, 12, "fix"]]);
    expect(livesOf(["shop"], [...seen, { name: "shop", digest: bad, at: 33 }], back)).toEqual([
      [5, 12, "fix"],
      [33, undefined, undefined],
    ]);
    expect(livesOf([], [], back)).toEqual([
      [5, 10, "fix"],
      [30, undefined, undefined],
    ]);
  });
});
