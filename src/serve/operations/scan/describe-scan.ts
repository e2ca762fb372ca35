import {
  describeRemedy,
  remedyGroup,
  type JudgedScan,
  type ScanComparison,
  type ScanFinding,
  type ScanReport,
} from "../../../core/report/index.ts";
import { viewBump } from "../describe-remedies.ts";
import type { Remedy } from "../../../core/remedy/index.ts";
import { printable, type Instant } from "../../../lib/index.ts";
import { formatInstant, type Scan, type ScanFindingView } from "../../../operation/index.ts";

const maxReasons = 200;

/** A judged report in the shape of the contract. */
export function describeScan(
  { report, verdict }: JudgedScan,
  comparison: { readonly before: ScanReport; readonly found: ScanComparison } | undefined,
  documents: Scan["documents"],
): Scan {
  const { subject, at, feeds, platforms, notes } = report;
  const isHit = (finding: ScanFinding): boolean => verdict.kind !== "none" && verdict.hits.has(finding);
  const view = (finding: ScanFinding) => describeFinding(finding, isHit(finding));
  return {
    subject: subject.name,
    kind: subject.kind,
    digest: subject.digest ?? null,
    at: formatInstant(at),
    feeds: feeds.map(({ name, newest, checked, alarm }) => ({
      name,
      newest: instantOf(newest),
      checked: instantOf(checked),
      alarm: alarm ?? null,
    })),
    platforms: platforms.map(({ platform, os, state, reasons, packages, findings }) => ({
      platform: platform ?? null,
      os: os === undefined ? null : printable((os.prettyName ?? `${os.id} ${os.versionId ?? ""}`).trim().slice(0, 200)),
      state,
      reasons: atMost(reasons),
      packages: packages.length,
      findings: findings.map(view),
    })),
    notes: atMost(notes),
    verdict:
      verdict.kind === "none"
        ? { kind: "none", reasons: [], unrated: 0 }
        : { kind: verdict.kind, reasons: [...verdict.reasons], unrated: verdict.unrated },
    comparison:
      comparison === undefined
        ? null
        : {
            against: comparison.before.subject.name,
            digest: comparison.before.subject.digest ?? null,
            added: comparison.found.added.map(view),
            gone: comparison.found.gone.map(view),
            stayed: comparison.found.stayed.length,
            doubts: atMost(comparison.found.doubts),
          },
    documents,
  };
}

function describeFinding(finding: ScanFinding, hit: boolean): ScanFindingView {
  const { severity, exploited, ignored, stated, remedy } = finding;
  return {
    id: finding.id,
    aliases: [...finding.aliases],
    upstream: [...finding.upstream],
    summary: finding.summary,
    package: finding.package,
    type: finding.type,
    architecture: finding.architecture,
    source: finding.source,
    version: finding.version,
    purl: finding.purl,
    state: finding.state,
    fixed: finding.fixed ?? null,
    severity:
      severity === undefined
        ? null
        : { level: severity.level, by: severity.by, score: severity.score ?? null, vector: severity.vector ?? null },
    judgement: finding.judgement ?? null,
    malicious: finding.malicious === true,
    exploited:
      exploited === undefined ? null : { since: formatInstant(exploited.since), due: instantOf(exploited.due) },
    epss: finding.epss ?? null,
    published: instantOf(finding.published),
    layer: finding.layer ?? null,
    path: finding.path ?? null,
    remedy: remedyView(remedy),
    ignored:
      ignored === undefined
        ? null
        : {
            from: ignored.from,
            by: ignored.by,
            reason: ignored.reason,
            until: instantOf(ignored.until),
            status: ignored.status ?? null,
            justification: ignored.justification ?? null,
          },
    stated: stated ?? null,
    hit,
  };
}

function remedyView(remedy: Remedy): ScanFindingView["remedy"] {
  const offered = "offered" in remedy ? remedy.offered : undefined;
  const since = remedy.kind === "wait-upstream" ? remedy.since : offered?.since;
  return {
    kind: remedy.kind,
    summary: describeRemedy(remedy),
    group: remedyGroup(remedy),
    image: "image" in remedy ? remedy.image : null,
    version: offered?.version ?? null,
    from: offered?.from ?? null,
    since: instantOf(since),
    ...viewBump(remedy),
  };
}

function instantOf(at: Instant | undefined): string | null {
  return at === undefined ? null : formatInstant(at);
}

function atMost(lines: readonly string[]): string[] {
  if (lines.length <= maxReasons) return [...lines];
  return [...lines.slice(0, maxReasons), `and ${lines.length - maxReasons} more`];
}
