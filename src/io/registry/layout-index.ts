import {
  annotationKeys,
  describeManifest,
  mediaTypes,
  parseDocument,
  parseIndex,
  type Descriptor,
  type RawManifest,
} from "../../core/image/index.ts";
import { isDigest, sha256, type Digest } from "../../lib/index.ts";
import { RegistryError } from "./error.ts";

/** What index.json of a layout lists. image-spec, image-layout.md. */
export function parseLayoutIndex(bytes: Uint8Array): readonly Descriptor[] {
  return parseIndex(bytes, mediaTypes.index).manifests;
}

/** index.json as text. */
export function formatLayoutIndex(manifests: readonly Descriptor[]): string {
  return `${JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests }, undefined, 2)}\n`;
}

/** Checks oci-layout's text. */
export function checkLayoutMarker(bytes: Uint8Array, name: string): void {
  try {
    const { imageLayoutVersion } = JSON.parse(Buffer.from(bytes).toString("utf8")) as { imageLayoutVersion?: unknown };
    if (imageLayoutVersion === "1.0.0") return;
  } catch {
    // Said below.
  }
  throw new RegistryError("BAD_LAYOUT", `${name}: oci-layout does not say version 1.0.0`);
}

export const layoutMarker = `${JSON.stringify({ imageLayoutVersion: "1.0.0" })}\n`;

/** The tag of an entry: by OCI's annotation, else by the name that containerd and docker write. */
export function tagOf(descriptor: Descriptor): string | undefined {
  const name = descriptor.annotations?.[annotationKeys.refName];
  if (name !== undefined) return name;
  const full = descriptor.annotations?.[annotationKeys.containerdName];
  return full?.slice(full.lastIndexOf(":") + 1);
}

/** The list with `tag` naming this manifest and nothing else. */
export function withTag(manifests: readonly Descriptor[], manifest: RawManifest, tag: string): readonly Descriptor[] {
  const others = manifests.filter((each) => tagOf(each) !== tag);
  return [...others, { ...describeManifest(manifest), annotations: { [annotationKeys.refName]: tag } }];
}

/** The digest that `reference` means: itself, the entry with that tag, or for `latest` the only entry there is. */
export function findEntry(manifests: readonly Descriptor[], reference: string): Digest | undefined {
  if (isDigest(reference)) return reference;
  const tagged = manifests.findLast((each) => tagOf(each) === reference);
  if (tagged !== undefined) return tagged.digest;
  return reference === "latest" && manifests.length === 1 ? manifests[0]?.digest : undefined;
}

/** A manifest as it lies in a layout: its type stands in the document, or in the entry that lists it. */
export function rawManifest(bytes: Uint8Array, digest: Digest, manifests: readonly Descriptor[]): RawManifest {
  const listed = manifests.find((each) => each.digest === digest)?.mediaType;
  const document = parseDocument({ bytes, ...(listed === undefined ? {} : { mediaType: listed }) });
  const { mediaType } = document.kind === "manifest" ? document.manifest : document.index;
  return { digest, mediaType, bytes };
}

/** A manifest of bytes that we made. */
export function makeManifest(mediaType: string, value: unknown): RawManifest {
  const bytes = Buffer.from(JSON.stringify(value));
  return { digest: sha256(bytes), mediaType, bytes };
}
