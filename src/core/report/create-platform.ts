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
    return { ...finding, ...place, purl: known ?? "", remedy: remedyOf({ ...finding, ...place }) };
  });
  const reasons = [...new Set([...inventory.problems, ...advisories.reasons])];
  const state = inventory.status === "complete" && advisories.state === "known" ? "known" : "unknown";
  return { platform, os, packages, state, reasons, findings: findings.sort(compareFindings) };
}

/** The packages of an inventory, each with its purl. */
export function scanPackages({ packages, os }: Inventory): ScanPackage[] {
  return packages.map((entry) => ({ ...entry, purl: purlOf(entry, os) }));
}

function keyOf(type: string, name: string, architecture: string, path: string | undefined): string {
  return `${type} ${name} ${architecture} ${path ?? ""}`;
}
