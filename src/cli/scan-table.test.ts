import { describe, expect, it } from "vitest";
import type { Scan, ScanFindingView } from "../operation/index.ts";
import { createScreen } from "./index.ts";
import { renderScan } from "./scan-table.ts";

const plain = createScreen({ out: { write: () => true }, err: { write: () => true } }, {});

function finding(version: string, dependants: ScanFindingView["remedy"]["dependants"]): ScanFindingView {
  return {
    id: "GHSA-made-up",
    aliases: [],
    upstream: [],
    summary: "",
    package: "qs",
    type: "npm",
    architecture: "",
    source: "qs",
    version,
    purl: `pkg:npm/qs@${version}`,
    state: "affected",
    fixed: "6.7.3",
    severity: null,
    judgement: null,
    malicious: false,
    exploited: null,
    epss: null,
    published: null,
    layer: null,
    path: "package-lock.json",
    remedy: {
      kind: "bump-source",
      summary: "",
      group: "change the source: package-lock.json",
      image: null,
      version: "6.7.3",
      from: null,
      since: null,
      file: "package-lock.json",
      compatible: false,
      dependants,
      gap: null,
    },
    ignored: null,
    stated: null,
    hit: false,
  };
}

function scan(...findings: ScanFindingView[]): Scan {
  return {
    subject: "/src",
    kind: "directory",
    digest: null,
    at: "2026-01-01T00:00:00.000Z",
    feeds: [],
    platforms: [{ platform: null, os: null, state: "known", reasons: [], packages: 1, findings }],
    notes: [],
    verdict: { kind: "none", reasons: [], unrated: 0 },
    comparison: null,
    documents: { sarif: null, cyclonedx: null, junit: null, markdown: null },
  };
}

describe("a scan on a terminal", () => {
  it("says who does not take a version that cures, each once, and the first of many", () => {
    const asks = (name: string, allows: boolean | null) => ({
      file: "package-lock.json",
      name,
      range: "6.7.0",
      allows,
      when: null,
    });
    const text = renderScan(
      scan(finding("6.7.0", [asks("express@4\u001b[2J", false), asks("app", true), asks("odd", null)])),
      plain,
    );
    expect(text).toContain("! express@4\\u{1b}[2J asks for qs 6.7.0, which 6.7.3 is not in\n");
    expect(text).not.toMatch(/(?:app|odd) asks/);
    const many = Array.from({ length: 8 }, (_, at) => asks(`p${at}`, false));
    const long = renderScan(scan(finding("6.7.0", many), finding("6.7.1", many)), plain);
    expect(long.match(/ asks for /g)).toHaveLength(5);
    expect(long).toContain("and 3 more");
  });
});
