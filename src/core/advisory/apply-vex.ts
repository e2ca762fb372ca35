import { PackageURL } from "packageurl-js";
import type { Digest, Instant } from "../../lib/index.ts";
import type { InstalledPackage, Inventory } from "../inventory/index.ts";
import { advisoryKey, ecosystemOfType } from "./ecosystems.ts";
import type { VexProduct, VexStatement } from "./open-vex.ts";
import type { Finding, VexStatus, VexVerdict } from "./types.ts";
import { cveOf } from "./vulnerability-ids.ts";

/** Which image findings are of. */
export interface VexSubject {
  /** Of its manifest, and of the index that leads to it. */
  readonly digests: readonly Digest[];
  /** Where it is to be had: `registry.example/app`. */
  readonly repositories: readonly string[];
  readonly inventory: Inventory;
}

/** Of statements of one time the most careful counts. */
const care: readonly VexStatus[] = ["affected", "under_investigation", "fixed", "not_affected"];

/**
 * The findings with what VEX statements say of them at `now`: of all that name the vulnerability and the image, or a part
 * of it that the finding is about, or the package itself, the latest counts. Statements that have expired, or are dated
 * after `now`, do not. A statement that names a CVE is about no other one, whatever announcement closes both. OpenVEX
 * specification 0.2.0, inheritance and products.
 */
export function applyVex(
  findings: readonly Finding[],
  statements: readonly VexStatement[],
  subject: VexSubject,
  now: Instant,
): Finding[] {
  const standing = statements.filter(
    ({ expires, timestamp }) => (expires === undefined || expires > now) && (timestamp ?? now) <= now,
  );
  if (standing.length === 0) return [...findings];
  const byName = new Map<string, VexStatement[]>();
  for (const one of standing) {
    for (const name of new Set(one.vulnerabilities.map((each) => cveOf(each) ?? each))) {
      const list = byName.get(name);
      if (list === undefined) byName.set(name, [one]);
      else list.push(one);
    }
  }
  const installed = new Map(subject.inventory.packages.map((one) => [keyOf(one), one]));
  const purls = new Map<string, Purl | undefined>();
  const readPurl = (id: string): Purl | undefined => {
    if (!purls.has(id)) purls.set(id, parsePurl(id));
    return purls.get(id);
  };
  return findings.map((finding) => {
    const names = [finding.id, ...finding.aliases].filter((name) => isSameCve(name, finding.id));
    const matched = new Set(names.flatMap((name) => byName.get(name) ?? []));
    const about = { finding, entry: installed.get(keyOf({ ...finding, name: finding.package })), subject, readPurl };
    const verdict = [...matched]
      .filter((one) => namesVulnerability(one, finding) && one.products.some((each) => isAbout(each, about)))
      .sort(byWeight)[0];
    if (verdict === undefined) return finding;
    return { ...finding, vex: verdictOf(verdict) };
  });
}

/** Whether findings with it still count: what is not affected, or fixed, does not. */
export function isSettled({ vex }: Pick<Finding, "vex">): boolean {
  return vex?.status === "not_affected" || vex?.status === "fixed";
}

function verdictOf({ status, author, reason, timestamp, expires }: VexStatement): VexVerdict {
  return { status, by: author, reason, since: timestamp, until: expires };
}

function byWeight(a: VexStatement, b: VexStatement): number {
  return (b.timestamp ?? 0) - (a.timestamp ?? 0) || care.indexOf(a.status) - care.indexOf(b.status);
}

function isSameCve(name: string, id: string): boolean {
  const cve = cveOf(name);
  return cve === undefined || cveOf(id) === undefined || cve === cveOf(id);
}

/** A statement of one CVE does not speak of another one that shares its announcement. */
function namesVulnerability({ vulnerabilities }: VexStatement, { id }: Finding): boolean {
  const cve = cveOf(id);
  const named = vulnerabilities.flatMap((name) => cveOf(name) ?? []);
  return cve === undefined || named.length === 0 || named.includes(cve);
}

