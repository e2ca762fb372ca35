import { PackageURL } from "packageurl-js";
import type { Instant } from "../../lib/index.ts";
import type { Finding, VexStatus } from "./types.ts";
import { cveOf } from "./vulnerability-ids.ts";

/** What a person of this installation says of a vulnerability. */
export interface OwnStatement {
  readonly vulnerability: string;
  /** Name of an installed package or of its source, or a purl; every package without it. */
  readonly package: string | undefined;
  /** Image of the fleet; every image without it. */
  readonly image: string | undefined;
  readonly status: VexStatus;
  /** OpenVEX specification 0.2.0, Status Justifications; only of `not_affected`. */
  readonly justification: string | undefined;
  readonly reason: string;
  readonly author: string;
  readonly at: Instant;
  /** From when on it counts no more. */
  readonly until: Instant | undefined;
}

/** The findings of the image that is called `image` with what people say of them at `now`: the latest that fits counts, and a person's own word before that of any document. */
export function applyOwnStatements(
  findings: readonly Finding[],
  statements: readonly OwnStatement[],
  image: string | undefined,
  now: Instant,
): Finding[] {
  const standing = statements
    .filter(({ until, image: of }) => (until === undefined || until > now) && (of === undefined || of === image))
    .sort((a, b) => b.at - a.at);
  if (standing.length === 0) return [...findings];
  return findings.map((finding) => {
    const names = new Set([finding.id, ...finding.aliases].flatMap((name) => [name, cveOf(name) ?? name]));
    const found = standing.find((one) => names.has(one.vulnerability) && isOfPackage(one.package, finding));
    if (found === undefined) return finding;
    const { status, author, justification, reason, at, until } = found;
    const why = justification === undefined ? reason : `${justification}: ${reason}`;
    return { ...finding, vex: { status, by: author, reason: why, since: at, until } };
  });
}

function isOfPackage(named: string | undefined, { package: name, source, type, version }: Finding): boolean {
  if (named === undefined || named === name || named === source) return true;
  if (!named.startsWith("pkg:")) return false;
  try {
    const purl = PackageURL.fromString(named);
    const separator = type === "maven" ? ":" : "/";
    const isDistro = type === "deb" || type === "apk" || type === "rpm";
    const full =
      isDistro || purl.namespace === undefined || purl.namespace === null
        ? purl.name
        : `${purl.namespace}${separator}${purl.name}`;
    const isVersion = purl.version === undefined || purl.version === null || purl.version === version;
    return purl.type === type && full?.toLowerCase() === name.toLowerCase() && isVersion;
  } catch {
    return false;
  }
}
