import { canonicalJson, type Instant } from "../../lib/index.ts";
import type { Finding } from "./types.ts";

/** A finding of a package that stands open, as it was last written down. */
export interface OpenFinding {
  readonly advisory: string;
  readonly state: Finding["state"];
  readonly fixed: string | null;
  readonly detail: FindingDetail;
  readonly firstSeen: Instant;
  readonly fixedSince: Instant | null;
}

/** What is kept of a finding beside its life. What is known of exploits changes daily and is asked of the feeds. */
export type FindingDetail = Pick<Finding, "aliases" | "upstream"> &
  Partial<Pick<Finding, "severity" | "judgement" | "malicious">> & {
    readonly published: Instant | null;
  };

export type FindingChange =
  | { readonly kind: "opened"; readonly finding: OpenFinding }
  /** The same vulnerability, of which something else is said now; `was` is the id that it was kept under. */
  | { readonly kind: "updated"; readonly was: string; readonly finding: OpenFinding }
  | { readonly kind: "ended"; readonly advisory: string; readonly end: "withdrawn" | "changed" };

/**
 * What has to be written down for a package, of which `open` stood and `found` was found at `now`. One whose id changed, for a better known name came up, goes on. Where the
 * feeds do not speak of where the package comes from, nothing ends: nobody knows. `withdrawn` are the ids that feeds have taken back.
 */
export function planFindingChanges(
  open: readonly OpenFinding[],
  found: {
    readonly findings: readonly Finding[];
    readonly isCovered: boolean;
    readonly withdrawn: ReadonlySet<string>;
  },
  now: Instant,
): FindingChange[] {
  const changes: FindingChange[] = [];
  const left = new Map(open.map((one) => [one.advisory, one]));
  const byId = new Map(found.findings.map((one) => [one.id, one]));
  for (const finding of byId.values()) {
    const known =
      left.get(finding.id) ??
      [...left.values()].find(({ advisory, detail }) => !byId.has(advisory) && isSame(finding, advisory, detail));
    if (known !== undefined) left.delete(known.advisory);
    const next: OpenFinding = {
      advisory: finding.id,
      state: finding.state,
      fixed: finding.fixed ?? null,
      detail: detailOf(finding),
      firstSeen: known?.firstSeen ?? now,
      fixedSince: finding.fixed === undefined ? null : (known?.fixedSince ?? now),
    };
    if (known === undefined) changes.push({ kind: "opened", finding: next });
    else if (canonicalJson(known) !== canonicalJson(next))
      changes.push({ kind: "updated", was: known.advisory, finding: next });
  }
  if (!found.isCovered) return changes;
  for (const { advisory, detail } of left.values()) {
    const isWithdrawn = [advisory, ...detail.aliases, ...detail.upstream].some((id) => found.withdrawn.has(id));
    changes.push({ kind: "ended", advisory, end: isWithdrawn ? "withdrawn" : "changed" });
  }
  return changes;
}

function isSame(finding: Finding, advisory: string, detail: FindingDetail): boolean {
  return finding.aliases.includes(advisory) || detail.aliases.includes(finding.id);
}

function detailOf(finding: Finding): FindingDetail {
  const { aliases, upstream, published, severity, judgement, malicious } = finding;
  return {
    aliases,
    upstream,
    published: published ?? null,
    ...(severity === undefined ? {} : { severity }),
    ...(judgement === undefined ? {} : { judgement }),
    ...(malicious === undefined ? {} : { malicious }),
  };
}
