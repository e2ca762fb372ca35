import { describe, expect, it } from "vitest";
import type { Finding } from "../advisory/index.ts";
import type { HeldImage, Plan, PlannedRebuild } from "../plan/index.ts";
import { findHeldCures } from "./held-cures.ts";
import { digest, madeFinding, now } from "./testdata/made-remedy.ts";
import type { Remedy } from "./types.ts";

const exploited = { exploited: { since: now, due: undefined } };
const critical = { severity: { level: "critical", by: "distro" } } as const;
const offered = { version: "3", from: "debian/security", since: now };
const rebuild: Remedy = { kind: "rebuild", image: "web", offered };
const onto = digest("b");
const change = { name: "libssl3", architecture: "amd64", from: "1", to: "3" };
const openssl = {
  key: "package:openssl:3",
  cause: {
    kind: "package",
    source: "openssl",
    to: "3",
    packages: [change],
    origin: "debian/security",
    firstSeen: now,
    security: true,
    advisories: [],
  },
} as const;
const curl = { key: "package:curl:8", cause: { ...openssl.cause, source: "curl", packages: [] } };
const base = {
  key: "base",
  cause: { kind: "base", name: "redis:7", from: digest("a"), to: onto, firstSeen: now },
} as const;

function held(kind: HeldImage["kind"], causes: HeldImage["causes"] = [openssl]): HeldImage {
  return { image: "web", kind, until: undefined, causes, reason: "why" };
}

function planned(): PlannedRebuild {
  const { holdBack, keepOut, bases, parents } = { holdBack: [], keepOut: [], bases: [], parents: [] };
  return {
    image: "web",
    parents,
    recipeKey: "r",
    lane: "urgent",
    notBefore: now,
    causes: [openssl],
    holdBack,
    keepOut,
    bases,
  };
}

function find(
  plan: Partial<Plan>,
  finding: Partial<Finding> = exploited,
  remedy: Remedy = rebuild,
  pauses: Parameters<typeof findHeldCures>[2] = [],
) {
  const images = ["web", "child"].map((image) => ({ image, findings: [{ finding: madeFinding(finding), remedy }] }));
  const whole = { waves: [], held: [], keptOut: [], untouched: [], ...plan };
  return findHeldCures(images, whole, pauses);
}

describe("findHeldCures", () => {
  it.each([
    ["what breaks checks, with the others going", { keptOut: [held("quarantine")] }],
    ["what breaks checks, with nothing else to go", { held: [held("quarantine")] }],
    ["a pause", { held: [held("hold", [curl])] }],
    ["a parent that is held", { held: [held("parent", [curl])] }],
    ["a source that cannot be read", { held: [held("source", [])] }],
  ])("finds %s, once for all images that it leaves open", (_, plan) => {
    const by = Object.values(plan).flat()[0]?.kind;
    expect(find(plan)).toEqual([
      {
        image: "web",
        advisory: "CVE-2099-0001",
        aliases: [],
        exploited: true,
        item: { kind: "package", name: "openssl", version: "3" },
        by,
        environment: undefined,
        reason: "why",
        open: ["child", "web"],
      },
    ]);
  });

  it("finds the base whose newer digest is kept out, and not what another is kept out for", () => {
    const rebase: Remedy = { kind: "rebase", image: "web", onto, offered: { ...offered, from: "redis:7" } };
    expect(find({ held: [held("quarantine", [base])] }, exploited, rebase)).toMatchObject([
      { item: { kind: "base", name: "redis:7", version: onto }, by: "quarantine" },
    ]);
    expect(find({ held: [held("quarantine", [curl])] })).toEqual([]);
    expect(find({ held: [held("quarantine", [curl])] }, exploited, rebase)).toEqual([]);
  });

  it("finds a pause of an environment that the rebuild comes to, of the image or of all, and none where nothing is rebuilt", () => {
    const pause = { image: null, environment: "production", reason: "fair" };
    const other = { ...pause, image: "other" };
    expect(find({ waves: [[planned()]] }, exploited, rebuild, [other, pause])).toMatchObject([
      { by: "hold", environment: "production", reason: "fair" },
    ]);
    expect(find({}, exploited, rebuild, [pause])).toEqual([]);
  });

  it.each<[string, Partial<Finding>, Remedy, Partial<Plan>]>([
    ["is neither exploited nor critical", {}, rebuild, { held: [held("quarantine")] }],
    ["is critical, and a person paused it", critical, rebuild, { held: [held("hold")] }],
    ["waits out a cool-down, which ends by itself", exploited, rebuild, { held: [held("cool-down")] }],
    ["waits after a failure, which ends by itself", exploited, rebuild, { held: [held("backoff")] }],
    ["has no cure", exploited, { kind: "wait-upstream", since: now, reason: "no fix" }, { held: [held("hold")] }],
    [
      "is accepted",
      exploited,
      { kind: "accepted", by: "ada", reason: "x", until: undefined },
      { held: [held("hold")] },
    ],
  ])("leaves out what %s", (_, finding, remedy, plan) => {
    expect(find(plan, finding, remedy)).toEqual([]);
  });

  it("has what is critical where it was found to break the checks", () => {
    expect(find({ keptOut: [held("quarantine")] }, critical)).toMatchObject([{ exploited: false, by: "quarantine" }]);
  });
});
