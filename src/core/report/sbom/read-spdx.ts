import { z } from "zod";
import type { SbomHead } from "./parse-sbom.ts";
import type { SbomCollector } from "./sbom-collector.ts";

const spdxPackage = z.object({
  SPDXID: z.string().optional(),
  name: z.string(),
  versionInfo: z.string().optional(),
  primaryPackagePurpose: z.string().optional(),
  sourceInfo: z.string().optional(),
  comment: z.string().optional(),
  attributionTexts: z.array(z.string()).optional(),
  externalRefs: z.array(z.object({ referenceType: z.string(), referenceLocator: z.string() })).optional(),
});
type ReadPackage = z.infer<typeof spdxPackage>;

/** What is no package that advisories speak of. SPDX 2.3, 7.24. */
const otherPurposes = new Set([
  "CONTAINER",
  "OPERATING-SYSTEM",
  "OPERATING_SYSTEM",
  "SOURCE",
  "FILE",
  "ARCHIVE",
  "INSTALL",
  "DEVICE",
  "FIRMWARE",
]);
const maxPackages = 1_000_000;

/** The packages of an SPDX 2 document. SPDX 2.3, 7; of other tools' free texts what Trivy and syft write is understood. */
export function readSpdx(
  value: Readonly<Record<string, unknown>>,
  collector: SbomCollector,
): SbomHead | { readonly message: string } {
  const specVersion = String(value.spdxVersion)
    .slice(0, 20)
    .replace(/^SPDX-/, "");
  if (!/^2\.[23]$/.test(specVersion))
    return { message: `SPDX ${JSON.stringify(specVersion)} is not read: 2.2 and 2.3 are` };
  const list: readonly unknown[] = Array.isArray(value.packages) ? (value.packages as unknown[]) : [];
  if (value.packages !== undefined && !Array.isArray(value.packages)) return { message: "its packages are no list" };
  const described = describedBy(value);
  let root: ReadPackage | undefined;
  for (const [index, raw] of list.entries()) {
    if (index >= maxPackages) {
      collector.addProblem(`it has more than ${maxPackages} packages`);
      break;
    }
    const parsed = spdxPackage.safeParse(raw);
    if (!parsed.success) {
      collector.addProblem("a package of it breaks the schema");
      continue;
    }
    const one = parsed.data;
    const isRoot = one.SPDXID !== undefined && described.has(one.SPDXID);
    if (isRoot) root ??= one;
    addPackage(one, isRoot, collector);
  }
  const name = typeof value.name === "string" ? value.name : undefined;
  return { format: "spdx", specVersion, subject: root?.name ?? name, digest: root?.versionInfo };
}

function addPackage(one: ReadPackage, isRoot: boolean, collector: SbomCollector): void {
  const purl = one.externalRefs?.find(({ referenceType }) => referenceType === "purl")?.referenceLocator;
  const isSystem =
    one.primaryPackagePurpose?.replace("_", "-") === "OPERATING-SYSTEM" ||
    one.SPDXID?.startsWith("SPDXRef-OperatingSystem") === true;
  const note = (one.comment ?? "").split("\n");
  const say = (name: string): string | undefined =>
    note.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1) || undefined;
  if (isSystem) {
    const codename = say("tidemill:codename");
    collector.setOs({ id: one.name.toLowerCase(), versionId: one.versionInfo, codename, prettyName: undefined });
    return;
  }
  for (const line of isRoot ? note : []) {
    const unknown = /^Not everything could be told: (.+)$/.exec(line)?.[1];
    if (unknown !== undefined) collector.addProblem(unknown);
  }
  if (purl === undefined) {
    const isPackage =
      !isRoot &&
      !otherPurposes.has(one.primaryPackagePurpose ?? "") &&
      !/-(?:Application|ContainerImage|Image|Directory|File|DocumentRoot)-/.test(one.SPDXID ?? "");
    if (isPackage && one.versionInfo !== undefined) collector.addUnnamed(`${one.name} ${one.versionInfo}`);
    return;
  }
  const attribution = (name: string): string | undefined =>
    one.attributionTexts?.find((text) => text.startsWith(`${name}: `))?.slice(name.length + 2);
  const [, source, sourceVersion] = /^built package from: (\S+) (\S+)$/.exec(one.sourceInfo ?? "") ?? [];
  collector.add({
    purl,
    source: say("tidemill:source") ?? source,
    sourceVersion: say("tidemill:sourceVersion") ?? sourceVersion,
    layer: say("tidemill:layer") ?? attribution("LayerDiffID"),
    path: say("tidemill:path") ?? attribution("FilePath"),
    owner: say("tidemill:owner"),
  });
}

/** SPDX ids of what the document says it describes. SPDX 2.3, 11.1. */
function describedBy(value: Readonly<Record<string, unknown>>): ReadonlySet<string> {
  const relation = z.object({
    spdxElementId: z.string(),
    relatedSpdxElement: z.string(),
    relationshipType: z.string(),
  });
  const found = new Set<string>();
  const direct = z.array(z.string()).safeParse(value.documentDescribes);
  for (const id of direct.success ? direct.data : []) found.add(id);
  for (const raw of Array.isArray(value.relationships) ? (value.relationships as unknown[]) : []) {
    const parsed = relation.safeParse(raw);
    if (!parsed.success) continue;
    const { spdxElementId, relatedSpdxElement, relationshipType } = parsed.data;
    if (relationshipType === "DESCRIBES" && spdxElementId === "SPDXRef-DOCUMENT") found.add(relatedSpdxElement);
  }
  return found;
}
