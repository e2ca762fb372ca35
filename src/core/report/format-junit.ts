import { printable } from "../../lib/index.ts";
import { describeRemedy } from "./describe-remedy.ts";
import { levelOf } from "./order-findings.ts";
import type { JudgedScan, ScanFinding, ScanPlatform } from "./types.ts";

const longest = 4000;

interface Case {
  readonly className: string;
  readonly name: string;
  readonly outcome: "passed" | "failure" | "error" | "skipped";
  readonly type: string;
  readonly message: string;
}

/**
 * A scan as JUnit XML: a suite a platform, a case a finding. With a policy those that it hits fail, without one all do; what is set aside is skipped; what could not be told is an error.
 * The shape is that of Ant's junit task, as CI systems read it.
 */
export function formatJunit(scan: JudgedScan): string {
  const { report } = scan;
  const suites = report.platforms.map((platform) => ({ platform, cases: casesOf(platform, scan) }));
  const all = suites.flatMap(({ cases }) => cases);
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="tidemill scan" ${counts(all)}>`,
    ...suites.flatMap(({ platform, cases }) => [
      `  <testsuite name="${attribute(suiteName(report.subject.name, platform))}" ${counts(cases)} timestamp="${new Date(report.at).toISOString().slice(0, 19)}">`,
      ...cases.flatMap(caseLines),
      "  </testsuite>",
    ]),
    "</testsuites>",
  ];
  return `${lines.join("\n")}\n`;
}

function casesOf(platform: ScanPlatform, { verdict }: JudgedScan): Case[] {
  const unknown = platform.reasons.map((reason): Case => ({
    className: "tidemill",
    name: `unknown: ${reason}`,
    outcome: "error",
    type: "unknown",
    message: `${reason}: what is not listed is not known, not clean`,
  }));
  const findings = platform.findings.map((finding): Case => {
    const isHit = verdict.kind === "none" || verdict.hits.has(finding);
    const outcome = finding.ignored !== undefined ? "skipped" : isHit ? "failure" : "passed";
    return {
      className: `${finding.type}.${finding.package}@${finding.version}`,
      name: `${finding.id} (${levelOf(finding)})`,
      outcome,
      type: levelOf(finding),
      message: messageOf(finding),
    };
  });
  const cases = [...unknown, ...findings];
  if (cases.length > 0) return cases;
  const clean: Case = {
    className: "tidemill",
    name: "no known vulnerability",
    outcome: "passed",
    type: "",
    message: `${platform.packages.length} packages were looked up`,
  };
  return [clean];
}

function messageOf(finding: ScanFinding): string {
  const { ignored, fixed, summary } = finding;
  if (ignored !== undefined) return `set aside by ${ignored.by}: ${ignored.reason}`;
  const cured = fixed === undefined ? "no version that cures it is known" : `cured in ${fixed}`;
  return `${summary === "" ? finding.id : summary}; ${cured}; ${describeRemedy(finding.remedy)}`;
}

function caseLines({ className, name, outcome, type, message }: Case): string[] {
  const open = `    <testcase classname="${attribute(className)}" name="${attribute(name)}" time="0"`;
  if (outcome === "passed" && type === "") return [`${open}/>`];
  const inner =
    outcome === "passed"
      ? `<system-out>${attribute(message)}</system-out>`
      : outcome === "skipped"
        ? `<skipped message="${attribute(message)}"/>`
        : `<${outcome} type="${attribute(type)}" message="${attribute(message)}"/>`;
  return [`${open}>`, `      ${inner}`, "    </testcase>"];
}

function counts(cases: readonly Case[]): string {
  const count = (outcome: Case["outcome"]) => cases.filter((one) => one.outcome === outcome).length;
  return `tests="${cases.length}" failures="${count("failure")}" errors="${count("error")}" skipped="${count("skipped")}" time="0"`;
}

function suiteName(subject: string, { platform }: ScanPlatform): string {
  return platform === undefined ? subject : `${subject} ${platform}`;
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
};

/** Text of somebody else as XML, in an attribute or between tags. XML 1.0, 2.2: what is no character there is shown, not kept. */
function attribute(value: string): string {
  return printable(value.slice(0, longest))
    .replaceAll(/[\ufffe\uffff]/g, (character) => `\\u{${character.charCodeAt(0).toString(16)}}`)
    .replaceAll(/[&<>"']/g, (character) => entities[character] ?? "");
}
