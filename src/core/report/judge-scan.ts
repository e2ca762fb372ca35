import type { Finding } from "../advisory/index.ts";
import type { Instant } from "../../lib/index.ts";
import { levelOf, severityOrder } from "./order-findings.ts";
import type { FailRule, FailTerm } from "./parse-fail-on.ts";
import type { ScanFinding, ScanReport, ScanVerdict } from "./types.ts";

export interface ScanPolicy {
  /** One broken rule is enough. Without any there is no policy. */
  readonly rules: readonly FailRule[];
  /** Whether what could not be told is let pass. */
  readonly allowUnknown: boolean;
  /** With it only findings that this holds of count: what is new since another scan. */
  readonly only?: ReadonlySet<ScanFinding>;
}

const shownIds = 3;

/**
 * What `policy` says of `report` at `now`. What a person or a VEX statement set aside does not count. A platform whose state is unknown fails whatever the rules:
 * nothing that could not be told passes unless `allowUnknown` says so.
 */
export function judgeScan(report: ScanReport, policy: ScanPolicy, now: Instant): ScanVerdict {
  if (policy.rules.length === 0) return { kind: "none" };
  const reasons: string[] = [];
  const hits = new Set<ScanFinding>();
  const counted = report.platforms
    .flatMap(({ findings }) => findings)
    .filter((finding) => finding.ignored === undefined && (policy.only?.has(finding) ?? true));
  for (const rule of policy.rules) {
    const broken = counted.filter((finding) => breaksRule(rule, finding, now));
    for (const finding of broken) hits.add(finding);
    if (broken.length > 0) reasons.push(`${rule.text}: ${namesOf(broken)}`);
  }
  if (!policy.allowUnknown)
    for (const { platform, state, reasons: unknown } of report.platforms)
      if (state === "unknown")
        reasons.push(`unknown${platform === undefined ? "" : ` (${platform})`}: ${unknown.slice(0, 3).join("; ")}`);
  if (!policy.allowUnknown && report.platforms.length === 0) reasons.push("unknown: nothing could be looked at");
  const isRated = policy.rules.some(({ terms }) => terms.some(({ kind }) => kind === "severity"));
  const unrated = isRated ? counted.filter((one) => one.severity === undefined && !hits.has(one)).length : 0;
  return { kind: reasons.length === 0 ? "passed" : "failed", reasons, hits, unrated };
}

/** Whether all terms of a rule are true of a finding at `now`. */
export function breaksRule(rule: FailRule, finding: Finding, now: Instant): boolean {
  return rule.terms.every((term) => holds(term, finding, now));
}

function holds(term: FailTerm, finding: Finding, now: Instant): boolean {
  switch (term.kind) {
    case "any":
      return true;
    case "severity":
      return (
        finding.malicious === true ||
        (finding.severity !== undefined &&
          severityOrder.indexOf(levelOf(finding)) <= severityOrder.indexOf(term.atLeast))
      );
    case "unrated":
      return finding.severity === undefined;
    case "kev":
      return finding.exploited !== undefined;
    case "malware":
      return finding.malicious === true;
    case "fixable":
      return finding.fixed !== undefined;
    case "age":
      // When it was published is unknown: it may be as old as that.
      return finding.published === undefined || now - finding.published >= term.ms;
    case "epss":
      return finding.epss !== undefined && finding.epss >= term.atLeast;
  }
}

function namesOf(findings: readonly ScanFinding[]): string {
  const names = [...new Set(findings.map(({ id, package: name }) => `${id} in ${name}`))];
  const more = names.length - shownIds;
  return `${names.slice(0, shownIds).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
