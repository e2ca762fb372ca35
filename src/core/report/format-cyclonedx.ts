import { ComponentType } from "@cyclonedx/cyclonedx-library/Enums";
import {
  Bom,
  Component,
  ComponentRepository,
  Metadata,
  Property,
  PropertyRepository,
  Tool,
  ToolRepository,
  Tools,
} from "@cyclonedx/cyclonedx-library/Models";
import { JSON as JsonFormat, JsonSerializer } from "@cyclonedx/cyclonedx-library/Serialize";
import { Spec1dot6 } from "@cyclonedx/cyclonedx-library/Spec";
import {
  boundVersion,
  contentKey,
  distinctPlatforms,
  orderPackages,
  packageFacts,
  uuidOf,
  visibleJson,
  type BomInput,
  type BomPlatform,
} from "./bom-parts.ts";
import { vulnerabilitiesOf } from "./cyclonedx-vulnerabilities.ts";
import type { JudgedScan } from "./types.ts";

/** An inventory as CycloneDX 1.6 JSON. The same input gives the same bytes: it holds no clock and no chance. */
export function formatCyclonedx(input: BomInput): string {
  return serialize(createBom({ ...input, platforms: distinctPlatforms(input.platforms) }, undefined));
}

/** A scan as CycloneDX 1.6 JSON: its packages, and its findings as vulnerabilities with what VEX statements and people say of them as their analysis. */
export function formatCyclonedxScan({ report, version }: JudgedScan): string {
  const named = distinctPlatforms(report.platforms);
  const platforms = named.map((platform) => ({ ...platform, problems: platform.reasons }));
  const bom = createBom({ subject: report.subject, platforms, version, created: report.at }, report.at);
  for (const one of vulnerabilitiesOf(named)) bom.vulnerabilities.add(one);
  return serialize(bom);
}

function createBom(input: BomInput, at: number | undefined): Bom {
  const { subject, platforms, version, created } = input;
  const made = at ?? created;
  const components = platforms.flatMap(componentsOf);
  const problems = platforms.flatMap(({ platform, problems: list }) =>
    list.map((problem) => property("tidemill:unknown", platform === undefined ? problem : `${platform}: ${problem}`)),
  );
  const isImage = subject.kind !== "directory" && subject.kind !== "sbom";
  return new Bom({
    serialNumber: `urn:uuid:${uuidOf(`${contentKey(input)} ${at ?? ""}`)}`,
    metadata: new Metadata({
      ...(made === undefined ? {} : { timestamp: new Date(made) }),
      tools: new Tools({ tools: new ToolRepository([new Tool({ vendor: "Tidemill", name: "tidemill", version })]) }),
      component: new Component(isImage ? ComponentType.Container : ComponentType.Application, subject.name, {
        bomRef: "subject",
        ...(subject.digest === undefined ? {} : { version: subject.digest }),
      }),
      properties: new PropertyRepository(problems),
    }),
    components: new ComponentRepository(components),
  });
}

function componentsOf(platform: BomPlatform): Component[] {
  const { os } = platform;
  const place = platform.platform === undefined ? [] : [property("tidemill:platform", platform.platform)];
  const system =
    os === undefined
      ? []
      : [
          new Component(ComponentType.OperatingSystem, os.id, {
            bomRef: ["os", platform.platform ?? "", os.id].join("#"),
            ...(os.versionId === undefined ? {} : { version: boundVersion(os.versionId) }),
            ...(os.prettyName === undefined ? {} : { description: os.prettyName }),
            properties: new PropertyRepository([
              ...place,
              ...(os.codename === undefined ? [] : [property("tidemill:codename", os.codename)]),
            ]),
          }),
        ];
  const packages = orderPackages(platform).map(
    ({ ref, entry }) =>
      new Component(ComponentType.Library, entry.name, {
        bomRef: ref,
        version: boundVersion(entry.version),
        purl: entry.purl,
        properties: new PropertyRepository([
          ...place,
          ...packageFacts(entry).map(([name, value]) => property(name, value)),
        ]),
      }),
  );
  return [...system, ...packages];
}

function property(name: string, value: string): Property {
  return new Property(name, value);
}

function serialize(bom: Bom): string {
  const serializer = new JsonSerializer(new JsonFormat.Normalize.Factory(Spec1dot6));
  return `${visibleJson(serializer.serialize(bom, { sortLists: true, space: 2 }))}\n`;
}
