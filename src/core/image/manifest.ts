import { ImageError } from "./error.ts";
import { checkDescriptor, checkKeys, checkTexts, isFields, keysByLowerCase, type Fields } from "./descriptor.ts";
import { mediaTypes, type Descriptor, type ImageIndex, type ImageManifest, type RawManifest } from "./types.ts";

/** Bytes that a manifest or index may have. distribution-spec 1.1, Pushing manifests. */
export const manifestLimit = 4 * 1024 * 1024;

/** What a stored document turned out to be. */
export type ImageDocument =
  | { readonly kind: "manifest"; readonly manifest: ImageManifest }
  | { readonly kind: "index"; readonly index: ImageIndex };

const manifestTypes: ReadonlySet<string> = new Set([mediaTypes.manifest, mediaTypes.dockerManifest]);
const indexTypes: ReadonlySet<string> = new Set([mediaTypes.index, mediaTypes.dockerIndex]);
const documentKeys = keysByLowerCase(
  "schemaVersion",
  "mediaType",
  "artifactType",
  "config",
  "layers",
  "manifests",
  "subject",
  "annotations",
);

/** Whether `mediaType` is that of an image manifest (`manifest`), of an index (`index`), or of neither. */
export function documentKind(mediaType: string): "manifest" | "index" | undefined {
  if (manifestTypes.has(mediaType)) return "manifest";
  return indexTypes.has(mediaType) ? "index" : undefined;
}

/**
 * The image manifest in `bytes`, which came as `mediaType` (without one, the document must say). Throws BAD_MANIFEST or
 * MEDIA_TYPE. image-spec, manifest.md; CVE-2021-41190 for documents that are two things at once.
 */
export function parseManifest(bytes: Uint8Array, mediaType?: string): ImageManifest {
  const document = parseDocument({ bytes, ...(mediaType === undefined ? {} : { mediaType }) });
  if (document.kind === "index") throw refuse("it is an index, where a manifest of one image was expected");
  return document.manifest;
}

/** The image index in `bytes`, as {@link parseManifest} does for manifests. image-spec, image-index.md. */
export function parseIndex(bytes: Uint8Array, mediaType?: string): ImageIndex {
  const document = parseDocument({ bytes, ...(mediaType === undefined ? {} : { mediaType }) });
  if (document.kind === "manifest") throw refuse("it is the manifest of one image, where an index was expected");
  return document.index;
}

/** The manifest or index in `raw.bytes`; throws BAD_MANIFEST or MEDIA_TYPE. The digest is not looked at. */
export function parseDocument(raw: { readonly bytes: Uint8Array; readonly mediaType?: string }): ImageDocument {
  const fields = parseFields(raw.bytes);
  const mediaType = settleMediaType(fields, raw.mediaType);
  if (fields.schemaVersion !== 2) throw refuse("schemaVersion is not 2");
  if (fields.layers !== undefined && fields.manifests !== undefined) throw refuse("it has both layers and manifests");
  if (fields.artifactType !== undefined && typeof fields.artifactType !== "string")
    throw refuse("artifactType is not a text");
  if (fields.subject !== undefined) checkDescriptor(fields.subject, "subject", refuse);
  checkTexts(fields.annotations, "annotations", refuse);
  return documentKind(mediaType) === "manifest"
    ? { kind: "manifest", manifest: checkManifest(fields, mediaType) }
    : { kind: "index", index: checkIndex(fields, mediaType) };
}

/** Every blob that a manifest needs: config first, then the layers. */
export function manifestBlobs(manifest: ImageManifest): readonly Descriptor[] {
  return [manifest.config, ...manifest.layers];
}

/** Whether a layer is of those that registries need not hold. image-spec, layer.md, Non-Distributable Layers. */
export function isForeignLayer(descriptor: Descriptor): boolean {
  return (
    descriptor.mediaType.startsWith("application/vnd.oci.image.layer.nondistributable.") ||
    descriptor.mediaType.startsWith("application/vnd.docker.image.rootfs.foreign.")
  );
}

/** The descriptor of a manifest or index that we hold. */
export function describeManifest(raw: RawManifest): Descriptor {
  return { mediaType: raw.mediaType, digest: raw.digest, size: raw.bytes.byteLength };
}

function parseFields(bytes: Uint8Array): Fields {
  if (bytes.byteLength > manifestLimit) throw refuse(`it is larger than ${manifestLimit} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new ImageError("BAD_MANIFEST", "not a manifest: it is not JSON in UTF-8", { cause });
  }
  if (!isFields(value)) throw refuse("it is not a JSON object");
  checkKeys(value, documentKeys, "it", refuse);
  return value;
}

/** The media type that header and document agree on; a document that says none is what its fields make it. */
function settleMediaType(fields: Fields, came: string | undefined): string {
  const said = fields.mediaType;
  if (said !== undefined && typeof said !== "string") throw refuse("mediaType is not a text");
  if (came !== undefined && said !== undefined && came !== said) {
    throw new ImageError(
      "MEDIA_TYPE",
      `not a manifest: it came as ${came.slice(0, 200)} and says ${said.slice(0, 200)}`,
    );
  }
  const mediaType = said ?? came ?? (fields.manifests === undefined ? mediaTypes.manifest : mediaTypes.index);
  if (documentKind(mediaType) === undefined) {
    throw new ImageError("MEDIA_TYPE", `"${mediaType.slice(0, 200)}" is no media type of a manifest or index`, {
      hint: "Images of the OCI format and of Docker's schema 2 are read.",
    });
  }
  return mediaType;
}

function checkManifest(fields: Fields, mediaType: string): ImageManifest {
  checkDescriptor(fields.config, "config", refuse);
  if (!Array.isArray(fields.layers)) throw refuse("layers is not a list");
  fields.layers.forEach((layer, index) => checkDescriptor(layer, `layers[${index}]`, refuse));
  return { ...fields, mediaType } as unknown as ImageManifest;
}

function checkIndex(fields: Fields, mediaType: string): ImageIndex {
  if (!Array.isArray(fields.manifests)) throw refuse("manifests is not a list");
  if (fields.config !== undefined) throw refuse("it has both config and manifests");
  fields.manifests.forEach((each, index) => checkDescriptor(each, `manifests[${index}]`, refuse));
  return { ...fields, mediaType } as unknown as ImageIndex;
}

function refuse(why: string): ImageError {
  return new ImageError("BAD_MANIFEST", `not a manifest: ${why}`);
}
