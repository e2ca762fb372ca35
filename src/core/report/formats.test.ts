import { Validation, Spec } from "@cyclonedx/cyclonedx-library";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadCyclonedx } from "./index.ts";
import { formatJunit } from "./format-junit.ts";
import { formatMarkdown } from "./format-markdown.ts";
import { formatSarif } from "./format-sarif.ts";
import { formatSpdx } from "./format-spdx.ts";
import { checkAgainst } from "./testdata/check-schema.ts";
import { checkSarif } from "./testdata/check-sarif.ts";
import { checkSpdx } from "./testdata/check-spdx.ts";
import { parseXml, type XmlNode } from "./testdata/parse-xml.ts";
import {
  anyScan,
  at,
  hostileTexts,
  judged,
  makeFinding,
  makePackage,
  makePlatform,
  makeReport,
} from "./testdata/make-scan.ts";

const { formatCyclonedx, formatCyclonedxScan } = await loadCyclonedx();
const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
// eslint-disable-next-line no-control-regex
const unprintable = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\ufeff]|\p{Cs}/u;
const runs = { numRuns: 150 };

/** A report with `text` at every place where somebody else's words can be. */
function withText(text: string) {
  const finding = makeFinding({
    id: text,
    aliases: [text],
    package: text,
    version: text,
    fixed: text,
    summary: text,
    path: text,
    purl: text,
    ignored: { from: "ignore", by: text, reason: text, until: undefined },
  });
  const open = makeFinding({ ...finding, remedy: { kind: "wait-upstream", since: undefined, reason: text } });
  const { ignored: _ignored, ...counted } = open;
  return judged(
    makeReport({
      subject: { kind: "image", name: text, digest: undefined },
      platforms: [makePlatform({ state: "unknown", reasons: [text], findings: [finding, counted] })],
      notes: [text],
    }),
    [counted],
  );
}

describe("the schemas that SARIF and SPDX publish", () => {
  it("find what is missing, too much, or of another form", () => {
    const sarif = checkAgainst("sarif-2.1.0");
    const tool = { driver: { name: "tidemill" } };
    expect(sarif({ version: "2.1.0", runs: [{ tool }] })).toEqual([]);
    expect(sarif({ version: "2.1.0", runs: [{ tool, results: [{}] }] })).toEqual([
      expect.stringContaining("/runs/0/results/0"),
    ]);
    expect(sarif({ version: "2.0.0", runs: [] })).toHaveLength(1);
    expect(sarif({ version: "2.1.0", runs: [{ tool, more: 1 }] })).toHaveLength(1);
    const spdx = checkAgainst("spdx-2.3");
    expect(spdx({ SPDXID: "SPDXRef-DOCUMENT" }).length).toBeGreaterThan(2);
  });
});

describe("SARIF", () => {
  it("has a rule a vulnerability, a result a package, levels, places and what is set aside", () => {
    const vex = { from: "vex", by: "ada", reason: "not built in", until: undefined, status: "not_affected" } as const;
    const findings = [
      makeFinding({ malicious: true, id: "MAL-1", path: "app/node_modules/x y/package.json" }),
      makeFinding({}),
      makeFinding({ package: "openssl", ignored: vex }),
      makeFinding({ id: "CVE-2", severity: { level: "low", by: "distro" }, fixed: undefined }),
    ];
    const report = makeReport({ platforms: [makePlatform({ findings, state: "unknown", reasons: ["half of it"] })] });
    const log = checkSarif(formatSarif(judged(report, [findings[1] ?? makeFinding()])));
    const [run] = log.runs;
    expect(run.tool.driver.rules.map(({ id }) => id)).toEqual(["MAL-1", "CVE-2026-0001", "CVE-2"]);
    expect(run.tool.driver.rules[1]?.properties["security-severity"]).toBe("7.5");
    expect(run.results.map(({ level }) => level)).toEqual(["error", "error", "error", "note"]);
    expect(run.results[0]?.locations[0]?.physicalLocation.artifactLocation.uri).toBe(
      "app/node_modules/x%20y/package.json",
    );
    expect(run.results[1]?.locations[0]?.physicalLocation.artifactLocation.uri).toBe("var/lib/dpkg/status");
    expect(run.results.map(({ suppressions }) => suppressions?.length ?? 0)).toEqual([0, 0, 1, 0]);
    expect(run.results.map(({ properties }) => properties.hit)).toEqual([false, true, false, false]);
    expect(run.invocations[0]?.toolExecutionNotifications[0]?.message.text).toBe("linux/amd64: half of it");
  });

  it("keeps a fingerprint from version to version, and none for two packages", () => {
    const prints = (...findings: ReturnType<typeof makeFinding>[]) =>
      checkSarif(formatSarif(judged(makeReport({ platforms: [makePlatform({ findings })] })))).runs[0].results.map(
        ({ partialFingerprints }) => partialFingerprints["tidemillFinding/v1"],
      );
    const [one, other] = prints(makeFinding(), makeFinding({ package: "openssl" }));
    expect(one).not.toBe(other);
    expect(prints(makeFinding({ version: "3.0-1.1", summary: "other words" }))).toEqual([one]);
  });

  it("is whole whatever the texts are", () => {
    fc.assert(
      fc.property(anyScan, (scan) => {
        expect(checkSarif(formatSarif(scan)).runs[0].results).toHaveLength(
          scan.report.platforms.reduce((sum, { findings }) => sum + findings.length, 0),
        );
      }),
      runs,
    );
  });
});

