import { createWriteStream } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { pack, type Pack } from "tar-stream";
import {
  annotationKeys,
  describeManifest,
  documentKind,
  parseManifest,
  type Descriptor,
  type ImageSink,
  type RawManifest,
} from "../../core/image/index.ts";
import { digestAlgorithm, digestHex, syncFolder, type Digest } from "../../lib/index.ts";
import { RegistryError } from "./error.ts";
import { formatLayoutIndex, layoutMarker } from "./layout-index.ts";
import { verifyStream } from "./verify-stream.ts";

/** A tar that is being written. */
export interface DockerArchiveWriter extends ImageSink {
  /** Writes the lists and ends the archive; before this a file named by path does not exist. */
  finish(): Promise<void>;
  /** Throws away what was written. */
  abort(): Promise<void>;
}

/**
 * Writes a tar that `docker load` takes and that is an OCI layout too, so that nothing is lost: layers stay compressed,
 * digests stay. `repository` (`localhost/app`) with each tag given to putManifest is the name that docker shows.
 */
export function writeDockerArchive(target: string | Writable, repository: string): DockerArchiveWriter {
  const aside = typeof target === "string" ? `${target}.part` : undefined;
  const output = typeof target === "string" ? createWriteStream(`${target}.part`, { flags: "w", mode: 0o644 }) : target;
  const tar = pack();
  const ended = finished(tar.pipe(output));
  ended.catch((error: unknown) => tar.destroy(error instanceof Error ? error : undefined));
  const written = new Set<Digest>();
  const manifests = new Map<Digest, { readonly raw: RawManifest; readonly tags: Set<string> }>();
  let turn: Promise<unknown> = Promise.resolve();

  /** A tar takes one member after the other. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = turn.then(work);
    turn = mine.catch(() => undefined);
    return mine;
  }

  async function putBlob(descriptor: Descriptor, open: () => AsyncIterable<Uint8Array>): Promise<number> {
    if (written.has(descriptor.digest)) return 0;
    const source = verifyStream(open(), descriptor, descriptor.digest);
    await writeMember(tar, ended, blobName(descriptor.digest), descriptor.size, source);
    written.add(descriptor.digest);
    return descriptor.size;
  }

  async function finish(): Promise<void> {
    const tagged = [...manifests.values()].filter(({ tags }) => tags.size > 0);
    const saved = tagged.filter(({ raw }) => documentKind(raw.mediaType) === "manifest");
    const images = saved.map(({ raw, tags }) => {
      const { config, layers } = parseManifest(raw.bytes, raw.mediaType);
      return {
        Config: blobName(config.digest),
        RepoTags: Array.from(tags, (tag) => `${repository}:${tag}`),
        Layers: layers.map(({ digest }) => blobName(digest)),
      };
    });
    const list = tagged.flatMap(({ raw, tags }) =>
      Array.from(tags, (tag) => ({
        ...describeManifest(raw),
        annotations: { [annotationKeys.refName]: tag, [annotationKeys.containerdName]: `${repository}:${tag}` },
      })),
    );
    for (const [name, text] of [
      ["index.json", formatLayoutIndex(list)],
      ["oci-layout", layoutMarker],
      ["manifest.json", `${JSON.stringify(images)}\n`],
    ] as const) {
      const bytes = Buffer.from(text);
      await writeMember(tar, ended, name, bytes.byteLength, once(bytes));
    }
    tar.finalize();
    await ended;
    if (typeof target === "string" && aside !== undefined) await settle(aside, target);
  }

  return {
    name: `docker-archive:${typeof target === "string" ? target : "stream"}`,
    putBlob: (descriptor, open) => inTurn(() => putBlob(descriptor, open)),
    putManifest: (raw, tag) =>
      inTurn(async () => {
        await putBlob({ ...raw, size: raw.bytes.byteLength }, () => once(raw.bytes));
        const known = manifests.get(raw.digest) ?? { raw, tags: new Set() };
        manifests.set(raw.digest, known);
        if (tag !== undefined) known.tags.add(tag);
      }),
    finish: () => inTurn(finish),
    abort: async () => {
      tar.destroy();
      output.destroy();
      if (aside === undefined) return;
      // A file whose opening is under way would be made after it was removed.
      if (!output.closed) await new Promise<void>((resolve) => output.once("close", resolve));
      await rm(aside, { force: true });
    },
  };
}

async function writeMember(
  tar: Pack,
  ended: Promise<void>,
  name: string,
  size: number,
  source: AsyncIterable<Uint8Array>,
): Promise<void> {
  const stored = Promise.withResolvers<void>();
  const entry = tar.entry({ name, size, mode: 0o644, mtime: new Date(0) }, (error) =>
    error ? stored.reject(error) : stored.resolve(),
  );
  try {
    for await (const chunk of source) {
      if (entry.write(chunk)) continue;
      await Promise.race([
        new Promise<void>((resolve) => entry.once("drain", () => resolve())),
        ended.then(refuseEarlyEnd),
      ]);
    }
    entry.end(null);
    await Promise.race([stored.promise, ended.then(refuseEarlyEnd)]);
  } catch (error) {
    stored.promise.catch(() => undefined);
    tar.destroy(error instanceof Error ? error : undefined);
    throw error;
  }
}

function refuseEarlyEnd(): never {
  throw new RegistryError("BAD_ARCHIVE", "the archive's reader went away");
}

async function settle(aside: string, target: string): Promise<void> {
  const file = await open(aside, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(aside, target);
  await syncFolder(dirname(target));
}

function blobName(digest: Digest): string {
  return `blobs/${digestAlgorithm(digest)}/${digestHex(digest)}`;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
