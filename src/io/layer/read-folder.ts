import { constants, type Stats } from "node:fs";
import { lstat, open, readdir, readlink, statfs } from "node:fs/promises";
import { join } from "node:path";
import { emptyTree, extendTree, type LayerFacts, type LayerProblem, type Tree } from "../../core/inventory/index.ts";
import type { TarHeader } from "../../core/layer/index.ts";
import { messageOf, type Digest } from "../../lib/index.ts";
import { LayerError } from "./error.ts";
import { LayerFactsBuilder } from "./layer-facts-builder.ts";
import { defaultLayerLimits, type LayerLimits } from "./limits.ts";

export interface ReadFolderOptions {
  /** What stands for the digest of a layer: a folder has none. */
  readonly diffId: Digest;
  readonly limits?: LayerLimits;
  readonly signal?: AbortSignal;
  /** Which files' texts are wanted, by path and size. */
  readonly wants?: (path: string, size: number) => boolean;
  /** Told of files and bytes that were read so far, now and then. */
  readonly onProgress?: (files: number, bytes: number) => void;
}

/** A file whose text was wanted. */
export interface WantedText {
  readonly path: string;
  readonly text: string;
}

export interface ReadFolder {
  readonly facts: LayerFacts;
  readonly texts: readonly WantedText[];
}

/** Kinds of file systems that hold no files of anybody's: the kernel's own. statfs(2). */
const pseudo = new Set([
  0x9fa0, 0x62656572, 0x1cd1, 0x27e0eb, 0x63677270, 0x64626720, 0x74726163, 0x42494e4d, 0x73636673, 0xcafe4a11,
  0x6165676c, 0x19800202, 0x65735543, 0x65735546, 0x62656570, 0x958458f6,
]);
const chunkSize = 262_144;
const progressStride = 512;
const maxProblems = 1000;

/**
 * The facts of a folder of this machine as if it were a layer: what stands below it, by its own path. No link is followed and no device or pipe is opened; file systems of the kernel below it (`/proc`)
 * and version control's own folders (`.git`) are left out. What may not be read is a problem among the facts. Throws LAYER_TOO_LARGE past a limit, IMAGE_NOT_FOUND where there is no such folder.
 */
export async function readFolder(folder: string, options: ReadFolderOptions): Promise<ReadFolder> {
  const { diffId, limits = defaultLayerLimits, signal, onProgress, wants = () => false } = options;
  const texts: WantedText[] = [];
  const root = await lstat(folder).catch((error: unknown) => {
    throw new LayerError("IMAGE_NOT_FOUND", `${folder} cannot be read: ${messageOf(error)}`, { cause: error });
  });
  const builder = new LayerFactsBuilder(limits, folder);
  const problems: LayerProblem[] = [];
  const unreadable = (path: string, error: unknown): undefined => {
    const message = `it cannot be read: ${codeOf(error)}`;
    if (problems.length < maxProblems) problems.push({ kind: "unreadable", path: path.slice(0, 300), message });
  };
  let files = 0;
  let bytes = 0;
  const todo: { readonly path: string; readonly device: number }[] = [{ path: "", device: root.dev }];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    signal?.throwIfAborted();
    const { path, device } = next;
    const names = await readdir(join(folder, path)).catch((error: unknown) => unreadable(path, error));
    for (const name of (names ?? []).sort()) {
      const inner = path === "" ? name : `${path}/${name}`;
      const place = join(folder, inner);
      const stats = await lstat(place).catch((error: unknown) => unreadable(inner, error));
      if (stats === undefined) continue;
      if (stats.isDirectory()) {
        builder.begin(headerOf(inner, stats, "5"));
        const isKernels = stats.dev !== device && pseudo.has(await kindOf(place));
        if (name !== ".git" && !isKernels) todo.push({ path: inner, device: stats.dev });
      } else if (stats.isFile()) {
        bytes += await readFile(place, inner, stats, builder, wants, texts).catch((error: unknown) => {
          if (error instanceof LayerError) throw error;
          unreadable(inner, error);
          return 0;
        });
        if (bytes > limits.unpacked)
          throw new LayerError("LAYER_TOO_LARGE", `${folder} holds more than ${limits.unpacked} bytes`);
      } else await readOther(place, inner, stats, builder).catch((error: unknown) => unreadable(inner, error));
      files += 1;
      if (files % progressStride === 0) {
        onProgress?.(files, bytes);
        signal?.throwIfAborted();
      }
    }
  }
  onProgress?.(files, bytes);
  const facts = builder.facts(diffId, bytes);
  return { facts: { ...facts, problems: [...facts.problems, ...problems] }, texts };
}

/** What stands in a folder of this machine as a tree. Throws as `readFolder` does. */
export async function folderTree(
  folder: string,
  options: ReadFolderOptions,
): Promise<{ readonly tree: Tree; readonly texts: readonly WantedText[] }> {
  const { facts, texts } = await readFolder(folder, options);
  return { tree: extendTree(emptyTree, facts), texts };
}

/** Reads a file that is still the one that was looked at, and never more of it than it had then. Gives its bytes. */
async function readFile(
  place: string,
  path: string,
  seen: Stats,
  builder: LayerFactsBuilder,
  wants: (path: string, size: number) => boolean,
  texts: WantedText[],
): Promise<number> {
  const file = await open(place, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const now = await file.stat();
    if (!now.isFile() || now.ino !== seen.ino || now.dev !== seen.dev) throw new Error("it was replaced meanwhile");
    builder.begin({ ...headerOf(path, now, "0"), size: now.size });
    const pieces: Buffer[] | undefined = wants(path, now.size) ? [] : undefined;
    let left = now.size;
    try {
      while (left > 0) {
        const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(Math.min(chunkSize, left)));
        if (bytesRead === 0) throw new Error("it became shorter meanwhile");
        builder.data(buffer.subarray(0, bytesRead));
        pieces?.push(buffer.subarray(0, bytesRead));
        left -= bytesRead;
      }
    } finally {
      builder.end();
    }
    if (pieces !== undefined) texts.push({ path, text: Buffer.concat(pieces).toString("utf8") });
    return now.size;
  } finally {
    await file.close();
  }
}

async function readOther(place: string, path: string, stats: Stats, builder: LayerFactsBuilder): Promise<void> {
  if (stats.isSymbolicLink()) builder.begin({ ...headerOf(path, stats, "2"), link: await readlink(place) });
  else if (stats.isFIFO()) builder.begin(headerOf(path, stats, "6"));
  else if (stats.isCharacterDevice()) builder.begin(headerOf(path, stats, "3"));
  else if (stats.isBlockDevice()) builder.begin(headerOf(path, stats, "4"));
}

function headerOf(path: string, { mode, uid, gid, mtimeMs, rdev }: Stats, flag: string): TarHeader {
  const device = [(rdev >> 8) & 0xfff, rdev & 0xff] as const;
  const mtime = Math.floor(mtimeMs / 1000);
  return { path, link: "", flag, mode: mode & 0o7777, uid, gid, mtime, size: 0, device, xattrs: [], sparse: false };
}

async function kindOf(place: string): Promise<number> {
  return statfs(place).then(
    ({ type }) => type,
    () => 0,
  );
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : messageOf(error);
}
