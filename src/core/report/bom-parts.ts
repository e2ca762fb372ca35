import { createHash } from "node:crypto";
import { digestHex, sha256, type Instant } from "../../lib/index.ts";
import type { OsRelease } from "../inventory/index.ts";
import { compareText } from "./order-findings.ts";
import { noLayer } from "./sbom/sbom-collector.ts";
import type { ScanPackage, ScanSubject } from "./types.ts";

/** What one platform of a subject holds, as bills of materials are made of it. */
export interface BomPlatform {
  /** `linux/amd64`; undefined for what is of none. */
  readonly platform: string | undefined;
  readonly os: OsRelease | undefined;
  readonly packages: readonly ScanPackage[];
  /** What could not be read: a bill that is not whole says so. */
  readonly problems: readonly string[];
}

export interface BomInput {
  readonly subject: ScanSubject;
  readonly platforms: readonly BomPlatform[];
  /** Of Tidemill. */
  readonly version: string;
  /** When the subject was made; bills of the same bytes are the same. */
  readonly created: Instant | undefined;
}

/** `platforms` with names that tell them apart, where an index has one twice: references in a bill have to be unique. */
export function distinctPlatforms<T extends { readonly platform: string | undefined }>(platforms: readonly T[]): T[] {
  const seen = new Map<string | undefined, number>();
  return platforms.map((one) => {
    const count = (seen.get(one.platform) ?? 0) + 1;
    seen.set(one.platform, count);
    return count === 1 ? one : { ...one, platform: `${one.platform ?? "platform"} (${count})` };
  });
}

/** A package's reference in a bill: its purl, and what tells it from others of that purl. */
export function packageRef({ purl, path, architecture }: ScanPackage, platform: string | undefined): string {
  return [...(platform === undefined ? [] : [platform]), purl, ...(path === undefined ? [] : [path]), architecture]
    .filter((part) => part !== "")
    .join("#")
    .padEnd(1, "-");
}

/** Packages in an order of their own, each once. */
export function orderPackages(platform: BomPlatform): { readonly ref: string; readonly entry: ScanPackage }[] {
  const byRef = new Map(platform.packages.map((entry) => [packageRef(entry, platform.platform), entry]));
  return [...byRef].map(([ref, entry]) => ({ ref, entry })).sort((a, b) => compareText(a.ref, b.ref));
}

/** A version as CycloneDX takes it: what is longer than 1,024 characters is none. CycloneDX 1.6, version. */
export function boundVersion(version: string): string {
  return version.length <= 1024 ? version : `${version.slice(0, 1000)}…`;
}

/** What is known of a package beside name, version and purl; `tidemill:` names, which Tidemill reads back. */
export function packageFacts({
  source,
  sourceVersion,
  layer,
  path,
  owner,
  architecture,
  type,
}: ScanPackage): [string, string][] {
  const facts: [string, string | undefined][] = [
    ["tidemill:type", type],
    ["tidemill:architecture", architecture],
    ["tidemill:source", source],
    ["tidemill:sourceVersion", sourceVersion],
    ["tidemill:layer", layer === noLayer ? undefined : layer],
    ["tidemill:path", path],
    ["tidemill:owner", owner],
  ];
  return facts.flatMap(([name, value]): [string, string][] =>
    value === undefined || value === "" ? [] : [[name, value]],
  );
}

/** A UUID that is the same for the same content: version 8, of its hash. RFC 9562, 5.8. */
export function uuidOf(content: string): string {
  const hex = createHash("sha256").update(content).digest("hex");
  const variant = "89ab".charAt(Number.parseInt(hex.charAt(16), 16) % 4);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    variant + hex.slice(17, 20),
    hex.slice(20, 32),
  ].join("-");
}

/** What identifies the content of a bill, for names that have to be unique. */
export function contentKey({ subject, platforms, version }: BomInput): string {
  return digestHex(
    sha256(
      JSON.stringify([
        subject.kind,
        subject.name,
        subject.digest ?? "",
        version,
        platforms.map((platform) => [
          platform.platform ?? "",
          platform.os?.id,
          platform.os?.versionId,
          orderPackages(platform),
          platform.problems,
        ]),
      ]),
    ),
  );
}

/** JSON in which nothing steers a terminal or a reader: what JSON itself leaves as it is and is unprintable is escaped, with the same meaning. RFC 8259, 7. */
export function visibleJson(text: string): string {
  return text.replaceAll(
    /[\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
