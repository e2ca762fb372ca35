import type { Finding } from "../advisory/index.ts";
import type { InstalledPackage, PackageType } from "../inventory/index.ts";
import { rangeSchemes, versionSchemes, type RangeScheme, type VersionScheme } from "../version/index.ts";
import type { SourceCure } from "./facts.ts";
import type { PackageJudge } from "./judge-packages.ts";
import { planSourceCure, type Demand } from "./plan-source-cure.ts";

const schemes: Readonly<Record<string, VersionScheme>> = versionSchemes;
const ranges: Readonly<Record<string, RangeScheme>> = rangeSchemes;

/** How the source of an installed package of a language is cured of a finding, by what its advisories name and who asks for it. */
export function cureSource(
  finding: Finding,
  entry: InstalledPackage | undefined,
  judge: PackageJudge,
  demands: readonly Demand[],
): SourceCure {
  const scheme = Object.hasOwn(schemes, finding.type) ? schemes[finding.type] : undefined;
  if (entry === undefined || scheme === undefined)
    return { kind: "none", reason: `nobody knows how versions of ${finding.package} are ordered` };
  return planSourceCure(finding, {
    type: finding.type,
    installed: entry.version,
    fixes: judge.fixesOf(entry),
    scheme,
    openAt: (version) => judge.openAt(entry, { version, sourceVersion: version }),
    allows: (range, version) => isAllowed(finding.type, range, version),
    file: finding.path,
    demands,
  });
}

/** Whether `version` is in `range` as packages of `type` declare what they need; undefined where the range is none: a tag, an address, a path. */
export function isAllowed(type: PackageType, range: string, version: string): boolean | undefined {
  const scheme = Object.hasOwn(ranges, type) ? ranges[type] : undefined;
  const versions = Object.hasOwn(schemes, type) ? schemes[type] : undefined;
  const parsed = versions?.parse(version);
  const wanted = scheme?.parse(range);
  return parsed === undefined || wanted === undefined ? undefined : scheme?.isIn(parsed, wanted);
}
