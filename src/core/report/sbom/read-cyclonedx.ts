import { z } from "zod";
import type { SbomHead } from "./parse-sbom.ts";
import type { SbomCollector } from "./sbom-collector.ts";

const component = z.object({
  type: z.string().optional(),
  name: z.string().optional(),
  version: z.string().optional(),
  description: z.string().optional(),
  purl: z.string().optional(),
  components: z.array(z.unknown()).optional(),
  properties: z.array(z.object({ name: z.string(), value: z.string().optional() })).optional(),
});
type ReadComponent = z.infer<typeof component>;

/** What may be a package, where it has a purl or not. */
const packageTypes = new Set(["library", "framework"]);
const maxComponents = 1_000_000;

/** A CycloneDX document's components, nested ones too. CycloneDX 1.6, components; properties are those of Tidemill, syft and Trivy. */
export function readCyclonedx(
  value: Readonly<Record<string, unknown>>,
  collector: SbomCollector,
): SbomHead | { readonly message: string } {
  const specVersion = typeof value.specVersion === "string" ? value.specVersion.slice(0, 20) : "";
  if (!/^1\.[2-7]$/.test(specVersion)) return { message: `its specVersion ${JSON.stringify(specVersion)} is not read` };
  const todo: unknown[] = Array.isArray(value.components) ? [...(value.components as unknown[])].reverse() : [];
  if (value.components !== undefined && !Array.isArray(value.components))
    return { message: "its components are no list" };
  let seen = 0;
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    seen += 1;
    if (seen > maxComponents) {
      collector.addProblem(`it has more than ${maxComponents} components`);
      break;
    }
    const parsed = component.safeParse(next);
    if (!parsed.success) {
      collector.addProblem("a component of it breaks the schema");
      continue;
    }
    addComponent(parsed.data, collector);
    for (const inner of parsed.data.components ?? []) todo.push(inner ?? {});
  }
  const metadata = z
    .object({ component: component.optional(), properties: component.shape.properties })
    .safeParse(value.metadata);
  const subject = metadata.success ? metadata.data.component : undefined;
  for (const { name, value: problem } of (metadata.success ? metadata.data.properties : undefined) ?? [])
    if (name === "tidemill:unknown" && problem !== undefined) collector.addProblem(problem);
  return { format: "cyclonedx", specVersion, subject: subject?.name, digest: subject?.version };
}

function addComponent(one: ReadComponent, collector: SbomCollector): void {
  const properties = new Map((one.properties ?? []).map(({ name, value }) => [name, value ?? ""]));
  const say = (...names: string[]): string | undefined =>
    names.map((name) => properties.get(name)).find((text) => text !== undefined && text !== "");
  if (one.type === "operating-system" && one.name !== undefined) {
    const os = {
      id: one.name.toLowerCase(),
      versionId: one.version,
      codename: say("tidemill:codename"),
      prettyName: one.description,
    };
    collector.setOs(os);
    return;
  }
  if (one.purl === undefined || one.purl === "") {
    if (packageTypes.has(one.type ?? "")) collector.addUnnamed(`${one.name ?? "?"} ${one.version ?? ""}`.trim());
    return;
  }
  collector.add({
    purl: one.purl,
    source: say("tidemill:source", "aquasecurity:trivy:SrcName", "syft:metadata:source", "syft:metadata:originPackage"),
    sourceVersion: say("tidemill:sourceVersion", "syft:metadata:sourceVersion") ?? trivySource(say),
    layer: say("tidemill:layer", "aquasecurity:trivy:LayerDiffID", "syft:location:0:layerID"),
    path: say("tidemill:path", "aquasecurity:trivy:FilePath") ?? languagePath(one.purl, say("syft:location:0:path")),
    owner: say("tidemill:owner"),
  });
}

/** Trivy writes epoch, version and release of a source apart. */
function trivySource(say: (...names: string[]) => string | undefined): string | undefined {
  const version = say("aquasecurity:trivy:SrcVersion");
  if (version === undefined) return undefined;
  const epoch = say("aquasecurity:trivy:SrcEpoch");
  const release = say("aquasecurity:trivy:SrcRelease");
  return `${epoch === undefined ? "" : `${epoch}:`}${version}${release === undefined ? "" : `-${release}`}`;
}

/** Packages of a distribution are told of by its database: only those of languages have a file of their own. */
export function languagePath(purl: string, path: string | undefined): string | undefined {
  return /^pkg:(?:deb|apk|rpm)\//.test(purl) ? undefined : path?.replace(/^\/+/, "");
}
