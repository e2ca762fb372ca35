import {
  formatPlatform,
  isForeignLayer,
  manifestBlobs,
  mediaTypes,
  parseDocument,
  samePlatform,
  type Descriptor,
  type ImageIndex,
  type ImageSink,
  type ImageSource,
  type Platform,
  type RawManifest,
} from "../../core/image/index.ts";
import type { Digest } from "../../lib/index.ts";
import type { Repository } from "./client/repository.ts";
import { RegistryError } from "./error.ts";
import { makeManifest } from "./layout-index.ts";

export interface CopyOptions {
  /** Tag for the copy. */
  readonly tag?: string;
  /** Only these platforms of an index: one becomes the copy itself, several a new index. All when left out, and the digest stays. */
  readonly platforms?: readonly Platform[];
  /** Signatures, SBOMs and other artifacts that name what is copied or a manifest of it, too; both sides must be repositories. */
  readonly referrers?: boolean;
  readonly signal?: AbortSignal;
}

/** What was copied. */
export interface Copied {
  readonly digest: Digest;
  readonly mediaType: string;
  /** Blobs and manifests looked at, and the bytes of blobs that had to be sent. */
  readonly blobs: number;
  readonly manifests: number;
  readonly bytes: number;
}

interface Tally {
  blobs: number;
  manifests: number;
  bytes: number;
}

const blobsAtATime = 4;
const maxDepth = 4;
/** Cosign's tags: signatures, attestations and bills of materials of the digest that the tag begins with. cosign, specs/SIGNATURE_SPEC.md. */
const evidenceTags = ["sig", "att", "sbom"];

/**
 * Copies what `reference` (a tag or digest) names: children before their index, blobs before their manifest, the tag
 * last. Throws NOT_FOUND, NO_PLATFORM, or what source and sink throw.
 */
export async function copyImage(
  source: ImageSource,
  reference: string,
  sink: ImageSink,
  options: CopyOptions = {},
): Promise<Copied> {
  const tally: Tally = { blobs: 0, manifests: 0, bytes: 0 };
  const named = await fetchNamed(source, reference, options.signal);
  const root =
    options.platforms === undefined ? named : await choosePlatforms(source, named, options.platforms, options.signal);
  await copyManifest({ source, sink, options, tally }, root, options.tag, 0);
  if (options.referrers === true) await copyEvidence({ source, sink, options, tally }, root);
  return { digest: root.digest, mediaType: root.mediaType, ...tally };
}

interface Copying {
  readonly source: ImageSource;
  readonly sink: ImageSink;
  readonly options: CopyOptions;
  readonly tally: Tally;
}

async function copyManifest(copying: Copying, raw: RawManifest, tag: string | undefined, depth: number): Promise<void> {
  const { source, sink, options, tally } = copying;
  if (depth > maxDepth)
    throw new RegistryError("BAD_ANSWER", `${source.name}: indexes in indexes, more than ${maxDepth} deep`);
  const document = parseDocument(raw);
  if (document.kind === "manifest") {
    await copyBlobs(copying, manifestBlobs(document.manifest));
  } else {
    for (const each of document.index.manifests) {
      const child = await fetchNamed(source, each.digest, options.signal);
      if (child.bytes.byteLength !== each.size) {
        throw new RegistryError("WRONG_SIZE", `${source.name}: ${each.digest} has not the size that its index says`);
      }
      await copyManifest(copying, child, undefined, depth + 1);
    }
  }
  await sink.putManifest(raw, tag, options.signal);
  tally.manifests++;
}

async function copyBlobs(copying: Copying, blobs: readonly Descriptor[]): Promise<void> {
  const { source, sink, options, tally } = copying;
  const mountFrom =
    isRepository(source) && isRepository(sink) && source.registry === sink.registry ? [source.repository] : [];
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  const waiting = blobs.filter((each) => !isForeignLayer(each)).reverse();
  await Promise.all(
    Array.from({ length: blobsAtATime }, async () => {
      for (let blob = waiting.pop(); blob !== undefined; blob = waiting.pop()) {
        const descriptor = blob;
        tally.blobs++;
        tally.bytes += await sink.putBlob(descriptor, () => source.blob(descriptor, options.signal), {
          mountFrom,
          ...signal,
        });
      }
    }),
  );
}

/** What the source has that names the image, or a manifest of its index: artifacts with a subject, and those of tools that find them by a tag made of the digest. */
async function copyEvidence(copying: Copying, root: RawManifest): Promise<void> {
  const { source, sink, options } = copying;
  if (!isRepository(source) || !isRepository(sink)) return;
  const document = parseDocument(root);
  const subjects = [root.digest];
  if (document.kind === "index") subjects.push(...document.index.manifests.map(({ digest }) => digest));
  for (const subject of subjects) {
    await copyReferrers(copying, subject, 0);
    for (const kind of evidenceTags) {
      const tag = `${subject.replace(":", "-")}.${kind}`;
      const found = await source.manifest(tag, options.signal);
      if (found !== undefined) await copyManifest(copying, found, tag, 0);
    }
  }
}

async function copyReferrers(copying: Copying, subject: Digest, depth: number): Promise<void> {
  const { source, sink, options } = copying;
  if (!isRepository(source) || !isRepository(sink) || depth > maxDepth) return;
  for (const each of await source.referrers(subject, undefined, options.signal)) {
    await copyManifest(copying, await fetchNamed(source, each.digest, options.signal), undefined, 0);
    await copyReferrers(copying, each.digest, depth + 1);
  }
}

async function choosePlatforms(
  source: ImageSource,
  raw: RawManifest,
  platforms: readonly Platform[],
  signal: AbortSignal | undefined,
): Promise<RawManifest> {
  const document = parseDocument(raw);
  if (document.kind === "manifest") return raw;
  const chosen = platforms.map((platform) => findPlatform(source, document.index, platform));
  const [only] = chosen;
  if (only !== undefined && chosen.length === 1) return fetchNamed(source, only.digest, signal);
  return makeManifest(mediaTypes.index, { ...document.index, mediaType: mediaTypes.index, manifests: chosen });
}

function findPlatform(source: ImageSource, index: ImageIndex, platform: Platform): Descriptor {
  const found = index.manifests.find((each) => each.platform !== undefined && samePlatform(each.platform, platform));
  if (found !== undefined) return found;
  const offered = index.manifests.flatMap((each) => (each.platform === undefined ? [] : formatPlatform(each.platform)));
  throw new RegistryError("NO_PLATFORM", `${source.name} has nothing for ${formatPlatform(platform)}`, {
    hint: `It has ${offered.join(", ") || "no platforms"}.`,
  });
}

async function fetchNamed(
  source: ImageSource,
  reference: string,
  signal: AbortSignal | undefined,
): Promise<RawManifest> {
  const found = await source.manifest(reference, signal);
  if (found !== undefined) return found;
  throw new RegistryError("NOT_FOUND", `${source.name} has no ${reference}`, {
    hint: "Is the name or tag spelt right?",
  });
}

function isRepository(side: ImageSource | ImageSink): side is Repository {
  return "referrers" in side && "registry" in side;
}
