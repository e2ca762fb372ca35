import * as fc from "fast-check";
import type { Severity } from "../../advisory/index.ts";
import type { Remedy } from "../../remedy/index.ts";
import { sha256 } from "../../../lib/index.ts";
import { compareFindings } from "../order-findings.ts";
import type { JudgedScan, ScanFinding, ScanPackage, ScanPlatform, ScanReport } from "../types.ts";

export const at = Date.UTC(2026, 10, 26, 9);
const day = 86_400_000;

/** Texts that try to leave where they stand: markup, mentions, terminals, readers of bidirectional text, ends of documents. */
export const hostileTexts: readonly string[] = [
  "\u001b]0;owned\u0007\u001b[2J",
  "<script>alert(1)</script>",
  "</testsuite></testsuites>",
  "]]>",
  "&lt;&#x41;&amp;",
  "![x](http://evil.example/x.png)",
  "`| injected | cell |`",
  "x\\|![img](http://evil.example)",
  "a``b`c",
  "@everyone #1 http://evil.example www.evil.example",
  "\u202egnp.exe\u200b\ufeff",
  "line\nbreak\r\n\n# heading",
  "::set-output name=a::b",
  "\ud800 lone",
  "\uffff\ufffe\u0000",
  '"quoted" \'single\'',
  "__proto__",
  "",
  "   ",
  "|",
  "`",
  "x".repeat(10_000),
];

