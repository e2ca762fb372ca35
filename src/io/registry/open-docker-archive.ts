import type { FileHandle } from "node:fs/promises";
import {
  configLimit,
  manifestLimit,
  mediaTypes,
  parseConfig,
  parseReference,
  type Descriptor,
  type ImageSource,
  type RawManifest,
} from "../../core/image/index.ts";
import { digestAlgorithm, digestHex, sha256, type Digest } from "../../lib/index.ts";
import { RegistryError } from "./error.ts";
import { checkLayoutMarker, findEntry, makeManifest, parseLayoutIndex, rawManifest } from "./layout-index.ts";
import { openPlainTar } from "./plain-tar.ts";
import { indexTar, type TarMember } from "./tar-index.ts";
import { verifyStream } from "./verify-stream.ts";

/** An archive of `docker save`, to read from. */
export interface DockerArchive extends ImageSource {
  /** Names and tags under which `docker load` would show its images. */
  readonly tags: readonly string[];
  /** What `latest`, the first image, stands for. */
  readonly digests: readonly Digest[];
  close(): Promise<void>;
}

interface SavedImage {
  readonly Config: string;
  readonly RepoTags: readonly string[];
  readonly Layers: readonly string[];
}

interface Opened {
  readonly path: string;
  readonly file: FileHandle;
  readonly members: ReadonlyMap<string, TarMember>;
}

/**
 * Opens what `docker save` or an OCI layout in a tar holds. The tar is looked through once and read where it lies; the
 * older format gets a manifest made of its config and plain layers. Throws BAD_ARCHIVE.
 */
