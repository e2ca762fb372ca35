import { digestHex, printable, sha256 } from "../../lib/index.ts";
import { describeRemedy } from "./describe-remedy.ts";
import { levelOf } from "./order-findings.ts";
import type { JudgedScan, ScanFinding, ScanPlatform } from "./types.ts";

/** What code scanning sorts by where a finding has no CVSS score: the middle of each level. CVSS 3.1 specification, 5. */
const scoreOfLevel = { critical: 9.5, high: 8, medium: 5.5, low: 2, none: 0, unrated: undefined } as const;
const longest = 4000;

/**
 * A scan as SARIF 2.1.0: a rule for each vulnerability, a result for each package that has it, located at the file that tells of the package (logically by its purl and layer). What is set aside is
 * there with a suppression; what could not be told is a notification. Fingerprints stay the same from version to version of a package.
 */
export function formatSarif({ report, verdict, version }: JudgedScan): string {
  const rules = new Map<string, { readonly index: number; readonly rule: object }>();
  const results = report.platforms.flatMap((platform) =>
    platform.findings.map((finding) => {
      const known = rules.get(finding.id);
      const index = known?.index ?? rules.size;
      if (known === undefined) rules.set(finding.id, { index, rule: ruleOf(finding) });
      return resultOf(
        finding,
        platform,
        report.subject.name,
        index,
        verdict.kind !== "none" && verdict.hits.has(finding),
      );
    }),
  );
  const notifications = [
    ...report.platforms.flatMap(({ platform, reasons }) =>
      reasons.map((reason) => notification("warning", platform === undefined ? reason : `${platform}: ${reason}`)),
    ),
    ...report.feeds.flatMap(({ name, alarm }) =>
      alarm === undefined ? [] : [notification("warning", `${name}: ${alarm}`)],
    ),
    ...report.notes.map((note) => notification("note", note)),
  ];
  const log = {
    $schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "Tidemill",
            version,
            semanticVersion: version,
            rules: [...rules.values()].map(({ rule }) => rule),
          },
        },
        automationDetails: { id: `tidemill/scan/${text(report.subject.name)}/` },
        invocations: [
          {
            executionSuccessful: true,
            endTimeUtc: new Date(report.at).toISOString(),
            toolExecutionNotifications: notifications,
          },
        ],
        columnKind: "utf16CodeUnits",
        results,
        properties: {
          subject: text(report.subject.name),
          kind: report.subject.kind,
          digest: report.subject.digest ?? null,
          platforms: report.platforms.map(({ platform, state, packages }) => ({
            platform: platform ?? null,
            state,
            packages: packages.length,
          })),
          verdict: verdict.kind,
        },
      },
    ],
  };
  return `${JSON.stringify(log, undefined, 2)}\n`;
}

function ruleOf(finding: ScanFinding): object {
  const { id, summary, severity, aliases } = finding;
  const level = levelOf(finding);
  const score = severity?.score ?? scoreOfLevel[level];
  const names = aliases.length === 0 ? "" : ` Also known as ${aliases.join(", ")}.`;
  return {
    id: text(id),
    shortDescription: { text: text(summary === "" ? id : summary) },
    fullDescription: { text: text(`${id}${summary === "" ? "" : `: ${summary}`}.${names}`) },
    help: { text: text(`${id} is rated ${level}.${names} Each result says what cures it.`) },
    defaultConfiguration: { level: sarifLevel(finding) },
    properties: {
      tags: ["security", "vulnerability", level],
      ...(score === undefined ? {} : { "security-severity": score.toFixed(1) }),
      ...(severity?.vector === undefined ? {} : { cvss: text(severity.vector) }),
      aliases: aliases.map(text),
    },
  };
}

function resultOf(
  finding: ScanFinding,
  { platform, os }: ScanPlatform,
  subject: string,
  ruleIndex: number,
  isHit: boolean,
): object {
  const { id, version, fixed, path, layer, purl, ignored, exploited, epss, malicious, judgement } = finding;
  const cure = describeRemedy(finding.remedy);
  const release = os?.prettyName ?? os?.id;
  return {
    ruleId: text(id),
    ruleIndex,
    level: sarifLevel(finding),
    kind: "fail",
    message: {
      text: text(
        `${finding.package} ${version} ${finding.state === "unknown" ? "may be" : "is"} affected by ${id}` +
          `${fixed === undefined ? "; no version that cures it is known" : `, cured in ${fixed}`}. Cure: ${cure}.`,
      ),
    },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: uriOf(path ?? databaseOf(finding)) },
          region: { startLine: 1, startColumn: 1, endLine: 1, endColumn: 1 },
        },
        logicalLocations: [
          { name: text(finding.package), fullyQualifiedName: text(purl), kind: "module" },
          ...(layer === undefined
            ? []
            : [{ name: layer, fullyQualifiedName: `${text(subject)}@${layer}`, kind: "namespace" }]),
        ],
      },
    ],
    partialFingerprints: { "tidemillFinding/v1": fingerprint(finding, platform) },
    ...(ignored === undefined
      ? {}
      : {
          suppressions: [
            { kind: "external", status: "accepted", justification: text(`${ignored.by}: ${ignored.reason}`) },
          ],
        }),
    properties: {
      package: text(finding.package),
      type: finding.type,
      installed: text(version),
      fixed: fixed === undefined ? null : text(fixed),
      severity: levelOf(finding),
      purl: text(purl),
      platform: platform ?? null,
      os: release === undefined ? null : text(release),
      layer: layer ?? null,
      remedy: finding.remedy.kind,
      cure: text(cure),
      exploited: exploited !== undefined,
      epss: epss ?? null,
      malicious: malicious === true,
      judgement: judgement ?? null,
      state: finding.state,
      hit: isHit,
    },
  };
}

/** SARIF 2.1.0, 3.27.10. */
function sarifLevel(finding: ScanFinding): "error" | "warning" | "note" {
  if (finding.malicious === true || finding.exploited !== undefined) return "error";
  const level = levelOf(finding);
  if (level === "critical" || level === "high") return "error";
  return level === "medium" || level === "unrated" ? "warning" : "note";
}

/** The same for one vulnerability of one package at one place, whatever its version and whichever scan. */
function fingerprint(
  { id, type, package: name, architecture, path }: ScanFinding,
  platform: string | undefined,
): string {
  return digestHex(sha256(JSON.stringify([id, type, name, architecture, path ?? "", platform ?? ""]))).slice(0, 32);
}

/** Where packages of a distribution are told of: what results are shown at that have no file of their own. */
function databaseOf({ type }: ScanFinding): string {
  if (type === "deb") return "var/lib/dpkg/status";
  if (type === "apk") return "lib/apk/db/installed";
  return type === "rpm" ? "var/lib/rpm" : type;
}

/** A path in the image as a relative URI. RFC 3986, 4.2; SARIF 2.1.0, 3.4.3. */
function uriOf(path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== "." && part !== "..");
  return (
    parts.map((part) => encodeURIComponent(part.toWellFormed()).replace(/[!'()*]/g, percent)).join("/") || "unknown"
  );
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

function notification(level: "warning" | "note", message: string): object {
  return { level, message: { text: text(message) } };
}

/** Text of somebody else: on one line, visible, of bounded length; never empty, as SARIF demands. */
function text(value: string): string {
  return printable(value.slice(0, longest)) || "-";
}
