import { describe, expect, it } from "vitest";
import { compareScans } from "./compare-scans.ts";
import { makeFinding, makePlatform, makeReport } from "./testdata/make-scan.ts";

const reportOf = (...platforms: Parameters<typeof makePlatform>[0][]) =>
  makeReport({ platforms: platforms.map(makePlatform) });
const ids = (findings: readonly { id: string }[]) => findings.map(({ id }) => id);

describe("compareScans", () => {
  it("tells new, gone and stayed, by any name and whatever the version", () => {
    const before = reportOf({ findings: [makeFinding({ aliases: ["GHSA-1"] }), makeFinding({ id: "CVE-0" })] });
    const after = reportOf({
      findings: [makeFinding({ id: "GHSA-1", version: "3.0-1.1" }), makeFinding({ id: "CVE-2" })],
    });
    const { added, gone, stayed, doubts } = compareScans(before, after);
    expect([ids(added), ids(gone), ids(stayed), doubts]).toEqual([["CVE-2"], ["CVE-0"], ["GHSA-1"], []]);
  });

  it("compares platforms with their likes, and single ones whatever they are called", () => {
    const before = reportOf({ platform: "linux/amd64", findings: [] }, { platform: "linux/arm64" });
    const after = reportOf({ platform: "linux/arm64" }, { platform: "linux/amd64" });
    expect(compareScans(before, after)).toMatchObject({ added: [{}], stayed: [{}], gone: [] });
    expect(compareScans(reportOf({ platform: undefined }), reportOf({ platform: "linux/amd64" })).stayed).toHaveLength(
      1,
    );
  });

  it("doubts what one side could not tell, or does not have", () => {
    const before = reportOf({ state: "unknown", reasons: ["no feed"], findings: [] });
    expect(compareScans(before, reportOf({})).doubts).toEqual(["registry.example/team/app:1: no feed"]);
    const two = reportOf({ platform: "linux/amd64" }, { platform: "linux/arm64" });
    expect(compareScans(two, reportOf({})).doubts).toEqual(["registry.example/team/app:1: it has no linux/arm64"]);
  });

  it("calls nothing new that was only set aside before", () => {
    const ignored = { from: "ignore", by: "ada", reason: "known", until: undefined } as const;
    const { added, gone, stayed } = compareScans(reportOf({ findings: [makeFinding({ ignored })] }), reportOf({}));
    expect([added.length, gone.length, stayed.length]).toEqual([0, 0, 1]);
    const aside = compareScans(reportOf({}), reportOf({ findings: [makeFinding({ ignored })] }));
    expect([aside.added.length, aside.gone.length]).toEqual([0, 0]);
  });
});