interface About {
  readonly finding: Finding;
  readonly entry: InstalledPackage | undefined;
  readonly subject: VexSubject;
  readonly readPurl: (id: string) => Purl | undefined;
}

function isAbout(product: VexProduct, about: About): boolean {
  const { readPurl, subject } = about;
  const isImage =
    product.digests.some((digest) => subject.digests.includes(digest as Digest)) ||
    product.ids.some((id) => isImageOf(readPurl(id), subject));
  const isPackage = (id: string): boolean => isPackageOf(readPurl(id), about);
  if (isImage) return product.subcomponents.length === 0 || product.subcomponents.some(isPackage);
  return product.subcomponents.length === 0 && product.ids.some(isPackage);
}

/** purl-spec, types: oci. A name without digest or repository would be anybody's image. */
function isImageOf(purl: Purl | undefined, { digests, repositories }: VexSubject): boolean {
  if (purl?.type !== "oci") return false;
  if (purl.version !== undefined) return digests.includes(purl.version as Digest);
  const url = purl.qualifiers.get("repository_url");
  return url !== undefined && repositories.some((one) => one.toLowerCase() === url.toLowerCase());
}

function isPackageOf(purl: Purl | undefined, { finding, entry, subject }: About): boolean {
  if (purl === undefined || purl.type !== finding.type) return false;
  const language = ecosystemOfType(finding.type);
  const separator = finding.type === "maven" ? ":" : "/";
  if (language !== undefined) {
    const full = purl.namespace === undefined ? purl.name : `${purl.namespace}${separator}${purl.name}`;
    // purls of Go and npm are in lower case, whatever the package's own is.
    const [named, held] = [full, finding.package].map((each) => advisoryKey(language, each).name.toLowerCase());
    return named === held && isVersion(purl, [finding.version]);
  }
  const os = subject.inventory.os?.id;
  if (purl.namespace !== undefined && os !== undefined && purl.namespace !== os) return false;
  const architecture = purl.qualifiers.get("arch");
  if (architecture === "source" || architecture === "src")
    return purl.name === finding.source && isVersion(purl, [finding.version, entry?.sourceVersion]);
  // What a finding compares may be the source's version; a purl names the package's own.
  const installed = entry?.sourceVersion === finding.version ? entry.version : finding.version;
  const isArchitecture = architecture === undefined || architecture === finding.architecture;
  return isArchitecture && purl.name === finding.package && isVersion(purl, [installed]);
}

/** Epochs of rpm packages stand beside the version there. purl-spec, types: rpm. */
function isVersion({ version, qualifiers }: Purl, held: readonly (string | undefined)[]): boolean {
  if (version === undefined) return true;
  const epoch = qualifiers.get("epoch");
  const full = epoch === undefined || epoch === "0" ? version : `${epoch}:${version}`;
  return held.some((one) => one === full || one === version || one?.replace(/^0:/, "") === full);
}

interface Purl {
  readonly type: string;
  readonly namespace: string | undefined;
  readonly name: string;
  readonly version: string | undefined;
  readonly qualifiers: ReadonlyMap<string, string>;
}

function parsePurl(id: string): Purl | undefined {
  if (!id.startsWith("pkg:") || id.length > 2048) return undefined;
  try {
    const { type, namespace, name, version, qualifiers } = PackageURL.fromString(id);
    if (typeof type !== "string" || typeof name !== "string") return undefined;
    const pairs = Object.entries(qualifiers ?? {}).map(([key, value]): [string, string] => [key, value]);
    return {
      type,
      namespace: namespace ?? undefined,
      name,
      version: version ?? undefined,
      qualifiers: new Map(pairs),
    };
  } catch {
    // Whatever is no purl names nothing that we hold.
    return undefined;
  }
}

function keyOf(one: {
  readonly type: string;
  readonly name: string;
  readonly architecture: string;
  readonly path?: string;
}): string {
  return [one.type, one.name, one.architecture, one.path ?? ""].join("\n");
}
