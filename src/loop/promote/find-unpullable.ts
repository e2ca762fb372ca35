import {
  isForeignLayer,
  parseDocument,
  type Descriptor,
  type ImageManifest,
  type ImageSource,
} from "../../core/image/index.ts";
import { RegistryError } from "../../io/registry/index.ts";
import { sha256, type Digest } from "../../lib/index.ts";

/** Why an image cannot be pulled whole; undefined where it can. Documents are read and checked, of each layer the first bytes. */
export async function findUnpullable(
  source: ImageSource,
  digest: Digest,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const raw = await source.manifest(digest, signal);
  if (raw === undefined) return `the manifest ${digest} is gone`;
  if (sha256(raw.bytes) !== digest) return `the manifest ${digest} is not the one that was pushed`;
  const document = parseDocument(raw);
  if (document.kind === "index") {
    for (const child of document.index.manifests) {
      const problem = await findUnpullable(source, child.digest, signal);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }
  return findMissingBlob(source, document.manifest, signal);
}

async function findMissingBlob(
  source: ImageSource,
  manifest: ImageManifest,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const blobs: Descriptor[] = [manifest.config, ...manifest.layers.filter((layer) => !isForeignLayer(layer))];
  for (const descriptor of blobs) {
    try {
      for await (const piece of source.blob(descriptor, signal)) if (piece.byteLength > 0) break;
    } catch (error) {
      if (!isGone(error)) throw error;
      return `the blob ${descriptor.digest} is gone`;
    }
  }
  return undefined;
}

function isGone(error: unknown): boolean {
  return (
    error instanceof RegistryError && ["BLOB_UNKNOWN", "NOT_FOUND", "WRONG_BYTES", "WRONG_SIZE"].includes(error.code)
  );
}
