import { describe, expect, it } from "vitest";
import { deadlinesOf, judgeDeadline, presetRules, warnedFrom, type SloSubject } from "./judge-slo.ts";
import { presetNames, presets, type SloRule } from "./slo-presets.ts";
import { stuckReason } from "./stuck-reason.ts";

const day = 86_400_000;
const subject = (more: Partial<SloSubject> = {}): SloSubject => ({
  environment: "production",
  severity: "critical",
  exploitedSince: null,
  kevDue: null,
  labels: { team: "shop" },
  published: 1 * day,
  fixAvailable: 4 * day,
  detected: 2 * day,
  closed: null,
  endKind: null,
  ...more,
});
const rules = presetRules(["production"]);
const days = (given: SloSubject, more: readonly SloRule[] = rules) =>
  Object.fromEntries(deadlinesOf(given, more).map(({ framework, at }) => [framework, at / day]));

describe("the presets", () => {
  it.each([
    ["critical", {}, { chainguard: 11, fedramp: 32, "pci-dss-4": 34, cra: 34 }],
    ["high", { severity: "high" }, { chainguard: 18, fedramp: 32, "pci-dss-4": 34, cra: 34 }],
    [
      "what nobody rated counts as high",
      { severity: "unknown" },
      { chainguard: 18, fedramp: 32, "pci-dss-4": 34, cra: 34 },
    ],
    ["medium", { severity: "medium" }, { chainguard: 18, fedramp: 92, cra: 94 }],
    ["low", { severity: "low" }, { chainguard: 18, fedramp: 182, cra: 94 }],
    ["negligible", { severity: "none" }, {}],
    [
      "exploited",
      { exploitedSince: 0, kevDue: 9 * day },
      { kev: 9, chainguard: 11, cra: 18, fedramp: 32, "pci-dss-4": 34 },
    ],
    [
      "exploited, without a date",
      { exploitedSince: 0 },
      { kev: 16, chainguard: 11, cra: 18, fedramp: 32, "pci-dss-4": 34 },
    ],
    ["no fix yet: only discovery counts", { fixAvailable: null }, { fedramp: 32 }],
    [
      "a life that began after the fix",
      { detected: 20 * day },
      { chainguard: 27, fedramp: 50, "pci-dss-4": 50, cra: 50 },
    ],
    ["another environment", { environment: "staging" }, {}],
  ] as const)("%s", (_, more, expected) => {
    expect(days(subject(more))).toEqual(expected);
  });

  it("say where they are from", () => {
    for (const name of presetNames) expect(presets[name].source.length).toBeGreaterThan(20);
  });
});

it("takes own rules by label, severity and environment, the nearest of them", () => {
  const own = (name: string, within: number, more: Partial<SloRule>): SloRule => ({
    framework: "own",
    name,
    from: "detected",
    within: within * day,
    ...more,
  });
  const mine = [
    own("all", 9, {}),
    own("shop", 3, { labels: { team: "shop" } }),
    own("staging", 1, { environments: ["staging"] }),
    own("not exploited", 2, { exploited: true }),
  ];
  expect(deadlinesOf(subject(), mine)).toEqual([{ framework: "own", rule: "shop", startedAt: 2 * day, at: 5 * day }]);
  expect(days(subject({ labels: {} }), mine)).toEqual({ own: 11 });
});

describe("a deadline", () => {
  const deadline = { at: 10 };
  it.each([
    ["open, in time", { closed: null, endKind: null }, 10, "running"],
    ["open, too late", { closed: null, endKind: null }, 11, "missed"],
    ["cured in time", { closed: 10, endKind: "deployed" }, 99, "met"],
    ["cured too late", { closed: 11, endKind: "promoted" }, 99, "missed"],
    ["withdrawn in time", { closed: 9, endKind: "withdrawn" }, 99, "void"],
    ["said not to matter when it was too late", { closed: 11, endKind: "vex" }, 99, "missed"],
  ] as const)("%s", (_, given, now, verdict) => {
    expect(judgeDeadline(deadline, given, now)).toBe(verdict);
  });

  it("is warned of before it, never before half of its time", () => {
    const given = { framework: "own", rule: "x", startedAt: 0 } as const;
    expect(warnedFrom({ ...given, at: 10 * day }, 3 * day)).toBe(7 * day);
    expect(warnedFrom({ ...given, at: 2 * day }, 3 * day)).toBe(1 * day);
  });
});

it.each([
  ["a hold before all that goes on", { hold: "fair (ada)", inFlight: { kind: "window", reason: "closed" } }, "hold"],
  ["an approval", { inFlight: { kind: "approval", reason: "ada has to approve" } }, "approval"],
  ["a check", { failed: { isCheck: true, reason: "smoke failed" } }, "failing-check"],
  ["a build", { failed: { isCheck: false, reason: "no space" } }, "failing-build"],
  ["a running system", { deployment: "shop: it is away", hold: "fair" }, "deployment"],
  ["upstream", { remedy: { kind: "waiting-upstream", reason: "none" } }, "waiting-upstream"],
  ["a cool-down", { planned: "it cools down" }, "cool-down"],
  ["nothing that anybody knows", {}, "unknown"],
] as const)("is stuck at %s", (_, facts, kind) => {
  expect(stuckReason({ hasFix: true, ...facts }).kind).toBe(kind);
});
