import { openVex, type FixedPackage } from "../../core/patch/index.ts";
import { mediaTypes, type Descriptor } from "../../core/image/index.ts";
import { debsOf, type Inventory } from "../../core/inventory/index.ts";
import type { PackageRecord } from "../../core/packages/index.ts";
import type { PackageChange } from "../../core/plan/index.ts";
import type { KeyedCause } from "../../io/store/index.ts";
import type { Repository } from "../../io/registry/index.ts";
import { sha256, type Digest, type Instant } from "../../lib/index.ts";
import type { Context } from "../context.ts";
import { causeRecords } from "./cause-records.ts";
import { suggestAdvisories } from "./suggest-advisories.ts";

/** OpenVEX 0.2.0, as an artifact beside an image. */
const vexType = "application/vnd.openvex+json";
const emptyConfig = Buffer.from("{}");

/** What a patch changed of an original, and what that held. */
export interface PatchedPackages {
  readonly changes: readonly PackageChange[];
  readonly before: readonly Inventory[];
}

/** What a patch fixed of its original, by the word of these causes' feeds and of the changelogs. */
export async function fixedByPatch(
  ctx: Context,
  image: string,
  { changes, before }: PatchedPackages,
  causes: readonly KeyedCause[],
  fetch: (record: PackageRecord) => Promise<string>,
): Promise<FixedPackage[]> {
  const sourceOf = new Map(before.flatMap((one) => debsOf(one).map(({ name, source }) => [name, source] as const)));
  const known = new Map<string, readonly string[]>();
  for (const { cause } of causes) if (cause.kind === "package") known.set(cause.source, cause.advisories);
  const asCauses = changes.map((change): KeyedCause => {
    const source = sourceOf.get(change.name) ?? change.name;
    const said = { origin: "", firstSeen: 0, security: false, advisories: known.get(source) ?? [] };
    return { key: change.name, cause: { kind: "package", source, to: change.to ?? "", packages: [change], ...said } };
  });
  const records = await causeRecords(ctx, image, asCauses, before);
  const dated = asCauses.map(({ key, cause }): KeyedCause => {
    const record = records.find(({ name }) => name === key);
    return {
      key,
      cause: cause.kind === "package" && record !== undefined ? { ...cause, to: record.sourceVersion } : cause,
    };
  });
  const told = await suggestAdvisories(dated, before, records, fetch);
  const fixed = told.flatMap(({ cause }): FixedPackage[] => {
    if (cause.kind !== "package" || cause.advisories.length === 0) return [];
    const vulnerabilities = cause.advisories.map((id) => ({ id }));
    return cause.packages.flatMap(({ name, architecture, to }) =>
      to === undefined ? [] : [{ name, architecture, version: to, vulnerabilities }],
    );
  });
  const unique = new Map(fixed.map((one) => [`${one.name}:${one.architecture}`, one]));
  return [...unique].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
}

/** Says beside a patched image which vulnerabilities its patch fixed; nothing is said where nothing is known. The same facts at the same time say the same. */
export async function attachVex(
  repository: Repository,
  digest: Digest,
  fixed: readonly FixedPackage[],
  at: Instant,
  signal: AbortSignal,
): Promise<void> {
  if (fixed.length === 0) return;
  const subject = await repository.resolve(digest, signal);
  if (subject === undefined) return;
  const document = openVex({
    repository: `${repository.registry}/${repository.repository}`,
    digest,
    distribution: "debian",
    packages: fixed,
    author: "Tidemill",
    timestamp: new Date(at).toISOString(),
  });
  const put = async (bytes: Buffer, mediaType: string): Promise<Descriptor> => {
    const descriptor = { mediaType, digest: sha256(bytes), size: bytes.length };
    await repository.putBlob(descriptor, () => only(bytes), { signal });
    return descriptor;
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    artifactType: vexType,
    config: await put(emptyConfig, "application/vnd.oci.empty.v1+json"),
    layers: [await put(Buffer.from(JSON.stringify(document)), vexType)],
    subject,
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  await repository.putReferrer({ digest: sha256(bytes), mediaType: mediaTypes.manifest, bytes }, signal);
}

async function* only(bytes: Buffer): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}
