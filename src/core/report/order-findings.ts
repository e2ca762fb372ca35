import type { Severity } from "../advisory/index.ts";
import type { ScanFinding } from "./types.ts";

export type SeverityLevel = Severity["level"];

/** The worst first; what nobody rated comes after `low`, before `none`: it may be anything. */
export const severityOrder = ["critical", "high", "medium", "low", "unrated", "none"] as const;

/** How bad a finding is, in a word. */
export function levelOf({ severity }: Pick<ScanFinding, "severity">): (typeof severityOrder)[number] {
  return severity?.level ?? "unrated";
}

/** Order of two findings: malware and what is exploited first, then by severity and score, then by package and id. */
export function compareFindings(a: ScanFinding, b: ScanFinding): number {
  return (
    urgency(a) - urgency(b) ||
    severityOrder.indexOf(levelOf(a)) - severityOrder.indexOf(levelOf(b)) ||
    (b.severity?.score ?? 0) - (a.severity?.score ?? 0) ||
    (b.epss ?? 0) - (a.epss ?? 0) ||
    compareText(a.package, b.package) ||
    compareText(a.id, b.id) ||
    compareText(a.path ?? "", b.path ?? "") ||
    compareText(a.architecture, b.architecture)
  );
}

/** How many findings there are of each level, the worst first; levels without any are left out. */
export function countLevels(findings: readonly ScanFinding[]): { level: string; count: number }[] {
  return severityOrder.flatMap((level) => {
    const count = findings.filter((finding) => levelOf(finding) === level).length;
    return count === 0 ? [] : [{ level, count }];
  });
}

function urgency(finding: ScanFinding): number {
  if (finding.malicious === true) return 0;
  return finding.exploited === undefined ? 2 : 1;
}

export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
