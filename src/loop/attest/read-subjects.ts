import {
  configLimit,
  formatPlatform,
  parseConfig,
  parseDocument,
  parseManifest,
  parsePlatform,
  type Descriptor,
  type RawManifest,
} from "../../core/image/index.ts";
import type { Repository } from "../../io/registry/index.ts";
import { collectBytes, type Digest, type Instant } from "../../lib/index.ts";

/** A manifest of one platform of a digest. */
export interface PlatformSubject {
  readonly subject: Descriptor;
  /** `linux/amd64`. */
  readonly platform: string;
  /** When its config says that it was made. */
  readonly created: Instant | undefined;
}

/** What evidence is attached to: the digest itself, and each of its platforms where it is an index. */
export interface Subjects {
  readonly whole: Descriptor;
  /** The digest itself where it is no index. */
  readonly platforms: readonly PlatformSubject[];
}

/** What a digest is made of, from its manifests and configs; no layer is read. Throws what the registry throws; undefined where the digest is not there. */
export async function readSubjects(
  repository: Repository,
  digest: Digest,
  signal: AbortSignal,
): Promise<Subjects | undefined> {
  const raw = await repository.manifest(digest, signal);
  if (raw === undefined) return undefined;
  const whole = descriptorOf(raw);
  const document = parseDocument(raw);
  if (document.kind === "manifest") return { whole, platforms: [await readPlatform(repository, raw, signal)] };
  const platforms: PlatformSubject[] = [];
  for (const each of document.index.manifests) {
    // Build tools list their own attestations there, for a platform that is none.
    if (each.platform?.os === "unknown") continue;
    const child = await repository.manifest(each.digest, signal);
    if (child !== undefined) platforms.push(await readPlatform(repository, child, signal));
  }
  return { whole, platforms };
}

async function readPlatform(repository: Repository, raw: RawManifest, signal: AbortSignal): Promise<PlatformSubject> {
  const { config: blob } = parseManifest(raw.bytes, raw.mediaType);
  const bytes = await collectBytes(repository.blob(blob, signal), configLimit, `the config of ${raw.digest}`);
  const config = parseConfig(bytes);
  const created = config.created === undefined ? Number.NaN : Date.parse(config.created);
  return {
    subject: descriptorOf(raw),
    platform: formatPlatform(parsePlatform(formatPlatform(config))),
    created: Number.isFinite(created) ? created : undefined,
  };
}

function descriptorOf({ mediaType, digest, bytes }: RawManifest): Descriptor {
  return { mediaType, digest, size: bytes.byteLength };
}
