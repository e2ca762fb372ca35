import { PackageURL } from "packageurl-js";
import { isDigest, sha256, type Digest } from "../../../lib/index.ts";
import type { InstalledPackage, OsRelease, PackageType } from "../../inventory/index.ts";
import { compareText } from "../order-findings.ts";

/** What a bill says of one package beside its purl. */
export interface SbomEntry {
  readonly purl: string;
  readonly source?: string | undefined;
  readonly sourceVersion?: string | undefined;
  readonly layer?: string | undefined;
  readonly path?: string | undefined;
  readonly owner?: string | undefined;
}

const types: ReadonlySet<string> = new Set<PackageType>([
  "deb",
  "apk",
  "rpm",
  "npm",
  "pypi",
  "golang",
  "maven",
  "cargo",
  "composer",
  "gem",
  "nuget",
]);
/** purl types that name no package which advisories speak of: the image itself, plain files. */
const containers = new Set(["oci", "docker", "generic", "github", "bitbucket", "gitlab"]);
const maxPackages = 500_000;
const longest = 4096;
/** What stands for the layer of a package where the bill names none. */
export const noLayer: Digest = sha256("");

/** Collects the packages of a bill, and what of it could not be understood. */
export class SbomCollector {
  private readonly packages = new Map<string, InstalledPackage>();
  private readonly unknownTypes = new Map<string, number>();
  private readonly badPurls: string[] = [];
  private readonly unnamed: string[] = [];
  private readonly messages: string[] = [];
  private bad = 0;
  private nameless = 0;
  private sourced = 0;
  private system: OsRelease | undefined;
  private hinted: OsRelease | undefined;

  /** The system that the bill names by itself; the first one counts. */
  setOs(os: OsRelease): void {
    this.system ??= os;
  }

  /** Something that looks like a package and has no purl. */
  addUnnamed(name: string): void {
    this.nameless += 1;
    if (this.unnamed.length < 3) this.unnamed.push(name.slice(0, 100));
  }

  addProblem(message: string): void {
    if (this.messages.length < 50) this.messages.push(message);
  }

  add(entry: SbomEntry): void {
    const purl = parsePurl(entry.purl);
    if (purl === undefined) {
      this.bad += 1;
      if (this.badPurls.length < 3) this.badPurls.push(entry.purl.slice(0, 200));
      return;
    }
    if (!types.has(purl.type)) {
      if (!containers.has(purl.type)) this.unknownTypes.set(purl.type, (this.unknownTypes.get(purl.type) ?? 0) + 1);
      return;
    }
    const found = packageOf(purl, entry);
    if (typeof found === "string") return this.addProblem(`${entry.purl.slice(0, 200)}: ${found}`);
    if (this.packages.size >= maxPackages) return this.addProblem(`it has more than ${maxPackages} packages`);
    if (found.source !== found.name || entry.source !== undefined || purl.qualifiers.upstream !== undefined)
      this.sourced += 1;
    this.hinted ??= systemOf(purl);
    this.packages.set(JSON.stringify([found.type, found.name, found.version, found.architecture, found.path]), found);
  }

  finish(): { packages: InstalledPackage[]; problems: string[]; os: OsRelease | undefined } {
    const packages = [...this.packages.values()].sort(
      (a, b) =>
        compareText(a.type, b.type) ||
        compareText(a.name, b.name) ||
        compareText(a.version, b.version) ||
        compareText(a.architecture, b.architecture) ||
        compareText(a.path ?? "", b.path ?? ""),
    );
    const problems = [...this.messages];
    if (this.bad > 0) problems.push(`${this.bad} purls cannot be read: ${this.badPurls.join(", ")}`);
    if (this.nameless > 0)
      problems.push(`${this.nameless} packages have no purl and are not looked up: ${this.unnamed.join(", ")}`);
    for (const [type, count] of this.unknownTypes) problems.push(`${count} packages of type ${type} are not looked up`);
    if (packages.length === 0 && problems.length === 0) problems.push("it names no package");
    const byAdvisory = packages.filter(({ type }) => type === "deb" || type === "apk").length;
    // Advisories of these name sources: a bill that names none leaves out those of every library that has another name.
    if (byAdvisory > 0 && this.sourced === 0)
      problems.push(
        `none of its ${byAdvisory} packages of a distribution names its source: they were looked up by their own names`,
      );
    return { packages, problems, os: this.system ?? this.hinted };
  }
}