describe("CycloneDX", () => {
  it("says what is affected, what VEX says of it, and how it was accepted", async () => {
    const vex = {
      from: "vex",
      by: "ada",
      reason: "never called",
      until: undefined,
      status: "not_affected",
      justification: "vulnerable_code_not_in_execute_path",
    } as const;
    const findings = [
      makeFinding(),
      makeFinding({ id: "CVE-2", ignored: vex }),
      makeFinding({ id: "CVE-3", ignored: { from: "ignore", by: "ops", reason: "known", until: at } }),
      makeFinding({ id: "CVE-4", ignored: { ...vex, status: "fixed" } }),
    ];
    const text = formatCyclonedxScan(judged(makeReport({ platforms: [makePlatform({ findings })] })));
    expect(await validator.validate(text)).toBeNull();
    const bom = JSON.parse(text) as {
      components: { "bom-ref": string }[];
      vulnerabilities: {
        id: string;
        analysis: { state: string; justification?: string; response?: string[]; detail: string };
        affects: { ref: string }[];
        ratings: { severity: string; method: string }[];
      }[];
    };
    const byId = new Map(bom.vulnerabilities.map((one) => [one.id, one]));
    expect(byId.get("CVE-2026-0001")?.analysis).toMatchObject({ state: "in_triage", response: ["update"] });
    expect(byId.get("CVE-2")?.analysis).toMatchObject({ state: "not_affected", justification: "code_not_reachable" });
    expect(byId.get("CVE-3")?.analysis).toMatchObject({ state: "exploitable", response: ["will_not_fix"] });
    expect(byId.get("CVE-4")?.analysis.state).toBe("resolved");
    expect(byId.get("CVE-2026-0001")?.ratings[0]).toMatchObject({ severity: "high", method: "CVSSv31" });
    const refs = new Set(bom.components.map((one) => one["bom-ref"]));
    for (const { affects } of bom.vulnerabilities) for (const { ref } of affects) expect(refs).toContain(ref);
  });

  it("is valid, the same each time, and steers no terminal, whatever the texts are", async () => {
    await fc.assert(
      fc.asyncProperty(anyScan, async (scan) => {
        const text = formatCyclonedxScan(scan);
        expect(await validator.validate(text)).toBeNull();
        expect(text).not.toMatch(unprintable);
        expect(formatCyclonedxScan(scan)).toBe(text);
      }),
      runs,
    );
  });

  it("of an inventory is valid and holds no clock", async () => {
    const { subject } = makeReport();
    const platforms = [{ ...makePlatform(), problems: ["half of it"] }];
    const text = formatCyclonedx({ subject, platforms, version: "1.2.3", created: undefined });
    expect(await validator.validate(text)).toBeNull();
    expect(text).not.toContain("timestamp");
    const reversed = [
      {
        ...makePlatform({
          packages: [makePackage(), makePackage({ name: "a", purl: "pkg:deb/debian/a@3.0-1" })].reverse(),
        }),
        problems: [],
      },
    ];
    const forward = [
      {
        ...makePlatform({ packages: [makePackage(), makePackage({ name: "a", purl: "pkg:deb/debian/a@3.0-1" })] }),
        problems: [],
      },
    ];
    const of = (some: typeof platforms) => formatCyclonedx({ subject, platforms: some, version: "1", created: at });
    expect(of(reversed)).toBe(of(forward));
  });
});

describe("SPDX", () => {
  it("is whole and the same each time, whatever the texts are", () => {
    fc.assert(
      fc.property(anyScan, ({ report }) => {
        const platforms = report.platforms.map((one) => ({ ...one, problems: one.reasons }));
        const input = { subject: report.subject, platforms, version: "1.2.3", created: undefined };
        const text = formatSpdx(input);
        checkSpdx(text);
        expect(text).not.toMatch(unprintable);
        expect(formatSpdx(input)).toBe(text);
      }),
      runs,
    );
  });
});