export async function openDockerArchive(path: string): Promise<DockerArchive> {
  const file = await openPlainTar(path);
  try {
    const opened = { path, file, members: await indexTar(file, path) };
    return opened.members.has("index.json") ? await openLayoutTar(opened) : await openSaved(opened);
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function openLayoutTar(opened: Opened): Promise<DockerArchive> {
  const { path, file, members } = opened;
  const marker = await readMember(opened, "oci-layout", 4096);
  checkLayoutMarker(marker, path);
  const manifests = parseLayoutIndex(await readMember(opened, "index.json", manifestLimit));
  const saved = members.has("manifest.json")
    ? parseSaved(await readMember(opened, "manifest.json", manifestLimit), path)
    : [];
  const where = (digest: Digest): TarMember | undefined => members.get(blobName(digest));
  return {
    name: `docker-archive:${path}`,
    tags: saved.flatMap((each) => each.RepoTags),
    digests: manifests.map(({ digest }) => digest),
    manifest: async (reference) => {
      const digest = findEntry(manifests, reference) ?? (reference === "latest" ? manifests[0]?.digest : undefined);
      if (digest === undefined || where(digest) === undefined) return undefined;
      const bytes = await readMember(opened, blobName(digest), manifestLimit);
      for await (const _ of verifyStream(
        once(bytes),
        { mediaType: "", digest, size: bytes.byteLength },
        `${path}: ${digest}`,
      ));
      return rawManifest(bytes, digest, manifests);
    },
    blob: (descriptor) => readBlob(opened, where(descriptor.digest), descriptor),
    close: () => file.close(),
  };
}

async function openSaved(opened: Opened): Promise<DockerArchive> {
  const { path, file } = opened;
  const saved = parseSaved(await readMember(opened, "manifest.json", manifestLimit), path);
  const places = new Map<Digest, TarMember>();
  const manifests: { readonly raw: RawManifest; readonly tags: readonly string[] }[] = [];
  for (const image of saved) manifests.push({ raw: await convertSaved(opened, image, places), tags: image.RepoTags });
  const find = (reference: string): RawManifest | undefined => {
    const named = manifests.find(
      ({ raw, tags }) => raw.digest === reference || tags.some((tag) => meansTag(tag, reference)),
    );
    return named?.raw ?? (reference === "latest" ? manifests[0]?.raw : undefined);
  };
  return {
    name: `docker-archive:${path}`,
    tags: saved.flatMap((each) => each.RepoTags),
    digests: manifests.map(({ raw }) => raw.digest),
    manifest: (reference) => Promise.resolve(find(reference)),
    blob: (descriptor) => readBlob(opened, places.get(descriptor.digest), descriptor),
    close: () => file.close(),
  };
}

/** The manifest of an image in the older format: its layers are plain tars, whose digests its config tells. */
async function convertSaved(opened: Opened, image: SavedImage, places: Map<Digest, TarMember>): Promise<RawManifest> {
  const { path, members } = opened;
  const bytes = await readMember(opened, image.Config, configLimit);
  const config = parseConfig(bytes);
  const ids = config.rootfs.diff_ids;
  if (ids.length !== image.Layers.length) {
    throw new RegistryError(
      "BAD_ARCHIVE",
      `${path}: ${image.Config} has ${ids.length} layers, manifest.json ${image.Layers.length}`,
    );
  }
  const layers = image.Layers.map((layer, place) => {
    const member = members.get(layer);
    const digest = ids[place];
    if (member === undefined || digest === undefined)
      throw new RegistryError("BAD_ARCHIVE", `${path}: ${layer.slice(0, 200)} is missing`);
    places.set(digest, member);
    return { mediaType: mediaTypes.layerTar, digest, size: member.size };
  });
  const digest = sha256(bytes);
  const member = members.get(image.Config);
  if (member !== undefined) places.set(digest, member);
  return makeManifest(mediaTypes.manifest, {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: { mediaType: mediaTypes.config, digest, size: bytes.byteLength },
    layers,
  });
}

function parseSaved(bytes: Buffer, path: string): readonly SavedImage[] {
  const isTexts = (value: unknown): value is string[] =>
    Array.isArray(value) && value.every((each) => typeof each === "string");
  let images: unknown;
  try {
    images = JSON.parse(bytes.toString("utf8"));
  } catch (cause) {
    throw new RegistryError("BAD_ARCHIVE", `${path}: manifest.json is not JSON`, { cause });
  }
  if (!Array.isArray(images) || images.length === 0 || images.length > 1000) {
    throw new RegistryError("BAD_ARCHIVE", `${path}: manifest.json lists no images, or too many`);
  }
  return images.map((image: Partial<Record<keyof SavedImage, unknown>> | null) => {
    const { Config, RepoTags, Layers } = image ?? {};
    if (typeof Config === "string" && isTexts(Layers) && isTexts(RepoTags ?? [])) {
      return { Config, Layers, RepoTags: (RepoTags ?? []) as string[] };
    }
    throw new RegistryError("BAD_ARCHIVE", `${path}: manifest.json is not that of docker save`);
  });
}

/** Whether docker's `name:tag` is what `reference` asks for, by its tag or in full. */
function meansTag(name: string, reference: string): boolean {
  if (name === reference) return true;
  try {
    return parseReference(name).tag === reference;
  } catch {
    return false;
  }
}

async function readMember(opened: Opened, name: string, limit: number): Promise<Buffer> {
  const member = opened.members.get(name);
  if (member === undefined) {
    throw new RegistryError("BAD_ARCHIVE", `${opened.path} has no ${name.slice(0, 200)}`, {
      hint: "Is it an archive of docker save, or an OCI layout?",
    });
  }
  if (member.size > limit)
    throw new RegistryError("WRONG_SIZE", `${opened.path}: ${name.slice(0, 200)} is larger than ${limit} bytes`);
  const bytes = Buffer.alloc(member.size);
  await opened.file.read(bytes, 0, member.size, member.offset);
  return bytes;
}

function readBlob(opened: Opened, member: TarMember | undefined, descriptor: Descriptor): AsyncIterable<Uint8Array> {
  const what = `${opened.path}: ${descriptor.digest}`;
  if (member === undefined) throw new RegistryError("BLOB_UNKNOWN", `${what} is not there`);
  return verifyStream(readPart(opened.file, member), descriptor, what);
}

async function* readPart(file: FileHandle, member: TarMember): AsyncGenerator<Uint8Array> {
  const end = member.offset + member.size;
  for (let at = member.offset; at < end;) {
    const bytes = Buffer.allocUnsafe(Math.min(256 * 1024, end - at));
    const { bytesRead } = await file.read(bytes, 0, bytes.byteLength, at);
    if (bytesRead === 0) return;
    yield bytes.subarray(0, bytesRead);
    at += bytesRead;
  }
}

function blobName(digest: Digest): string {
  return `blobs/${digestAlgorithm(digest)}/${digestHex(digest)}`;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
