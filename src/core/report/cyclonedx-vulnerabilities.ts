import { Vulnerability as Words } from "@cyclonedx/cyclonedx-library/Enums";
import { BomRef, Property, PropertyRepository, Vulnerability as Models } from "@cyclonedx/cyclonedx-library/Models";
import { boundVersion, packageRef } from "./bom-parts.ts";
import { describeRemedy } from "./describe-remedy.ts";
import { levelOf } from "./order-findings.ts";
import type { ScanFinding, ScanPlatform } from "./types.ts";

/** OpenVEX's justifications in CycloneDX's words. */
const justifications: Readonly<Record<string, Words.AnalysisJustification>> = {
  component_not_present: Words.AnalysisJustification.CodeNotPresent,
  vulnerable_code_not_present: Words.AnalysisJustification.CodeNotPresent,
  vulnerable_code_not_in_execute_path: Words.AnalysisJustification.CodeNotReachable,
  vulnerable_code_cannot_be_controlled_by_adversary: Words.AnalysisJustification.RequiresEnvironment,
  inline_mitigations_already_exist: Words.AnalysisJustification.ProtectedByMitigatingControl,
};

interface Group {
  readonly finding: ScanFinding;
  readonly analysis: AnalysisParts;
  readonly places: { readonly finding: ScanFinding; readonly platform: ScanPlatform }[];
}

interface AnalysisParts {
  readonly state: Words.AnalysisState;
  readonly justification?: Words.AnalysisJustification;
  readonly response: readonly Words.AnalysisResponse[];
  readonly detail: string;
}

/** One vulnerability for each id and analysis, with all packages that it touches. CycloneDX 1.6, vulnerabilities. */
export function vulnerabilitiesOf(platforms: readonly ScanPlatform[]): Models.Vulnerability[] {
  const groups = new Map<string, Group>();
  for (const platform of platforms)
    for (const finding of platform.findings) {
      const analysis = analysisOf(finding);
      const key = JSON.stringify([finding.id, analysis]);
      const group = groups.get(key) ?? { finding, analysis, places: [] };
      group.places.push({ finding, platform });
      groups.set(key, group);
    }
  return [...groups.values()].map(vulnerabilityOf);
}

function vulnerabilityOf({ finding, analysis, places }: Group, index: number): Models.Vulnerability {
  const { state, justification, response, detail } = analysis;
  const { id, aliases, summary, published, severity, exploited, epss, malicious } = finding;
  const cures = [...new Set(places.map((place) => describeRemedy(place.finding.remedy)))];
  const versions = Map.groupBy(places, (place) => refOf(place));
  return new Models.Vulnerability({
    bomRef: `vulnerability-${index + 1}#${id}`,
    id,
    references: new Models.ReferenceRepository(
      aliases.map((alias) => new Models.Reference(alias, new Models.Source({ name: alias.split("-")[0] ?? alias }))),
    ),
    ratings: new Models.RatingRepository([ratingOf(finding)]),
    ...(summary === "" ? {} : { description: summary }),
    recommendation: cures.join("; "),
    ...(published === undefined ? {} : { published: new Date(published) }),
    analysis: new Models.Analysis({
      state,
      ...(justification === undefined ? {} : { justification }),
      response: new Words.AnalysisResponseRepository(response),
      detail,
    }),
    affects: new Models.AffectRepository(
      [...versions].map(
        ([ref, same]) =>
          new Models.Affect(new BomRef(ref), {
            versions: new Models.AffectedVersionRepository(
              [...new Set(same.map((place) => installedOf(place)))].map(
                (version) => new Models.AffectedSingleVersion(version, { status: statusOf(finding) }),
              ),
            ),
          }),
      ),
    ),
    properties: new PropertyRepository([
      ...(severity === undefined ? [] : [new Property("tidemill:severityBy", severity.by)]),
      ...(exploited === undefined
        ? []
        : [new Property("tidemill:exploitedSince", new Date(exploited.since).toISOString())]),
      ...(epss === undefined ? [] : [new Property("tidemill:epss", String(epss))]),
      ...(malicious === true ? [new Property("tidemill:malicious", "true")] : []),
      ...[...new Set(places.map((place) => place.finding.fixed ?? ""))]
        .filter((fixed) => fixed !== "")
        .map((fixed) => new Property("tidemill:fixed", fixed)),
    ]),
  });
}

