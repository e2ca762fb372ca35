import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { lstat, open, readdir, readFile, readlink, realpath } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { parseIgnoreFile } from "../../core/dockerfile/index.ts";
import { formatBytes, printable, type Digest } from "../../lib/index.ts";
import { GitError } from "./error.ts";
import { defaultGitLimits, type GitLimits } from "./types.ts";

export interface FolderOptions {
  /** Rules in place of the folder's own .dockerignore. */
  readonly ignoreFile?: string | undefined;
  readonly limits?: Pick<GitLimits, "bytes" | "files">;
  readonly signal?: AbortSignal;
}

/**
 * A digest of what a folder gives to a build: names, kinds, modes and content of all that its .dockerignore keeps, links
 * as they are. Times and owners do not count. Throws TOO_LARGE, and what reading throws.
 */
export async function digestFolder(folder: string, options: FolderOptions = {}): Promise<Digest> {
  const { limits = defaultGitLimits, signal } = options;
  const rules = options.ignoreFile ?? (await readFile(join(folder, ".dockerignore"), "utf8").catch(() => ""));
  const ignores = parseIgnoreFile(rules);
  const mayBringBack = /^\s*!/m.test(rules);
  const hash = createHash("sha256");
  let files = 0;
  let bytes = 0;
  const open = [""];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const entries = await readdir(join(folder, next), { withFileTypes: true });
    entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of entries) {
      signal?.throwIfAborted();
      const path = next === "" ? entry.name : `${next}/${entry.name}`;
      const ignored = ignores(path);
      if (entry.isDirectory() && (!ignored || mayBringBack)) open.push(path);
      if (ignored) continue;
      files += 1;
      if (files > limits.files) throw tooLarge(folder, `has more than ${limits.files} files`);
      const from = join(folder, path);
      const { mode, size } = await lstat(from);
      const kind = entry.isFile() ? "file" : entry.isSymbolicLink() ? "link" : entry.isDirectory() ? "folder" : "other";
      hash.update(JSON.stringify([path, kind, kind === "link" ? 0 : mode & 0o777]));
      if (kind === "link") hash.update(JSON.stringify(await readlink(from)));
      if (kind !== "file") continue;
      bytes += size;
      if (bytes > limits.bytes) throw tooLarge(folder, `holds more than ${formatBytes(limits.bytes)}`);
      const content = createHash("sha256");
      for await (const chunk of createReadStream(from, { end: Math.max(0, size - 1) }) as AsyncIterable<Buffer>)
        content.update(chunk);
      hash.update(content.digest());
    }
  }
  return `sha256:${hash.digest("hex")}`;
}

/**
 * The text of a file of a source, `limit` bytes at most; undefined where it is not there. A link that leads out of the
 * folder is refused: BAD_PATH. TOO_LARGE past the limit.
 */
export async function readSourceFile(folder: string, path: string, limit: number): Promise<string | undefined> {
  const root = await realpath(folder);
  const real = await realpath(join(root, path)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw error;
  });
  if (real === undefined) return undefined;
  const inside = relative(root, real);
  if (inside === ".." || inside.startsWith(`..${sep}`) || inside === "")
    throw new GitError("BAD_PATH", `${printable(path.slice(0, 200))} is not a file in its source`);
  const file = await open(real, "r");
  try {
    const found = await file.stat();
    if (!found.isFile()) throw new GitError("BAD_PATH", `${printable(path.slice(0, 200))} is no file`);
    if (found.size > limit)
      throw new GitError("TOO_LARGE", `${printable(path.slice(0, 200))} is larger than ${limit} bytes`);
    return (await file.readFile()).toString("utf8");
  } finally {
    await file.close();
  }
}

function tooLarge(folder: string, why: string): GitError {
  return new GitError("TOO_LARGE", `${folder} ${why}`, {
    hint: "Leave out what the build does not need in .dockerignore.",
  });
}
