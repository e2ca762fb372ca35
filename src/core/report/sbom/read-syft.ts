import { z } from "zod";
import { languagePath } from "./read-cyclonedx.ts";
import type { SbomHead } from "./parse-sbom.ts";
import type { SbomCollector } from "./sbom-collector.ts";

const artifact = z.object({
  name: z.string(),
  version: z.string().optional(),
  type: z.string().optional(),
  purl: z.string().optional(),
  locations: z.array(z.object({ path: z.string().optional(), layerID: z.string().optional() })).optional(),
  metadata: z
    .object({ source: z.unknown(), sourceVersion: z.unknown(), originPackage: z.unknown() })
    .partial()
    .nullish(),
});
const distro = z.object({
  id: z.string(),
  versionID: z.string().optional(),
  versionCodename: z.string().optional(),
  prettyName: z.string().optional(),
});
const source = z.object({
  name: z.string().optional(),
  target: z.object({ userInput: z.string().optional(), manifestDigest: z.string().optional() }).optional(),
  metadata: z.object({ userInput: z.string().optional(), manifestDigest: z.string().optional() }).optional(),
});
const maxArtifacts = 1_000_000;

/** The artifacts of syft's own JSON, schema 6 and later. */
export function readSyft(value: Readonly<Record<string, unknown>>, collector: SbomCollector): SbomHead {
  const list = value.artifacts as readonly unknown[];
  for (const raw of list.slice(0, maxArtifacts)) {
    const parsed = artifact.safeParse(raw);
    if (!parsed.success) {
      collector.addProblem("an artifact of it breaks the schema");
      continue;
    }
    const { name, version, purl, locations, metadata } = parsed.data;
    if (purl === undefined || purl === "") {
      collector.addUnnamed(`${name} ${version ?? ""}`.trim());
      continue;
    }
    collector.add({
      purl,
      source: textOf(metadata?.source) ?? textOf(metadata?.originPackage),
      sourceVersion: textOf(metadata?.sourceVersion),
      layer: locations?.[0]?.layerID,
      path: languagePath(purl, locations?.[0]?.path),
    });
  }
  if (list.length > maxArtifacts) collector.addProblem(`it has more than ${maxArtifacts} artifacts`);
  const os = distro.safeParse(value.distro);
  if (os.success && os.data.id !== "")
    collector.setOs({
      id: os.data.id,
      versionId: os.data.versionID,
      codename: os.data.versionCodename,
      prettyName: os.data.prettyName,
    });
  const schema = z.object({ version: z.string() }).safeParse(value.schema);
  const from = source.safeParse(value.source);
  const target = from.success ? (from.data.target ?? from.data.metadata) : undefined;
  return {
    format: "syft",
    specVersion: schema.success ? schema.data.version.slice(0, 20) : "",
    subject: target?.userInput ?? (from.success ? from.data.name : undefined),
    digest: target?.manifestDigest,
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
