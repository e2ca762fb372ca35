import type { Finding, Severity } from "../advisory/index.ts";
import type { PackageType } from "../inventory/index.ts";
import { canonicalJson } from "../../lib/index.ts";
import type { Remedy } from "./types.ts";

export type SeverityLevel = Severity["level"] | "unknown";

/** A finding as it is named to people. */
export interface NamedFinding {
  readonly id: string;
  readonly severity: SeverityLevel;
  readonly exploited: boolean;
  /** The version that it is called fixed in. */
  readonly fixed: string | undefined;
}

/** Findings of one image that the same deed cures. */
export interface Cure {
  /** Ids of the findings, the worst first; at most twenty. */
  readonly ids: readonly string[];
  /** The same findings in the same order; of a state that an older Tidemill wrote it is missing. */
  readonly named?: readonly NamedFinding[];
  /** How many there are. */
  readonly findings: number;
  readonly source: string;
  readonly packages: readonly string[];
  readonly architectures: readonly string[];
  readonly type: PackageType;
  /** Installed version of the source. */
  readonly version: string;
  readonly path: string | undefined;
  /** Of the worst. */
  readonly severity: SeverityLevel;
  readonly exploited: boolean;
  readonly remedy: Remedy;
}

const mostIds = 20;
const levels: readonly SeverityLevel[] = ["critical", "high", "medium", "low", "none", "unknown"];

/** Puts together what is cured together: what is of one source, at one place, by one deed. The worst first; what is known to be exploited before all else. */
export function groupCures(findings: readonly { readonly finding: Finding; readonly remedy: Remedy }[]): Cure[] {
  const sorted = findings.toSorted((a, b) => compareFindings(a.finding, b.finding));
  const groups = Map.groupBy(sorted, ({ finding: { type, source, version, path }, remedy }) =>
    canonicalJson([type, source, version, path ?? null, deedOf(remedy)]),
  );
  return [...groups.values()].flatMap((all): Cure[] => {
    const [first] = all;
    if (first === undefined) return [];
    const ids = [...new Set(all.map(({ finding }) => finding.id))];
    const { type, source, version, path } = first.finding;
    return [
      {
        ids: ids.slice(0, mostIds),
        named: nameFindings(all.map(({ finding }) => finding)).slice(0, mostIds),
        findings: ids.length,
        source,
        packages: [...new Set(all.map(({ finding }) => finding.package))].sort(),
        architectures: [...new Set(all.map(({ finding }) => finding.architecture))].sort(),
        type,
        version,
        path,
        severity: first.finding.severity?.level ?? "unknown",
        exploited: all.some(({ finding }) => finding.exploited !== undefined),
        remedy: first.remedy,
      },
    ];
  });
}

/** Each id once. */
function nameFindings(findings: readonly Finding[]): NamedFinding[] {
  const byId = Map.groupBy(findings, ({ id }) => id);
  return [...byId].map(([id, all]) => ({
    id,
    severity: all[0]?.severity?.level ?? "unknown",
    exploited: all.some(({ exploited }) => exploited !== undefined),
    fixed: all[0]?.fixed,
  }));
}

/** What is known to be exploited comes first, then by severity, package and id. */
export function compareFindings(a: Finding, b: Finding): number {
  return (
    Number(b.exploited !== undefined) - Number(a.exploited !== undefined) ||
    rankOf(a) - rankOf(b) ||
    compare(a.package, b.package) ||
    compare(a.id, b.id) ||
    compare(a.path ?? "", b.path ?? "")
  );
}

function rankOf({ severity }: Finding): number {
  return levels.indexOf(severity?.level ?? "unknown");
}

/** What tells two deeds apart: why nothing is to be had does not. */
function deedOf(remedy: Remedy): readonly (string | null)[] {
  switch (remedy.kind) {
    case "rebase":
      return [remedy.kind, remedy.image, remedy.onto ?? null, remedy.offered.version ?? null];
    case "rebuild":
    case "patch":
    case "bump-source":
      return [remedy.kind, remedy.image, remedy.offered.version ?? null];
    case "wait-upstream":
      return [remedy.kind, remedy.reason];
    case "replace-base":
      return [remedy.kind, remedy.image];
    case "accepted":
      return [remedy.kind, remedy.by, remedy.reason, `${remedy.until ?? ""}`];
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