describe("JUnit", () => {
  const all = (node: XmlNode, name: string): XmlNode[] => [
    ...(node.name === name ? [node] : []),
    ...node.children.flatMap((child) => all(child, name)),
  ];

  it("has a case a finding: what fails, what is skipped, what is unknown", () => {
    const findings = [
      makeFinding(),
      makeFinding({ id: "CVE-2" }),
      makeFinding({ id: "CVE-3", ignored: { from: "ignore", by: "ops", reason: "known", until: undefined } }),
    ];
    const report = makeReport({ platforms: [makePlatform({ findings, state: "unknown", reasons: ["half of it"] })] });
    const root = parseXml(formatJunit(judged(report, [findings[0] ?? makeFinding()])));
    expect(root.attributes).toMatchObject({ tests: "4", failures: "1", errors: "1", skipped: "1" });
    expect(all(root, "testcase").map(({ children }) => children[0]?.name)).toEqual([
      "error",
      "failure",
      "system-out",
      "skipped",
    ]);
    const unjudged = parseXml(formatJunit(judged(report)));
    expect(unjudged.attributes).toMatchObject({ failures: "2" });
  });

  it("passes what is clean, and only that", () => {
    const root = parseXml(formatJunit(judged(makeReport({ platforms: [makePlatform({ findings: [] })] }))));
    expect(root.attributes).toMatchObject({ tests: "1", failures: "0", errors: "0" });
  });

  it("is XML whatever the texts are, and counts what it holds", () => {
    fc.assert(
      fc.property(anyScan, (scan) => {
        const root = parseXml(formatJunit(scan));
        expect(root.attributes.tests).toBe(String(all(root, "testcase").length));
        for (const kind of ["failure", "error", "skipped"] as const)
          expect(root.attributes[kind === "skipped" ? kind : `${kind}s`]).toBe(String(all(root, kind).length));
      }),
      runs,
    );
  });
});

describe("Markdown", () => {
  /** What is left once code spans are taken out: only our own words may be there. */
  const outside = (markdown: string): string => markdown.replaceAll(/`[^`\n]*`/g, "CODE");

  it("names the verdict, what is new and the cure, worst first", () => {
    const findings = [
      makeFinding({ exploited: { since: at, due: undefined }, epss: 0.97 }),
      makeFinding({ id: "CVE-2" }),
    ];
    const report = makeReport({ platforms: [makePlatform({ findings })] });
    const comparison = {
      added: findings.slice(1),
      gone: [makeFinding({ id: "CVE-0" })],
      stayed: findings.slice(0, 1),
      doubts: [],
    };
    const text = formatMarkdown(judged(report, findings), comparison);
    expect(text).toContain("**Refused by policy:**");
    expect(text).toContain("**1 new, 1 gone, 1 as before.**");
    expect(text).toContain("| high | `libssl3` | `3.0-1` | `CVE-2026-0001` **exploited** EPSS 97 % |");
  });

  it.each(hostileTexts)("keeps %j in code spans", (text) => {
    const rest = outside(formatMarkdown(withText(text)));
    expect(rest).not.toMatch(/evil|script|injected|everyone|set-output|owned|`/);
    for (const line of rest.split("\n").filter((one) => one.startsWith("|"))) expect(line.split("|")).toHaveLength(7);
  });

  it("is of our own words outside code spans, whatever the texts are, and fits into a comment", () => {
    fc.assert(
      fc.property(anyScan, (scan) => {
        const text = formatMarkdown(scan);
        expect(outside(text)).toMatch(/^[\w\s#*.,:;|\-–%()]*$/);
        expect(text).not.toMatch(unprintable);
      }),
      runs,
    );
    const many = Array.from({ length: 5000 }, (_, index) =>
      makeFinding({ id: `CVE-${index}`, package: "p".repeat(150) }),
    );
    expect(formatMarkdown(judged(makeReport({ platforms: [makePlatform({ findings: many })] }))).length).toBeLessThan(
      65_536,
    );
  });
});

describe.each(hostileTexts)("every format, with %j everywhere", (text) => {
  it("stays what it is", async () => {
    const scan = withText(text);
    checkSarif(formatSarif(scan));
    parseXml(formatJunit(scan));
    expect(await validator.validate(formatCyclonedxScan(scan))).toBeNull();
    for (const document of [formatSarif(scan), formatJunit(scan), formatMarkdown(scan)])
      expect(document).not.toMatch(unprintable);
  });
});
