import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import { describeManifest, mediaTypes, type Descriptor, type ImageSink, type RawManifest } from "../../../core/image/index.ts";
import { collectBytes, sha256, type Digest } from "../../../lib/index.ts";

/** An image made of bytes. */
export interface MadeImage {
  readonly manifest: RawManifest;
  readonly blobs: readonly { readonly descriptor: Descriptor; readonly bytes: Buffer }[];
}

/** A blob with its descriptor. */
export function makeBlob(content: string | Buffer, mediaType: string = mediaTypes.layerGzip): MadeImage["blobs"][number] {
  const bytes = Buffer.from(content);
  return { descriptor: { mediaType, digest: sha256(bytes), size: bytes.byteLength }, bytes };
}

export function sha512(bytes: Uint8Array): Digest {
  return `sha512:${createHash("sha512").update(bytes).digest("hex")}`;
}

/** A manifest of any fields. */
export function makeDocument(fields: object, mediaType: string = mediaTypes.manifest): RawManifest {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...fields }));
  return { digest: sha256(bytes), mediaType, bytes };
}

/** A whole image of one layer for each text: a gzip tar with one file that holds it. */
export async function makeImage(texts: readonly string[], architecture = "amd64"): Promise<MadeImage> {
  const tars = await Promise.all(texts.map(makeTar));
  const layers = tars.map((tar) => makeBlob(gzipSync(tar)));
  const config = makeBlob(
    JSON.stringify({ os: "linux", architecture, rootfs: { type: "layers", diff_ids: tars.map((tar) => sha256(tar)) } }),
    mediaTypes.config,
  );
  const manifest = makeDocument({ config: config.descriptor, layers: layers.map(({ descriptor }) => descriptor) });
  return { manifest, blobs: [config, ...layers] };
}

/** An index over images, one for each architecture. */
export function makeIndex(images: Readonly<Record<string, MadeImage>>): RawManifest {
  const manifests = Object.entries(images).map(([architecture, { manifest }]) => ({
    ...describeManifest(manifest),
    platform: { os: "linux", architecture },
  }));
  return makeDocument({ manifests }, mediaTypes.index);
}

/** An artifact that names `subject`. */
export function makeArtifact(subject: RawManifest, artifactType: string, content: string): MadeImage {
  const config = makeBlob("{}", mediaTypes.empty);
  const layer = makeBlob(content, "text/plain");
  const fields = { artifactType, config: config.descriptor, layers: [layer.descriptor], subject: describeManifest(subject) };
  return { manifest: makeDocument(fields), blobs: [config, layer] };
}

/** Sends blobs and manifest; gives the bytes of blobs that went over. */
export async function pushImage(sink: ImageSink, image: MadeImage, tag?: string): Promise<number> {
  let sent = 0;
  for (const { descriptor, bytes } of image.blobs) sent += await sink.putBlob(descriptor, () => once(bytes));
  await sink.putManifest(image.manifest, tag);
  return sent;
}

export async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** All bytes of a blob. */
export function readAll(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return collectBytes(source, 1024 ** 3, "a test's blob");
}

/** A folder for a test, and how to remove it. */
export async function makeFolder(): Promise<{ path: (...parts: string[]) => string; remove: () => Promise<void> }> {
  const root = await mkdtemp(join(tmpdir(), "tidemill-registry-"));
  return { path: (...parts) => join(root, ...parts), remove: () => rm(root, { recursive: true, force: true }) };
}

function makeTar(text: string): Promise<Buffer> {
  const tar = pack();
  tar.entry({ name: "file", mtime: new Date(0) }, text);
  tar.finalize();
  return readAll(tar as AsyncIterable<Uint8Array>);
}
