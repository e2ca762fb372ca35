import { digestHex, sha256 } from "../../lib/index.ts";
import {
  contentKey,
  distinctPlatforms,
  orderPackages,
  packageFacts,
  uuidOf,
  visibleJson,
  type BomInput,
  type BomPlatform,
} from "./bom-parts.ts";
import type { ScanPackage } from "./types.ts";

const nothing = "NOASSERTION";

/**
 * An inventory as SPDX 2.3 JSON: the subject contains its packages, each with its purl. The same input gives the same bytes: where it is not known when the subject was made, the date is that of
 * the epoch, for SPDX demands one. SPDX 2.3, 6 and 7.
 */
export function formatSpdx(input: BomInput): string {
  const { subject, version, created } = input;
  const platforms = distinctPlatforms(input.platforms);
  const isImage = subject.kind !== "directory" && subject.kind !== "sbom";
  const problems = platforms.flatMap(({ platform, problems: list }) =>
    list.map((problem) => (platform === undefined ? problem : `${platform}: ${problem}`)),
  );
  const root = {
    SPDXID: "SPDXRef-Subject",
    name: subject.name,
    ...(subject.digest === undefined ? {} : { versionInfo: subject.digest }),
    downloadLocation: nothing,
    filesAnalyzed: false,
    primaryPackagePurpose: isImage ? "CONTAINER" : "APPLICATION",
    ...(problems.length === 0 ? {} : { comment: `Not everything could be told: ${problems.join("; ")}` }),
  };
  const parts = platforms.flatMap(partsOf);
  const document = {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name: subject.name,
    documentNamespace: `urn:uuid:${uuidOf(contentKey(input))}`,
    creationInfo: {
      created: new Date(created ?? 0).toISOString().replace(/\.\d{3}Z$/, "Z"),
      creators: [`Tool: tidemill-${version}`],
    },
    packages: [root, ...parts],
    relationships: [
      { spdxElementId: "SPDXRef-DOCUMENT", relationshipType: "DESCRIBES", relatedSpdxElement: root.SPDXID },
      ...parts.map(({ SPDXID }) => ({
        spdxElementId: root.SPDXID,
        relationshipType: "CONTAINS",
        relatedSpdxElement: SPDXID,
      })),
    ],
  };
  return `${visibleJson(JSON.stringify(document, undefined, 2))}\n`;
}

function partsOf(platform: BomPlatform) {
  const { os } = platform;
  const system =
    os === undefined
      ? []
      : [
          {
            SPDXID: `SPDXRef-OperatingSystem-${idOf(`${platform.platform ?? ""} ${os.id}`)}`,
            name: os.id,
            ...(os.versionId === undefined ? {} : { versionInfo: os.versionId }),
            downloadLocation: nothing,
            filesAnalyzed: false,
            primaryPackagePurpose: "OPERATING_SYSTEM",
            ...(os.codename === undefined ? {} : { comment: `tidemill:codename=${os.codename}` }),
          },
        ];
  return [...system, ...orderPackages(platform).map(({ ref, entry }) => packageOf(ref, entry, platform.platform))];
}

function packageOf(ref: string, entry: ScanPackage, platform: string | undefined) {
  const facts = packageFacts(entry).map(([name, value]) => `${name}=${value}`);
  return {
    SPDXID: `SPDXRef-Package-${idOf(ref)}`,
    name: entry.name,
    versionInfo: entry.version,
    downloadLocation: nothing,
    filesAnalyzed: false,
    sourceInfo: `built package from: ${entry.source} ${entry.sourceVersion}`,
    comment: [...(platform === undefined ? [] : [`tidemill:platform=${platform}`]), ...facts].join("\n"),
    externalRefs: [{ referenceCategory: "PACKAGE-MANAGER", referenceType: "purl", referenceLocator: entry.purl }],
  };
}

function idOf(text: string): string {
  return digestHex(sha256(text)).slice(0, 24);
}
