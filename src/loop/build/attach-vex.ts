import { openVex, type FixedPackage } from "../../core/patch/index.ts";
import { mediaTypes, type Descriptor } from "../../core/image/index.ts";
import type { KeyedCause, Rebuild } from "../../io/store/index.ts";
import type { Repository } from "../../io/registry/index.ts";
import { sha256, type Digest } from "../../lib/index.ts";
import type { CandidateOrigin, Context } from "../context.ts";

/** OpenVEX 0.2.0, as an artifact beside an image. */
const vexType = "application/vnd.openvex+json";
const emptyConfig = Buffer.from("{}");

/** What patches of one original have fixed so far: what earlier ones did, and what these causes add. */
export function fixedSoFar(
  causes: readonly KeyedCause[],
  origin: CandidateOrigin,
  before: CandidateOrigin | undefined,
): readonly FixedPackage[] {
  const isSame = before !== undefined && JSON.stringify(before.bases) === JSON.stringify(origin.bases);
  const found = new Map<string, FixedPackage>();
  const note = (one: FixedPackage): void => {
    const id = `${one.name}:${one.architecture}`;
    const known = found.get(id)?.vulnerabilities ?? [];
    const ids = new Map([...known, ...one.vulnerabilities].map((each) => [each.id, each]));
    found.set(id, { ...one, vulnerabilities: [...ids.values()].sort((a, b) => (a.id < b.id ? -1 : 1)) });
  };
  for (const one of isSame ? (before.fixed ?? []) : []) note(one);
  for (const { cause } of causes) {
    if (cause.kind !== "package" || cause.advisories.length === 0) continue;
    const vulnerabilities = cause.advisories.map((id) => ({ id }));
    for (const { name, architecture, to } of cause.packages)
      if (to !== undefined) note({ name, architecture, version: to, vulnerabilities });
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
}

/** Says beside a patched image which vulnerabilities its patch fixed. The same rebuild says the same; nothing is said where nothing is known. */
export async function attachVex(
  ctx: Context,
  repository: Repository,
  digest: Digest,
  fixed: readonly FixedPackage[],
  rebuild: Rebuild,
  signal: AbortSignal,
): Promise<void> {
  if (fixed.length === 0) return;
  const subject = await repository.resolve(digest, signal);
  if (subject === undefined) return;
  const document = openVex({
    repository: repository.name,
    digest,
    distribution: "debian",
    packages: fixed,
    author: "Tidemill",
    timestamp: new Date(rebuild.createdAt).toISOString(),
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
  ctx.emit({
    kind: "note",
    image: rebuild.image,
    rebuild: rebuild.id,
    digest,
    message: "an OpenVEX document says what the patch fixed",
  });
}

async function* only(bytes: Buffer): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}