export function makeFinding(more: Partial<ScanFinding> = {}): ScanFinding {
  return {
    id: "CVE-2026-0001",
    aliases: [],
    upstream: [],
    package: "libssl3",
    type: "deb",
    architecture: "amd64",
    source: "openssl",
    version: "3.0-1",
    state: "affected",
    fixed: "3.0-2",
    published: at - 40 * day,
    summary: "a flaw",
    severity: { level: "high", by: "cvss", score: 7.5, vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H" },
    layer: sha256("layer"),
    purl: "pkg:deb/debian/libssl3@3.0-1?arch=amd64",
    remedy: {
      kind: "rebuild",
      image: "app",
      offered: { version: "3.0-2", from: "bookworm-security", since: at - day },
    },
    ...more,
  };
}

export function makePackage(more: Partial<ScanPackage> = {}): ScanPackage {
  return {
    type: "deb",
    name: "libssl3",
    version: "3.0-1",
    architecture: "amd64",
    source: "openssl",
    sourceVersion: "3.0-1",
    layer: sha256("layer"),
    purl: "pkg:deb/debian/libssl3@3.0-1?arch=amd64",
    ...more,
  };
}

export function makePlatform(more: Partial<ScanPlatform> = {}): ScanPlatform {
  return {
    platform: "linux/amd64",
    os: { id: "debian", versionId: "12", codename: "bookworm", prettyName: "Debian GNU/Linux 12" },
    packages: [makePackage()],
    state: "known",
    reasons: [],
    findings: [makeFinding()],
    ...more,
  };
}

export function makeReport(more: Partial<ScanReport> = {}): ScanReport {
  return {
    subject: { kind: "image", name: "registry.example/team/app:1", digest: sha256("image") },
    at,
    feeds: [{ name: "osv", newest: at - day, checked: at, alarm: undefined }],
    platforms: [makePlatform()],
    notes: [],
    ...more,
  };
}

export function judged(report: ScanReport, hits: readonly ScanFinding[] = []): JudgedScan {
  const verdict =
    hits.length === 0
      ? ({ kind: "none" } as const)
      : ({ kind: "failed", reasons: ["high: it is"], hits: new Set(hits), unrated: 0 } as const);
  return { report, verdict, version: "1.2.3" };
}

const text = fc.oneof(fc.constantFrom(...hostileTexts), fc.string({ unit: "binary", maxLength: 40 }), fc.string({ maxLength: 40 }));
const name = fc.oneof(text, fc.constantFrom("libssl3", "@scope/name", "group:artifact"));
const moment = fc.option(fc.integer({ min: 0, max: at }), { nil: undefined });
const digest = fc.constantFrom(sha256("a"), sha256("b"));
const level = fc.constantFrom<Severity["level"][]>("none", "low", "medium", "high", "critical");
const offered = fc.record({ version: fc.option(text, { nil: undefined }), from: text, since: moment });
const remedy: fc.Arbitrary<Remedy> = fc.oneof(
  fc.record({ kind: fc.constant("rebase" as const), image: text, onto: fc.option(digest, { nil: undefined }), offered }),
  fc.record({ kind: fc.constant("rebuild" as const), image: text, offered }),
  fc.record({ kind: fc.constant("patch" as const), image: text, offered }),
  fc.record({
    kind: fc.constant("bump-source" as const),
    image: text,
    offered,
    file: fc.option(text, { nil: undefined }),
    declared: fc.option(text, { nil: undefined }),
    isCompatible: fc.option(fc.boolean(), { nil: undefined }),
    dependants: fc.constant([]),
  }),
  fc.record({ kind: fc.constant("wait-upstream" as const), since: moment, reason: text }),
  fc.record({
    kind: fc.constant("replace-base" as const),
    image: text,
    successor: fc.option(text, { nil: undefined }),
    reason: text,
  }),
  fc.record({ kind: fc.constant("accepted" as const), by: text, reason: text, until: moment }),
);
const finding = fc.record<ScanFinding>(
  {
    id: fc.oneof(fc.constantFrom("CVE-2026-0001", "GHSA-aaaa-bbbb-cccc"), text),
    aliases: fc.uniqueArray(text, { maxLength: 3 }),
    upstream: fc.uniqueArray(text, { maxLength: 2 }),
    package: name,
    type: fc.constantFrom("deb", "npm", "golang"),
    architecture: fc.constantFrom("amd64", ""),
    source: name,
    version: text,
    state: fc.constantFrom("affected", "unknown"),
    fixed: fc.option(text, { nil: undefined }),
    published: moment,
    summary: text,
    severity: fc.record(
      {
        level,
        by: fc.constantFrom("distro", "cvss", "database"),
        score: fc.integer({ min: 0, max: 100 }).map((tenths) => tenths / 10),
        vector: fc.constantFrom("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H", "CVSS:4.0/AV:N", "AV:N/AC:L"),
      },
      { requiredKeys: ["level", "by"] },
    ),
    judgement: fc.constantFrom("no-dsa", "end-of-life"),
    malicious: fc.boolean(),
    exploited: fc.record({ since: fc.integer({ min: 0, max: at }), due: moment }),
    epss: fc.integer({ min: 0, max: 1000 }).map((share) => share / 1000),
    layer: digest,
    path: text,
    purl: text,
    remedy,
    ignored: fc.record({
      from: fc.constantFrom("vex" as const, "ignore" as const),
      by: text,
      reason: text,
      until: moment,
      status: fc.constantFrom("not_affected" as const, "fixed" as const),
      justification: fc.constantFrom("component_not_present", "inline_mitigations_already_exist", "what"),
    }),
    stated: fc.record({ status: fc.constantFrom("affected", "under_investigation"), by: text, text }),
  },
  {
    requiredKeys: [
      "id", "aliases", "upstream", "package", "type", "architecture", "source", "version", "state", "fixed", "published", "summary", "purl", "remedy",
    ],
  },
);
const platform = fc
  .record<ScanPlatform>({
    platform: fc.option(fc.constantFrom("linux/amd64", "linux/arm64"), { nil: undefined }),
    os: fc.option(fc.record({ id: text, versionId: text, codename: text, prettyName: text }), { nil: undefined }),
    packages: fc.array(
      fc.record({ name, version: text, source: text, purl: text, path: fc.option(text, { nil: undefined }) }).map((more) => {
        const { path, ...rest } = more;
        return makePackage({ ...rest, ...(path === undefined ? {} : { path }) });
      }),
      { maxLength: 4 },
    ),
    state: fc.constantFrom("known", "unknown"),
    reasons: fc.array(text, { maxLength: 3 }),
    findings: fc.array(finding, { maxLength: 6 }),
  })
  .map((one) => ({ ...one, findings: one.findings.toSorted(compareFindings) }));

/** Any report, of the strangest texts that an image, a feed or a person could bring. */
export const anyScan: fc.Arbitrary<JudgedScan> = fc
  .record<ScanReport>({
    subject: fc.record({
      kind: fc.constantFrom("image", "directory", "sbom"),
      name: text,
      digest: fc.option(digest, { nil: undefined }),
    }),
    at: fc.constant(at),
    feeds: fc.array(fc.record({ name: text, newest: moment, checked: moment, alarm: fc.option(text, { nil: undefined }) }), {
      maxLength: 2,
    }),
    platforms: fc.array(platform, { maxLength: 3 }),
    notes: fc.array(text, { maxLength: 2 }),
  })
  .chain((report) =>
    fc.boolean().map((isJudged) => judged(report, isJudged ? report.platforms.flatMap(({ findings }) => findings.slice(0, 2)) : [])),
  );
