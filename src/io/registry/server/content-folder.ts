import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { randomBytes, randomUUID } from "node:crypto";
import { join } from "node:path";
import { digestAlgorithm, digestHex, isDigest, syncFolder, type Digest } from "../../../lib/index.ts";

/** Content by digest in `blobs/<algorithm>/<hex>`, as an OCI layout has it, and what is being uploaded in `uploads/`. */
export interface ContentFolder {
  path(digest: Digest): string;
  /** A new name in `uploads/`. */
  newUpload(): string;
  /** Puts small content in place at once; it outlives the process, not a power cut. */
  putSmall(digest: Digest, bytes: Uint8Array): void;
  /** Puts a finished upload in place; once this resolves it outlives a power cut. */
  putUpload(digest: Digest, upload: string): Promise<void>;
  /** The content, or undefined where the file is gone. */
  read(digest: Digest): Promise<Buffer | undefined>;
  readNow(digest: Digest): Buffer | undefined;
  /** Makes what putSmall wrote outlive a power cut. */
  sync(digests: Iterable<Digest>): Promise<void>;
  list(): Promise<Map<Digest, string>>;
  /** When the content was last used, by its file's time; undefined where it is gone. */
  usedAt(digest: Digest): Promise<number | undefined>;
  setUsedAt(digest: Digest, at: number): Promise<void>;
  remove(digest: Digest): Promise<void>;
  /** Sets bytes aside, if the disk has them, so that what frees space can be written down on a full disk. */
  keepReserve(): Promise<void>;
  /** Frees those bytes; false where there are none. */
  giveReserve(): Promise<boolean>;
}

const reserveBytes = 1024 * 1024;
const algorithms = ["sha256", "sha512"] as const;

/** Opens the folder, makes what is missing, and throws unfinished uploads away. */
export async function openContentFolder(root: string): Promise<ContentFolder> {
  const uploads = join(root, "uploads");
  const reserve = join(root, "reserve");
  await rm(uploads, { recursive: true, force: true });
  for (const each of [uploads, ...algorithms.map((name) => join(root, "blobs", name))]) {
    await mkdir(each, { recursive: true, mode: 0o700 });
  }
  for (const each of [join(root, "blobs"), root]) await syncFolder(each);

  const folder = (digest: Digest): string => join(root, "blobs", digestAlgorithm(digest));
  const path = (digest: Digest): string => join(folder(digest), digestHex(digest));
  const newUpload = (): string => join(uploads, randomUUID());
  const syncShared = shareSyncs();

  return {
    path,
    newUpload,
    // Synchronous on purpose: four short calls cost less than four trips through the thread pool.
    putSmall: (digest, bytes) => {
      const aside = newUpload();
      try {
        writeFileSync(aside, bytes, { flag: "wx", mode: 0o600 });
        renameSync(aside, path(digest));
      } catch (error) {
        rmSync(aside, { force: true });
        throw error;
      }
    },
    putUpload: async (digest, upload) => {
      const file = await open(upload, "r+");
      try {
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(upload, path(digest));
      await syncShared(folder(digest));
    },
    read: (digest) => orMissing(readFile(path(digest))),
    readNow: (digest) => {
      try {
        return readFileSync(path(digest));
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
    },
    sync: async (digests) => {
      const waiting = [...digests];
      await Promise.all(
        Array.from({ length: 4 }, async () => {
          for (let digest = waiting.pop(); digest !== undefined; digest = waiting.pop()) await syncFile(path(digest));
        }),
      );
      for (const name of algorithms) await syncFolder(join(root, "blobs", name));
    },
    list: async () => {
      const found = new Map<Digest, string>();
      for (const name of algorithms) {
        for (const file of await readdir(join(root, "blobs", name))) {
          const digest = `${name}:${file}`;
          if (isDigest(digest)) found.set(digest, file);
        }
      }
      return found;
    },
    usedAt: async (digest) => (await orMissing(stat(path(digest))))?.mtimeMs,
    setUsedAt: async (digest, at) => {
      await orMissing(utimes(path(digest), new Date(at), new Date(at)));
    },
    remove: (digest) => rm(path(digest), { force: true }),
    keepReserve: async () => {
      // Random, for there are file systems on which zeros need no space.
      const aside = newUpload();
      await writeFile(aside, randomBytes(reserveBytes), { flag: "wx", mode: 0o600 })
        .then(() => rename(aside, reserve))
        .catch(() => rm(aside, { force: true }));
    },
    giveReserve: async () => {
      if ((await orMissing(stat(reserve))) === undefined) return false;
      await rm(reserve, { force: true });
      return true;
    },
  };
}

/** A function that fsyncs a folder; calls that wait for the same folder at the same time share the fsync after the one under way. */
function shareSyncs(): (folder: string) => Promise<void> {
  const next = new Map<string, Promise<void>>();
  const current = new Map<string, Promise<void>>();
  return (folder) => {
    let waiting = next.get(folder);
    if (waiting === undefined) {
      waiting = (current.get(folder) ?? Promise.resolve()).then(async () => {
        next.delete(folder);
        const run = syncFolder(folder);
        current.set(
          folder,
          run.catch(() => undefined),
        );
        await run;
      });
      next.set(folder, waiting);
    }
    return waiting;
  };
}

async function syncFile(path: string): Promise<void> {
  const file = await orMissing(open(path, "r+"));
  if (file === undefined) return;
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function orMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}
