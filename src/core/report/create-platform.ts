import type { AdvisoryReport, Finding } from "../advisory/index.ts";
import { purlOf, type Inventory } from "../inventory/index.ts";
import type { Remedy } from "../remedy/index.ts";
import { compareFindings } from "./order-findings.ts";
import { noLayer } from "./sbom/sbom-collector.ts";
import type { ScanFinding, ScanPackage, ScanPlatform } from "./types.ts";

export interface PlatformFacts {
  /** `linux/amd64`; undefined for what is of no platform. */
  readonly platform: string | undefined;
  readonly inventory: Inventory;
  readonly advisories: AdvisoryReport;
  readonly remedyOf: (finding: Finding) => Remedy;
}

/** One platform of a report: what it holds, what is wrong with it and what cures that. What could not be read, or looked up, is among the reasons of its state. */
export function createPlatform({ platform, inventory, advisories, remedyOf }: PlatformFacts): ScanPlatform {
  const { os } = inventory;
  const packages = scanPackages(inventory);
  const purls = new Map(
    packages.map((entry) => [keyOf(entry.type, entry.name, entry.architecture, entry.path), entry.purl]),
  );
  const findings = advisories.findings.map(({ layer, ...finding }): ScanFinding => {
    const known = purls.get(keyOf(finding.type, finding.package, finding.architecture, finding.path));
    const place = layer === undefined || layer === noLayer ? {} : { layer };
    return { ...finding, ...place, ...saidOf(finding), purl: known ?? "", remedy: remedyOf({ ...finding, ...place }) };
  });
  const reasons = [...new Set([...inventory.problems, ...advisories.reasons])];
  const state = inventory.status === "complete" && advisories.state === "known" ? "known" : "unknown";
  return { platform, os, packages, state, reasons, findings: findings.sort(compareFindings) };
}

const justifications = new Set([
  "component_not_present",
  "vulnerable_code_not_present",
  "vulnerable_code_not_in_execute_path",
  "vulnerable_code_cannot_be_controlled_by_adversary",
  "inline_mitigations_already_exist",
]);

/** What a VEX statement says of a finding: whether it counts. */
function saidOf({ vex }: Pick<Finding, "vex">): Pick<ScanFinding, "ignored" | "stated"> {
  if (vex === undefined) return {};
  const { status, by, reason, until } = vex;
  if (status === "affected" || status === "under_investigation") return { stated: { status, by, text: reason } };
  const [, label = "", words = ""] = /^([a-z_]+)(?:: (.*))?$/s.exec(reason) ?? [];
  if (!justifications.has(label)) return { ignored: { from: "vex", by, reason, until, status } };
  return { ignored: { from: "vex", by, reason: words, until, status, justification: label } };
}

/** The packages of an inventory, each with its purl. */
export function scanPackages({ packages, os }: Inventory): ScanPackage[] {
  return packages.map((entry) => ({ ...entry, purl: purlOf(entry, os) }));
}

function keyOf(type: string, name: string, architecture: string, path: string | undefined): string {
  return `${type} ${name} ${architecture} ${path ?? ""}`;
}
