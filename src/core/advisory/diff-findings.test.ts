import { describe, expect, it } from "vitest";
import { diffFindings, type Finding } from "./index.ts";

const finding = (id: string, name: string, more: Partial<Finding> = {}): Finding => ({
  id,
  aliases: [],
  upstream: [],
  package: name,
  type: "deb",
  architecture: "amd64",
  source: name,
  version: "1",
  state: "affected",
  fixed: undefined,
  published: undefined,
  summary: "",
  ...more,
});
const names = (findings: readonly Finding[]): string[] => findings.map((one) => `${one.id} ${one.package}`);

describe("diffFindings", () => {
  it("says what goes, what comes and how many stay, each once for a package", () => {
    const before = [
      finding("CVE-1", "curl"),
      finding("CVE-1", "curl", { architecture: "arm64" }),
      finding("CVE-2", "curl"),
    ];
    const after = [finding("CVE-2", "curl", { version: "2" }), finding("CVE-3", "left", { type: "npm" })];
    const found = diffFindings({ findings: before }, { findings: after });
    expect(names(found.closed)).toEqual(["CVE-1 curl"]);
    expect(names(found.brought)).toEqual(["CVE-3 left"]);
    expect(names(found.remain)).toEqual(["CVE-2 curl"]);
  });

  it("takes one for the same under another of its names, and not in another package or of another kind", () => {
    const before = [finding("CVE-1", "left", { type: "npm", aliases: ["GHSA-1"] })];
    const renamed = finding("GHSA-1", "left", { type: "npm" });
    expect(diffFindings({ findings: before }, { findings: [renamed] })).toMatchObject({
      closed: [],
      brought: [],
      remain: [{ id: "GHSA-1" }],
    });
    const elsewhere = [finding("GHSA-1", "left"), finding("GHSA-1", "right", { type: "npm" })];
    const found = diffFindings({ findings: before }, { findings: elsewhere });
    expect([names(found.closed), names(found.brought), found.remain.length]).toEqual([
      ["CVE-1 left"],
      ["GHSA-1 left", "GHSA-1 right"],
      0,
    ]);
  });

  it("finds nothing between two that are the same", () => {
    const findings = [finding("CVE-1", "curl")];
    expect(diffFindings({ findings }, { findings })).toEqual({ closed: [], brought: [], remain: findings });
  });

  it("takes the one that counts where another architecture's is set aside", () => {
    const vex = { status: "not_affected", by: "ann", reason: "no", since: undefined, until: undefined } as const;
    const findings = [finding("CVE-1", "curl", { vex }), finding("CVE-1", "curl", { architecture: "arm64" })];
    expect(diffFindings({ findings }, { findings: [] }).closed).toEqual([findings[1]]);
  });
});
