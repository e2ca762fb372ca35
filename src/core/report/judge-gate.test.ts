import { describe, expect, it } from "vitest";
import type { AdvisoryReport, Finding } from "../advisory/index.ts";
import { judgeGate } from "./judge-gate.ts";
import { makeFinding } from "./testdata/make-scan.ts";

const now = Date.UTC(2026, 0, 10);
const gate = { failOn: ["critical", "kev"], known: "pass", unknown: "warn" } as const;
const critical = { severity: { level: "critical", score: 9.8, source: "distro" } } as unknown as Partial<Finding>;
const high = { severity: { level: "high", score: 8, source: "distro" } } as unknown as Partial<Finding>;
const finding = (id: string, more: Partial<Finding> = {}): Finding => ({ ...makeFinding({}), ...high, id, ...more });
const report = (...findings: Finding[]): AdvisoryReport => ({ state: "known", reasons: [], findings });
const vex = { status: "not_affected", by: "ada", reason: "", since: undefined, until: undefined } as const;
const exploited = { exploited: { since: 0, due: undefined } };

describe("a scan that is a gate", () => {
  it.each<[string, Finding[], Finding[], string]>([
    ["nothing", [], [], "passed"],
    ["something that breaks no rule", [finding("CVE-2026-0001")], [], "passed"],
    ["something critical that is new", [finding("CVE-2026-0001", critical)], [], "failed"],
    ["what is exploited", [finding("CVE-2026-0001", exploited)], [], "failed"],
    [
      "something critical that runs already, in another version",
      [finding("CVE-2026-0001", critical)],
      [finding("CVE-2026-0001", { ...critical, version: "1" })],
      "passed",
    ],
    [
      "the same in another package",
      [finding("CVE-2026-0001", { ...critical, package: "a" })],
      [finding("CVE-2026-0001", { ...critical, package: "b" })],
      "failed",
    ],
    ["what somebody's word set aside", [finding("CVE-2026-0001", { ...critical, vex })], [], "passed"],
    [
      "what was set aside where it runs, and is not here",
      [finding("CVE-2026-0001", critical)],
      [finding("CVE-2026-0001", { ...critical, vex })],
      "failed",
    ],
    ["what may be affected", [finding("CVE-2026-0001", { ...critical, state: "unknown" })], [], "passed"],
  ])("answers to %s", (_, found, running, verdict) => {
    expect(judgeGate(gate, report(...found), report(...running), now).verdict).toBe(verdict);
  });

  it("counts what runs already where it says so, and what nobody could look up", () => {
    const one = report(finding("CVE-2026-0001", critical));
    expect(judgeGate({ ...gate, known: "fail" }, one, one, now)).toMatchObject({
      verdict: "failed",
      messages: [expect.stringMatching(/^critical: CVE-2026-0001 in /)],
    });
    const unknown: AdvisoryReport = { state: "unknown", reasons: ["no feed"], findings: [] };
    expect(judgeGate(gate, unknown, undefined, now)).toMatchObject({
      verdict: "warned",
      messages: [expect.stringContaining("no feed")],
    });
    expect(judgeGate({ ...gate, unknown: "fail" }, unknown, undefined, now).verdict).toBe("failed");
    const many = report(...Array.from({ length: 50 }, (_, at) => finding(`CVE-2026-${1000 + at}`, critical)));
    expect(judgeGate(gate, many, undefined, now).messages).toHaveLength(21);
  });
});