function parsePurl(text: string): PlainPurl | undefined {
  if (text.length > longest) return undefined;
  try {
    const { type, namespace, name, version, qualifiers } = PackageURL.fromString(text);
    if (type === undefined || name === undefined || name === "") return undefined;
    const plain = Object.entries(qualifiers ?? {}).map(([key, value]): [string, string] => [key, value]);
    return {
      type,
      namespace: namespace ?? undefined,
      name,
      version: version ?? undefined,
      qualifiers: Object.fromEntries(plain),
    };
  } catch {
    return undefined;
  }
}

interface PlainPurl {
  readonly type: string;
  readonly namespace: string | undefined;
  readonly name: string;
  readonly version: string | undefined;
  readonly qualifiers: Readonly<Record<string, string>>;
}

function packageOf(purl: PlainPurl, entry: SbomEntry): InstalledPackage | string {
  const type = purl.type as PackageType;
  if (purl.version === undefined || purl.version === "") return "it names no version";
  const name = nameOf(type, purl);
  const epoch = type === "rpm" && /^\d{1,9}$/.test(purl.qualifiers.epoch ?? "") ? purl.qualifiers.epoch : undefined;
  const version = epoch === undefined || purl.version.includes(":") ? purl.version : `${epoch}:${purl.version}`;
  const [upstream, upstreamVersion] = splitUpstream(purl.qualifiers.upstream);
  const source = entry.source ?? upstream ?? name;
  const { layer, path, owner } = entry;
  const module = type === "rpm" ? purl.qualifiers.rpmmod : undefined;
  return {
    type,
    name,
    version,
    architecture: purl.qualifiers.arch ?? "",
    source,
    sourceVersion: entry.sourceVersion ?? upstreamVersion ?? version,
    ...(module === undefined || module === "" ? {} : { module }),
    layer: layer !== undefined && isDigest(layer) ? layer : noLayer,
    ...(path === undefined || path === "" ? {} : { path: path.slice(0, longest) }),
    ...(owner === undefined || owner === "" ? {} : { owner: owner.slice(0, longest) }),
  };
}

function nameOf(type: PackageType, { namespace, name }: PlainPurl): string {
  if (namespace === undefined || type === "deb" || type === "apk" || type === "rpm" || type === "pypi") return name;
  return type === "maven" ? `${namespace}:${name}` : `${namespace}/${name}`;
}

/** `openssl`, `openssl@3.0.2-1`, or the name of a source rpm, `openssl-3.0.7-1.el9.src.rpm`. */
function splitUpstream(text: string | undefined): [string | undefined, string | undefined] {
  if (text === undefined || text === "") return [undefined, undefined];
  const rpm = /^(.+)-([^-]+-[^-]+)\.(?:no)?src\.rpm$/.exec(text);
  if (rpm !== null) return [rpm[1], rpm[2]];
  const at = text.indexOf("@", 1);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** What the qualifier `distro` says: `debian-12`, `alpine-3.16.3`, or a codename. */
function systemOf({ type, namespace, qualifiers }: PlainPurl): OsRelease | undefined {
  if (type !== "deb" && type !== "apk" && type !== "rpm") return undefined;
  const { distro } = qualifiers;
  if (distro === undefined || distro === "") return undefined;
  const [, id, versionId] = /^([a-z][a-z_-]*?)-([0-9v][\w.+-]*)$/.exec(distro) ?? [];
  if (id !== undefined) return { id, versionId, codename: undefined, prettyName: undefined };
  if (namespace === undefined) return undefined;
  return { id: namespace, versionId: undefined, codename: distro, prettyName: undefined };
}
