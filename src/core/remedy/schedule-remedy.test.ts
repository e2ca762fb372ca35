import { describe, expect, it } from "vitest";
import type { HeldImage, PlannedRebuild } from "../plan/index.ts";
import { scheduleFacts, scheduleRemedy, type RunningRebuild } from "./schedule-remedy.ts";
import { now } from "./testdata/made-remedy.ts";
import type { Remedy } from "./types.ts";

const coolDown = 1000;
const offered = { version: "3", from: "debian/bookworm", since: now - 1 };
const rebuild: Remedy = { kind: "rebuild", image: "base", offered };
const openssl = { source: "openssl", packages: ["libssl3"], architectures: ["amd64"] };
const change = { name: "libssl3", architecture: "amd64", from: "1", to: "3" };

function planned(over: Partial<PlannedRebuild> = {}): PlannedRebuild {
  const cause = {
    kind: "package",
    source: "openssl",
    to: "3",
    packages: [change],
    origin: "debian/bookworm",
    firstSeen: now,
    security: true,
    advisories: [],
  } as const;
  return {
    image: "base",
    parents: [],
    recipeKey: "r",
    lane: "urgent",
    notBefore: now,
    causes: [{ key: "package:openssl:3", cause }],
    holdBack: [],
    keepOut: [],
    bases: [],
    ...over,
  };
}

function when(
  remedy: Remedy,
  over: {
    readonly rebuilds?: readonly PlannedRebuild[];
    readonly held?: readonly HeldImage[];
    readonly untouched?: readonly { readonly image: string; readonly reason: string }[];
    readonly running?: RunningRebuild;
  },
) {
  const { rebuilds = [], held = [], untouched = [], running } = over;
  const plan = { waves: [[], rebuilds], held, keptOut: [], untouched };
  const known = new Map(running === undefined ? [] : [["base", running]]);
  return scheduleRemedy(openssl, remedy, scheduleFacts(plan, known, { now, coolDown }));
}

describe("scheduleRemedy", () => {
  it("is the rebuild of the plan that brings it, in its wave and lane", () => {
    expect(when(rebuild, { rebuilds: [planned()] })).toEqual({
      kind: "planned",
      lane: "urgent",
      notBefore: now,
      wave: 1,
    });
  });

  it("waits out its cool-down where the planned rebuild leaves it behind", () => {
    const other = planned({ causes: [], holdBack: [change] });
    expect(when(rebuild, { rebuilds: [other] })).toEqual({
      kind: "waiting",
      until: now - 1 + coolDown,
      reason: "in cool-down",
    });
  });

  it("is under way where a rebuild that has not ended brings it, and not where that brings something else", () => {
    const running = { id: "r1", lane: "routine", reason: "soak in staging", sources: new Set(["openssl"]) } as const;
    expect(when(rebuild, { running })).toMatchObject({ kind: "under-way", rebuild: "r1", reason: "soak in staging" });
    expect(when(rebuild, { running: { ...running, sources: new Set(["curl"]) } }).kind).toBe("person");
    expect(when(rebuild, { running: { ...running, sources: new Set() } }).kind).toBe("under-way");
  });

  it.each<[string, HeldImage["kind"], number | undefined, number | undefined]>([
    ["until its own cool-down ends, whatever else ends before", "cool-down", now + 5, now - 1 + coolDown],
    ["until the hold ends", "hold", now + 5, now + 5],
    ["for a person", "quarantine", undefined, undefined],
  ])("waits %s", (_, kind, until, expected) => {
    const held: HeldImage = { image: "base", kind, until, causes: [], reason: "why" };
    expect(when(rebuild, { held: [held] })).toEqual({ kind: "waiting", until: expected, reason: "why" });
  });

  it("is for a person where nothing asks for the rebuild, and says why", () => {
    const untouched = [{ image: "base", reason: "its one package has no newer version" }];
    expect(when(rebuild, { untouched })).toEqual({
      kind: "person",
      reason: "nothing asks for a rebuild of base: its one package has no newer version",
    });
  });

  it.each<[Remedy, string]>([
    [{ kind: "wait-upstream", since: undefined, reason: "no fix" }, "upstream"],
    [{ kind: "replace-base", image: "base", successor: undefined, reason: "over" }, "person"],
    [{ kind: "accepted", by: "ada", reason: "unreachable", until: now + 1 }, "accepted"],
    [
      {
        kind: "bump-source",
        image: "base",
        offered,
        file: undefined,
        declared: undefined,
        isCompatible: undefined,
        dependants: [],
      },
      "person",
    ],
  ])("of %j is never a rebuild, even where one is planned", (remedy, kind) => {
    expect(when(remedy, { rebuilds: [planned()] }).kind).toBe(kind);
  });
});
