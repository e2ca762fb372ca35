import { createHash } from "node:crypto";
import { constants, type Dirent } from "node:fs";
import { open, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { parseIgnoreFile } from "../../core/dockerfile/index.ts";
import { AppError, formatBytes, messageOf, type Digest } from "../../lib/index.ts";
import { GitError } from "./error.ts";

interface KeyLimits {
  /** Files, links and folders, those that are left out too. */
  readonly entries: number;
  readonly bytes: number;
}

/** What is counted of one path: of a file the digest of its content. */
type Counted = readonly ["folder", string] | readonly ["link" | "file" | "program", string, string];

const defaults: KeyLimits = { entries: 200_000, bytes: 4_000_000_000 };
const together = 16;
const pieceSize = 262_144;
const ignoreName = ".dockerignore";
/** Bytes; beyond what the rules may have. */
const mostRules = 1_048_576;

/**
 * Digest of what a build would read of a folder: sorted names, kinds, executable bits, content, targets of links. What the `.dockerignore` leaves out does not
 * count (a `<Dockerfile>.dockerignore` beside the Dockerfile takes its place), nor do times, owners and `.git`; the Dockerfile, a path in the folder, always does.
 * No link is followed but that of the Dockerfile itself. Throws UNREADABLE and TOO_LARGE with the path.
 */
export async function readFolderKey(
  folder: string,
  dockerfile: string,
  signal: AbortSignal,
  limits: KeyLimits = defaults,
): Promise<Digest> {
  let bytes = 0;
  const hash = async (path: string, flags: number) => {
    const file = await open(path, flags | constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const found = await file.stat();
      if (!found.isFile()) throw new Error("it is no file");
      const { size, mode } = found;
      const content = createHash("sha256");
      const piece = Buffer.allocUnsafe(Math.min(Math.max(size, 1), pieceSize));
      for (let read = -1; read !== 0;) {
        signal.throwIfAborted();
        ({ bytesRead: read } = await file.read(piece, 0, piece.length));
        bytes += read;
        if (bytes > limits.bytes)
          throw new GitError("TOO_LARGE", `${folder} has more than ${formatBytes(limits.bytes)} to build from`, {
            hint: "Leave out in .dockerignore what the Dockerfile does not need.",
          });
        content.update(piece.subarray(0, read));
      }
      return { digest: content.digest("hex"), program: (mode & 0o100) !== 0 };
    } finally {
      await file.close();
    }
  };
  const count = async (path: string, entry: Dirent): Promise<Counted> => {
    const from = join(folder, path);
    if (entry.isDirectory()) return ["folder", path];
    if (entry.isSymbolicLink()) return ["link", path, await readlink(from)];
    const { digest, program } = await hash(from, constants.O_NOFOLLOW);
    return [program ? "program" : "file", path, digest];
  };

  const recipe = await reading(join(folder, dockerfile), signal, (path) => hash(path, 0));
  const ignores = await loadIgnores(folder, dockerfile, signal);
  const key = createHash("sha256").update(`${JSON.stringify(["dockerfile", recipe.digest])}\n`);
  const entries = await listFolder(folder, ignores, signal, limits.entries);
  for (let at = 0; at < entries.length; at += together) {
    const batch = entries.slice(at, at + together);
    const counted = await Promise.allSettled(
      batch.map(([path, entry]) => reading(join(folder, path), signal, () => count(path, entry))),
    );
    for (const one of counted) {
      if (one.status === "rejected") throw one.reason as Error;
      key.update(`${JSON.stringify(one.value)}\n`);
    }
  }
  return `sha256:${key.digest("hex")}`;
}

async function loadIgnores(
  folder: string,
  dockerfile: string,
  signal: AbortSignal,
): Promise<(path: string) => boolean> {
  for (const name of [`${dockerfile}${ignoreName}`, ignoreName]) {
    const text = await reading(join(folder, name), signal, readSmall);
    if (text === undefined) continue;
    try {
      return parseIgnoreFile(text);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      throw new GitError("TOO_LARGE", `${join(folder, name)}: ${error.message}`, { cause: error });
    }
  }
  return () => false;
}

/** A file of rules, or as much of it as says that it is too large to be one; undefined where there is none. */
async function readSmall(path: string): Promise<string | undefined> {
  let file;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    const buffer = Buffer.alloc(mostRules);
    let size = 0;
    for (let read = -1; read !== 0 && size < mostRules; size += read)
      ({ bytesRead: read } = await file.read(buffer, size, mostRules - size));
    return buffer.toString("utf8", 0, size);
  } finally {
    await file.close();
  }
}

/** What the builder would get, in an order that only the names decide. */
async function listFolder(
  folder: string,
  ignores: (path: string) => boolean,
  signal: AbortSignal,
  limit: number,
): Promise<readonly (readonly [string, Dirent])[]> {
  const kept: (readonly [string, Dirent])[] = [];
  const folders = [""];
  let seen = 0;
  for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
    const within = next;
    const entries = await reading(join(folder, within), signal, (path) => readdir(path, { withFileTypes: true }));
    for (const entry of entries) {
      const path = within === "" ? entry.name : `${within}/${entry.name}`;
      if (entry.name === ".git") continue;
      seen += 1;
      if (seen > limit)
        throw new GitError("TOO_LARGE", `${folder} has more than ${limit} files and folders`, {
          hint: "Name a smaller folder as `context:`.",
        });
      // A later rule may bring back what is in a folder that is left out.
      if (entry.isDirectory()) folders.push(path);
      // Builders leave out what is neither file, folder nor link.
      if (!(entry.isDirectory() || entry.isFile() || entry.isSymbolicLink()) || ignores(path)) continue;
      if (entry.name.includes("\ufffd"))
        throw new GitError("UNREADABLE", `${join(folder, path)}: the name is not UTF-8, and builders do not take it`);
      kept.push([path, entry]);
    }
  }
  return kept.sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Does `work` on a path and names the path where that fails. */
async function reading<T>(path: string, signal: AbortSignal, work: (path: string) => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  try {
    return await work(path);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof GitError) throw error;
    throw new GitError("UNREADABLE", `${path} cannot be read: ${messageOf(error)}`, {
      hint: "`dockerfile:` is relative to the build context; is all of it readable, and did it change meanwhile?",
      cause: error,
    });
  }
}
