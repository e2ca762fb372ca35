import { canonicalJson, sha256, type Digest } from "../../lib/index.ts";

/** A package that went to a version in which vulnerabilities are fixed. */
export interface FixedPackage {
  readonly name: string;
  /** The one that it went to. */
  readonly version: string;
  readonly architecture: string;
  /** CVE and advisory ids; aliases are other names of the same one. */
  readonly vulnerabilities: readonly { readonly id: string; readonly aliases?: readonly string[] }[];
}

export interface OpenVexInput {
  /** `registry.example/app`. */
  readonly repository: string;
  readonly digest: Digest;
  /** Of the packages: debian, ubuntu. */
  readonly distribution: string;
  readonly packages: readonly FixedPackage[];
  readonly author: string;
  /** RFC 3339. */
  readonly timestamp: string;
}

/** An OpenVEX document. OpenVEX specification 0.2.0. */
export interface OpenVexDocument {
  readonly "@context": "https://openvex.dev/ns/v0.2.0";
  readonly "@id": string;
  readonly author: string;
  readonly timestamp: string;
  readonly version: 1;
  readonly tooling: string;
  readonly statements: readonly OpenVexStatement[];
}

interface OpenVexStatement {
  readonly vulnerability: { readonly name: string; readonly aliases?: readonly string[] };
  readonly products: readonly [
    {
      readonly "@id": string;
      readonly hashes: Readonly<Record<string, string>>;
      readonly subcomponents: readonly { readonly "@id": string }[];
    },
  ];
  readonly status: "fixed";
}

/**
 * What a patch fixed, one statement a vulnerability, with the packages that it was in. The same facts, author and time give the same document, and its `@id` is a hash of the rest. Throws RangeError
 * where there is nothing to state, for a document needs a statement.
 */
export function openVex({
  repository,
  digest,
  distribution,
  packages,
  author,
  timestamp,
}: OpenVexInput): OpenVexDocument {
  const [algorithm = "", hash = ""] = digest.split(":");
  const found = new Map<string, { aliases: Set<string>; purls: Set<string> }>();
  for (const { vulnerabilities, ...each } of packages)
    for (const { id, aliases = [] } of vulnerabilities) {
      const known = found.get(id) ?? { aliases: new Set(), purls: new Set() };
      found.set(id, known);
      for (const alias of aliases) if (alias !== id) known.aliases.add(alias);
      known.purls.add(debPurl(each, distribution));
    }
  if (found.size === 0) throw new RangeError("a VEX document needs a vulnerability");
  const product = {
    "@id": ociPurl(repository, digest),
    hashes: { [algorithm === "sha512" ? "sha-512" : "sha-256"]: hash },
  };
  const statements = [...found].sort(byName).map(([name, { aliases, purls }]): OpenVexStatement => ({
    vulnerability: { name, ...(aliases.size === 0 ? {} : { aliases: [...aliases].sort() }) },
    products: [{ ...product, subcomponents: [...purls].sort().map((purl) => ({ "@id": purl })) }],
    status: "fixed",
  }));
  const body = {
    "@context": "https://openvex.dev/ns/v0.2.0",
    author,
    timestamp,
    version: 1,
    tooling: "tidemill",
    statements,
  } as const;
  const id = `https://openvex.dev/docs/public/vex-${sha256(canonicalJson(body)).slice("sha256:".length)}`;
  return { ...body, "@id": id };
}

/** purl-spec, types: oci. */
function ociPurl(repository: string, digest: Digest): string {
  const name = repository.slice(repository.lastIndexOf("/") + 1).toLowerCase();
  return `pkg:oci/${encodeURIComponent(name)}@${digest.replace(":", "%3A")}?repository_url=${encodeURIComponent(repository.toLowerCase())}`;
}

/** `pkg:deb/debian/openssl@3.0.22-1~deb12u2?arch=amd64`. purl-spec, types: deb. */
function debPurl({ name, version, architecture }: Omit<FixedPackage, "vulnerabilities">, distribution: string): string {
  const escaped = encodeURIComponent(version).replaceAll("%3A", ":");
  return `pkg:deb/${distribution}/${encodeURIComponent(name)}@${escaped}?arch=${encodeURIComponent(architecture)}`;
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
