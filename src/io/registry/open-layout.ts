import { constants } from "node:fs";
import { access, mkdir, open, rename, rm, type FileHandle } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { basename, join } from "node:path";
import { manifestLimit, type Descriptor, type ImageSink, type ImageSource } from "../../core/image/index.ts";
import { digestAlgorithm, digestHex, syncFolder, writeFileDurable, type Digest } from "../../lib/index.ts";
import { RegistryError } from "./error.ts";
import {
  checkLayoutMarker,
  findEntry,
  formatLayoutIndex,
  layoutMarker,
  parseLayoutIndex,
  rawManifest,
  tagOf,
  withTag,
} from "./layout-index.ts";
import { verifyStream } from "./verify-stream.ts";

/** An OCI image layout folder, to read from and write to. */
export interface Layout extends ImageSource, ImageSink {
  tags(): Promise<readonly string[]>;
  /** What a tag or digest names; undefined where there is nothing. */
  resolve(reference: string): Promise<Descriptor | undefined>;
}

/**
 * The layout in `dir`. With `create` an empty or missing folder becomes one; without, BAD_LAYOUT. Every file is written
 * aside, fsynced and renamed. One process at a time may write. image-spec, image-layout.md.
 */
export async function openLayout(dir: string, options: { readonly create?: boolean } = {}): Promise<Layout> {
  const path = (digest: Digest): string => join(dir, "blobs", digestAlgorithm(digest), digestHex(digest));
  const indexPath = join(dir, "index.json");
  const marker = await readWhole(join(dir, "oci-layout"), 4096);
  if (marker !== undefined) checkLayoutMarker(marker, dir);
  else if (options.create === true) await createLayout(dir);
  else throw new RegistryError("BAD_LAYOUT", `${dir} is not an OCI layout: it has no file oci-layout`);

  async function list(): Promise<readonly Descriptor[]> {
    const bytes = await readWhole(indexPath, manifestLimit);
    if (bytes === undefined) throw new RegistryError("BAD_LAYOUT", `${dir} has no index.json`);
    return parseLayoutIndex(bytes);
  }

  async function manifest(reference: string): ReturnType<ImageSource["manifest"]> {
    const manifests = await list();
    const digest = findEntry(manifests, reference);
    const bytes = digest === undefined ? undefined : await readWhole(path(digest), manifestLimit);
    if (digest === undefined || bytes === undefined) return undefined;
    const checked = verifyStream(once(bytes), { mediaType: "", digest, size: bytes.byteLength }, `${dir}: ${digest}`);
    for await (const _ of checked);
    return rawManifest(bytes, digest, manifests);
  }

  let turn: Promise<unknown> = Promise.resolve();
  /** Changes to index.json, one after the other. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = turn.then(work);
    turn = mine.catch(() => undefined);
    return mine;
  }

  async function putBlob(descriptor: Descriptor, source: AsyncIterable<Uint8Array>): Promise<number> {
    const target = path(descriptor.digest);
    if ((await sizeOf(target)) === descriptor.size) return 0;
    const aside = `${target}.${randomUUID()}.part`;
    try {
      await writeSynced(aside, verifyStream(source, descriptor, `${dir}: ${descriptor.digest}`));
      await rename(aside, target);
    } catch (error) {
      await rm(aside, { force: true });
      throw error;
    }
    await syncFolder(join(target, ".."));
    return descriptor.size;
  }

  return {
    name: `oci:${dir}`,
    manifest,
    blob: (descriptor) => readBlob(path(descriptor.digest), descriptor, dir),
    putBlob: (descriptor, source) => putBlob(descriptor, source()),
    putManifest: async (raw, tag) => {
      await putBlob({ ...raw, size: raw.bytes.byteLength }, once(raw.bytes));
      if (tag === undefined) return;
      await inTurn(async () => writeFileDurable(indexPath, formatLayoutIndex(withTag(await list(), raw, tag))));
    },
    tags: async () => [...new Set((await list()).flatMap((each) => tagOf(each) ?? []))].sort(),
    resolve: async (reference) => {
      const found = await manifest(reference);
      return found && { mediaType: found.mediaType, digest: found.digest, size: found.bytes.byteLength };
    },
  };
}

/** Whether a folder looks like a layout. */
export function isLayout(dir: string): Promise<boolean> {
  return access(join(dir, "oci-layout")).then(
    () => true,
    () => false,
  );
}

async function createLayout(dir: string): Promise<void> {
  for (const algorithm of ["sha256", "sha512"]) await mkdir(join(dir, "blobs", algorithm), { recursive: true });
  await syncFolder(join(dir, "blobs"));
  await writeFileDurable(join(dir, "index.json"), formatLayoutIndex([]));
  // Last, so that what has it is whole.
  await writeFileDurable(join(dir, "oci-layout"), layoutMarker);
}

async function* readBlob(path: string, descriptor: Descriptor, dir: string): AsyncGenerator<Uint8Array> {
  const what = `${dir}: ${descriptor.digest}`;
  const file = await openPlain(path);
  if (file === undefined) throw new RegistryError("BLOB_UNKNOWN", `${what} is not there`);
  try {
    yield* verifyStream(file.createReadStream({ autoClose: false, highWaterMark: 256 * 1024 }), descriptor, what);
  } finally {
    await file.close();
  }
}

/** Opens a plain file. Links could lead out of the folder, and a pipe would never end. */
async function openPlain(path: string): Promise<FileHandle | undefined> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    if ((await file.stat()).isFile()) return file;
    await file.close();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    if (code !== "ELOOP") throw error;
  }
  throw new RegistryError("BAD_LAYOUT", `${basename(path)} is not a plain file`);
}

async function readWhole(path: string, limit: number): Promise<Buffer | undefined> {
  const file = await openPlain(path);
  if (file === undefined) return undefined;
  try {
    if ((await file.stat()).size > limit)
      throw new RegistryError("WRONG_SIZE", `${path} is larger than ${limit} bytes`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  const file = await openPlain(path);
  if (file === undefined) return undefined;
  try {
    return (await file.stat()).size;
  } finally {
    await file.close();
  }
}

async function writeSynced(path: string, source: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await open(path, "wx", 0o644);
  try {
    for await (const chunk of source) await file.writeFile(chunk);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