function statusOf({ ignored, state }: ScanFinding): Words.AffectStatus {
  if (ignored?.from === "vex") return Words.AffectStatus.Unaffected;
  return state === "unknown" ? Words.AffectStatus.Unknown : Words.AffectStatus.Affected;
}

function packageAt({ finding, platform }: Group["places"][number]) {
  return platform.packages.find(
    (entry) =>
      entry.type === finding.type &&
      entry.name === finding.package &&
      entry.architecture === finding.architecture &&
      entry.path === finding.path &&
      entry.purl === finding.purl,
  );
}

function refOf(place: Group["places"][number]): string {
  const entry = packageAt(place);
  return entry === undefined ? place.finding.purl || "-" : packageRef(entry, place.platform.platform);
}

/** Version of the component that the reference names, which for a distribution's package is not its source's. */
function installedOf(place: Group["places"][number]): string {
  return boundVersion(packageAt(place)?.version ?? place.finding.version);
}

function analysisOf({ ignored, stated, fixed }: ScanFinding): AnalysisParts {
  const response = fixed === undefined ? [] : [Words.AnalysisResponse.Update];
  if (ignored?.from === "vex") {
    const justification = justifications[ignored.justification ?? ""];
    const state = ignored.status === "fixed" ? Words.AnalysisState.Resolved : Words.AnalysisState.NotAffected;
    return {
      state,
      ...(justification === undefined ? {} : { justification }),
      response: [],
      detail: `${ignored.by}: ${ignored.reason}`,
    };
  }
  if (ignored !== undefined) {
    const until = ignored.until === undefined ? "" : ` (until ${new Date(ignored.until).toISOString().slice(0, 10)})`;
    return {
      state: Words.AnalysisState.Exploitable,
      response: [Words.AnalysisResponse.WillNotFix],
      detail: `accepted by ${ignored.by}: ${ignored.reason}${until}`,
    };
  }
  const state = stated?.status === "affected" ? Words.AnalysisState.Exploitable : Words.AnalysisState.InTriage;
  return { state, response, detail: stated === undefined ? "found by a scan" : `${stated.by}: ${stated.text}` };
}

function ratingOf(finding: ScanFinding): Models.Rating {
  const { severity } = finding;
  const level = levelOf(finding);
  const method = severity?.vector === undefined ? undefined : methodOf(severity.vector);
  return new Models.Rating({
    severity:
      level === "unrated"
        ? Words.Severity.Unknown
        : level === "none"
          ? Words.Severity.None
          : Words.Severity[titleOf(level)],
    ...(severity?.score === undefined ? {} : { score: severity.score }),
    ...(severity?.vector === undefined ? {} : { vector: severity.vector }),
    ...(method === undefined ? {} : { method }),
  });
}

function titleOf(level: "critical" | "high" | "medium" | "low"): "Critical" | "High" | "Medium" | "Low" {
  const titles = { critical: "Critical", high: "High", medium: "Medium", low: "Low" } as const;
  return titles[level];
}

function methodOf(vector: string): Words.RatingMethod {
  if (vector.startsWith("CVSS:4.")) return Words.RatingMethod.CVSSv4;
  if (vector.startsWith("CVSS:3.1/")) return Words.RatingMethod.CVSSv31;
  if (vector.startsWith("CVSS:3.0/")) return Words.RatingMethod.CVSSv3;
  return vector.startsWith("AV:") ? Words.RatingMethod.CVSSv2 : Words.RatingMethod.Other;
}
