import { describe, expect, it } from "vitest";
import { judgeScan } from "./judge-scan.ts";
import { parseFailOn, type FailRule } from "./parse-fail-on.ts";
import { at, makeFinding, makePlatform, makeReport } from "./testdata/make-scan.ts";

const day = 86_400_000;

function rules(...texts: string[]): FailRule[] {
  return texts.map((text) => {
    const parsed = parseFailOn(text);
    if (parsed.kind === "invalid") throw new Error(parsed.message);
    return parsed.rule;
  });
}

function judge(texts: string[], finding: Parameters<typeof makeFinding>[0], allowUnknown = false) {
  const report = makeReport({ platforms: [makePlatform({ findings: [makeFinding(finding)] })] });
  return judgeScan(report, { rules: rules(...texts), allowUnknown }, at);
}

describe("judgeScan", () => {
  const low = { severity: { level: "low", by: "distro" } } as const;
  const unrated = { severity: undefined } as unknown as { severity: { level: "low"; by: "distro" } };
  const exploited = { exploited: { since: at - day, due: undefined } };
  it.each<[string[], Parameters<typeof makeFinding>[0], "passed" | "failed"]>([
    [["high"], {}, "failed"],
    [["critical"], {}, "passed"],
    [["low"], {}, "failed"],
    [["high"], low, "passed"],
    [["high"], unrated, "passed"],
    [["unrated"], unrated, "failed"],
    [["any"], low, "failed"],
    [["critical"], { ...low, malicious: true }, "failed"],
    [["malware"], low, "passed"],
    [["kev"], { ...low, ...exploited }, "failed"],
    [["kev"], {}, "passed"],
    [["fixable"], low, "failed"],
    [["fixable"], { fixed: undefined }, "passed"],
    [["high,fixable"], {}, "failed"],
    [["high,fixable"], low, "passed"],
    [["high,fixable"], { fixed: undefined }, "passed"],
    [["critical", "fixable"], low, "failed"],
    [["age=30d"], { published: at - 30 * day }, "failed"],
    [["age=30d"], { published: at - 30 * day + 1 }, "passed"],
    [["age=30d"], { published: undefined }, "failed"],
    [["age=1w,high"], low, "passed"],
    [["epss=0.5"], { epss: 0.5 }, "failed"],
    [["epss=0.5"], { epss: 0.49 }, "passed"],
    [["epss=0.5"], {}, "passed"],
    [["high"], { state: "unknown" }, "failed"],
    [["any"], { ignored: { from: "vex", by: "ada", reason: "not there", until: undefined } }, "passed"],
  ])("%j of %o", (texts, finding, expected) => expect(judge(texts, finding)).toMatchObject({ kind: expected }));

  it("says nothing without a rule, even of what is unknown", () => {
    const report = makeReport({ platforms: [makePlatform({ state: "unknown", reasons: ["no feed"] })] });
    expect(judgeScan(report, { rules: [], allowUnknown: false }, at)).toEqual({ kind: "none" });
  });

  it.each([
    [
      makeReport({ platforms: [makePlatform({ findings: [], state: "unknown", reasons: ["no feed"] })] }),
      "unknown (linux/amd64): no feed",
    ],
    [makeReport({ platforms: [] }), "unknown: nothing could be looked at"],
  ])("lets nothing unknown pass, unless it is told to", (report, reason) => {
    expect(judgeScan(report, { rules: rules("critical"), allowUnknown: false }, at)).toMatchObject({
      kind: "failed",
      reasons: [reason],
    });
    expect(judgeScan(report, { rules: rules("critical"), allowUnknown: true }, at)).toMatchObject({ kind: "passed" });
  });

  it("names the rule, how many, and the first few; counts what no rule could", () => {
    const findings = [
      ...Array.from({ length: 5 }, (_, index) => makeFinding({ id: `CVE-${index}` })),
      makeFinding({ id: "DSA-1", ...unrated }),
    ];
    const verdict = judgeScan(
      makeReport({ platforms: [makePlatform({ findings })] }),
      { rules: rules("high"), allowUnknown: false },
      at,
    );
    expect(verdict).toMatchObject({
      reasons: ["high: CVE-0 in libssl3, CVE-1 in libssl3, CVE-2 in libssl3 and 2 more"],
      unrated: 1,
    });
    expect(verdict.kind === "none" ? 0 : verdict.hits.size).toBe(5);
  });

  it("counts only what is new where it is told to", () => {
    const [old, fresh] = [makeFinding(), makeFinding({ id: "CVE-2" })];
    const report = makeReport({ platforms: [makePlatform({ findings: [old, fresh] })] });
    const policy = { rules: rules("high"), allowUnknown: false, only: new Set([fresh]) };
    const verdict = judgeScan(report, policy, at);
    expect(verdict.kind === "none" ? [] : [...verdict.hits]).toEqual([fresh]);
  });
});

describe("parseFailOn", () => {
  it.each([
    "",
    "hgih",
    "high,",
    "age=",
    "age=30",
    "age=-1d",
    "age=999999d",
    "epss=2",
    "epss=1.5",
    "constructor",
    "__proto__",
    "high,".repeat(20),
  ])("does not understand %j", (text) => expect(parseFailOn(text)).toMatchObject({ kind: "invalid" }));
  it("takes spaces around commas", () =>
    expect(parseFailOn("high , fixable")).toMatchObject({ rule: { text: "high,fixable" } }));
});
