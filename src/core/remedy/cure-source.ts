import type { Finding } from "../advisory/index.ts";
import type { InstalledPackage, PackageType } from "../inventory/index.ts";
import { rangeSchemes, versionSchemes, type RangeScheme, type VersionScheme } from "../version/index.ts";
import type { SourceCure } from "./facts.ts";
import type { PackageJudge } from "./judge-packages.ts";
import type { Demands } from "./demands.ts";
import { planSourceCure } from "./plan-source-cure.ts";

const schemes: Readonly<Record<string, VersionScheme>> = versionSchemes;
const ranges: Readonly<Record<string, RangeScheme>> = rangeSchemes;

/** How the source of an installed package of a language is cured of a finding, by what its advisories name and who asks for it. */
export function cureSource(
  finding: Finding,
  entry: InstalledPackage | undefined,
  judge: PackageJudge,
  demands: Demands,
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
    allows: createAllows(finding.type),
    file: finding.path,
    demands,
  });
}

const mostParsed = 10_000;

/** Tells whether a version is in a range as packages of `type` declare what they need; undefined where the range is none: a tag, an address, a path. Each is parsed once. */
export function createAllows(type: PackageType): (range: string, version: string) => boolean | undefined {
  const scheme = Object.hasOwn(ranges, type) ? ranges[type] : undefined;
  const versions = Object.hasOwn(schemes, type) ? schemes[type] : undefined;
  const parseRange = remembering((text) => scheme?.parse(text));
  const parseVersion = remembering((text) => versions?.parse(text));
  return (range, version) => {
    const [parsed, wanted] = [parseVersion(version), parseRange(range)];
    return parsed === undefined || wanted === undefined ? undefined : scheme?.isIn(parsed, wanted);
  };
}

function remembering<T>(parse: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    const before = known.get(text);
    if (before !== undefined || known.has(text)) return before as T;
    const parsed = parse(text);
    if (known.size >= mostParsed) known.clear();
    known.set(text, parsed);
    return parsed;
  };
}
