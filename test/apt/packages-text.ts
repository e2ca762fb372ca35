import { createUniverse, type PackageUniverse } from "../../src/core/packages/index.ts";
import { digestHex, sha256 } from "../../src/lib/index.ts";

/** What a made-up package says; everything else is filled in. */
export interface MadePackage {
  readonly name: string;
  readonly version?: string;
  readonly architecture?: string;
  /** Further fields, by their names: `Depends`, `Provides`. */
  readonly fields?: Readonly<Record<string, string>>;
}

/** The text of a Packages index with these packages. */
export function packagesText(packages: readonly MadePackage[]): string {
  return packages.map(stanzaText).join("\n");
}

/** A universe of one or more made-up suites. */
export function madeUniverse(
  suites: Readonly<Record<string, readonly MadePackage[]>>,
  architecture = "amd64",
): PackageUniverse {
  const indices = Object.entries(suites).map(([origin, packages]) => ({
    origin,
    bytes: Buffer.from(packagesText(packages)),
  }));
  return createUniverse(architecture, indices);
}

function stanzaText({ name, version = "1", architecture = "amd64", fields = {} }: MadePackage): string {
  const lines = {
    Package: name,
    Version: version,
    Architecture: architecture,
    Priority: "optional",
    ...fields,
    Filename: `pool/main/${name.slice(0, 1)}/${name}/${name}_${version.replace(":", "%3a")}_${architecture}.deb`,
    Size: "1000",
    SHA256: digestHex(sha256(JSON.stringify([name, version, architecture, fields]))),
  };
  return Object.entries(lines)
    .map(([field, value]) => `${field}: ${value}\n`)
    .join("");
}
