import { mkdir, open, symlink } from "node:fs/promises";
import { dirname, join, posix } from "node:path";
import { Readable } from "node:stream";
import { formatBytes, printable } from "../../lib/index.ts";
import { GitError } from "./error.ts";
import type { GitUrl } from "./git-url.ts";
import type { GitRunner } from "./run-git.ts";
import type { FetchedSource, GitLimits } from "./types.ts";

export interface Export {
  readonly repository: string;
  readonly commit: string;
  /** Folder in the repository; empty for all of it. */
  readonly folder: string;
  readonly into: string;
  readonly limits: GitLimits;
  readonly url: GitUrl;
  readonly signal: AbortSignal | undefined;
}

interface Entry {
  readonly mode: string;
  readonly id: string;
  readonly size: number;
  readonly path: string;
}

const listBytes = 128 * 1_048_576;
const longestLink = 4096;
const longestPath = 4096;

/**
 * Lays out a commit's files by reading its objects, never by a checkout: so no filter, attribute, hook or submodule of the
 * repository has a say. Links come last, and only those that stay inside. Throws BAD_TREE, NO_FOLDER, TOO_LARGE.
 */
export async function exportTree(git: GitRunner, request: Export): Promise<Omit<FetchedSource, "commit">> {
  const { repository, into, limits, url, signal } = request;
  const entries = await listEntries(git, request);
  const files = entries.filter(({ mode }) => mode === "100644" || mode === "100755");
  const links = entries.filter(({ mode }) => mode === "120000");
  const modules = entries.filter(({ mode }) => mode === "160000");
  const bytes = [...files, ...links].reduce((sum, { size }) => sum + size, 0);
  if (entries.length > limits.files)
    throw new GitError("TOO_LARGE", `${url.shown} has more than ${limits.files} files`, {
      hint: "Name a subdirectory, or allow a source more files.",
    });
  if (bytes > limits.bytes)
    throw new GitError("TOO_LARGE", `${url.shown} has files of more than ${formatBytes(limits.bytes)}`, {
      hint: "Name a subdirectory, or allow a source more bytes.",
    });
  await mkdir(into, { mode: 0o755 });
  for (const { path } of modules) await mkdir(join(into, path), { recursive: true, mode: 0o755 });
  const targets = new Map<Entry, string>();
  const wanted = [...files, ...links];
  const input = Readable.from(wanted.map(({ id }) => `${id}\n`));
  await git.stream(["cat-file", "--batch"], { cwd: repository, input, signal }, async (stdout) => {
    const reader = createReader(stdout);
    for (const entry of wanted) {
      const [id, type, size] = (await reader.line()).split(" ");
      if (id !== entry.id || type !== "blob" || Number(size) !== entry.size)
        throw broken(url, entry.path, "its object is not there");
      if (entry.mode === "120000") {
        if (entry.size > longestLink) throw broken(url, entry.path, "its target is too long");
        const pieces: Buffer[] = [];
        for await (const piece of reader.bytes(entry.size)) pieces.push(piece);
        targets.set(entry, Buffer.concat(pieces).toString("utf8"));
      } else await writeEntry(join(into, entry.path), entry, reader.bytes(entry.size));
      await reader.line();
    }
  });
  const outside: string[] = [];
  for (const [{ path }, target] of targets) {
    if (leadsOutside(path, target)) {
      outside.push(path);
      continue;
    }
    await mkdir(dirname(join(into, path)), { recursive: true, mode: 0o755 });
    await symlink(target, join(into, path));
  }
  return { files: files.length, bytes, submodules: modules.map(({ path }) => path), outside };
}

async function listEntries(git: GitRunner, { repository, commit, folder, url, signal }: Export): Promise<Entry[]> {
  const tree = folder === "" ? `${commit}^{tree}` : `${commit}:${folder}`;
  const type = await git.text(["cat-file", "-t", tree], { cwd: repository, signal }, 4096).catch(() => "");
  if (type.trim() !== "tree")
    throw new GitError("NO_FOLDER", `${url.shown} has no folder ${printable(folder)} in ${commit.slice(0, 12)}`);
  const list = await git.text(
    ["ls-tree", "-r", "-z", "--long", "--full-tree", tree],
    { cwd: repository, signal },
    listBytes,
  );
  const seen = new Set<string>();
  return list
    .split("\0")
    .filter((line) => line !== "")
    .map((line) => {
      const tab = line.indexOf("\t");
      const [mode = "", , id = "", size = ""] = line.slice(0, tab).split(/ +/);
      const path = line.slice(tab + 1);
      checkPath(url, path);
      // Names that some file systems take for the same would overwrite one another: refused on all, so that all agree.
      const same = path.normalize("NFC");
      if (seen.has(same)) throw broken(url, path, "it is there twice");
      seen.add(same);
      return { mode, id, size: Number(size) || 0, path };
    });
}

function checkPath(url: GitUrl, path: string): void {
  const parts = path.split("/");
  if (path === "" || path.length > longestPath || path.includes("\ufffd"))
    throw broken(url, path, "its name cannot be a file's");
  for (const part of parts) {
    if (part === "" || part === "." || part === ".." || part.length > 255)
      throw broken(url, path, "its name leads elsewhere");
    if (/^\.git$/i.test(part)) throw broken(url, path, "it would be taken for a repository's own");
  }
}

function leadsOutside(path: string, target: string): boolean {
  if (target === "" || target.startsWith("/") || target.includes("\0") || target.includes("\\")) return true;
  const end = posix.normalize(posix.join(posix.dirname(path), target));
  return end === ".." || end.startsWith("../");
}

async function writeEntry(path: string, { mode }: Entry, content: AsyncIterable<Buffer>): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  const file = await open(path, "wx", mode === "100755" ? 0o755 : 0o644);
  try {
    for await (const piece of content) await file.writeFile(piece);
    // Not left to the umask: it would be another context on another machine.
    await file.chmod(mode === "100755" ? 0o755 : 0o644);
  } finally {
    await file.close();
  }
}

function broken(url: GitUrl, path: string, why: string): GitError {
  return new GitError("BAD_TREE", `${url.shown}: ${printable(path.slice(0, 200))}: ${why}`);
}

interface Reader {
  line(): Promise<string>;
  bytes(count: number): AsyncGenerator<Buffer>;
}

/** Lines and runs of bytes from one stream. */
function createReader(stream: Readable): Reader {
  const chunks = (stream as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  let rest: Buffer = Buffer.alloc(0);
  const more = async (): Promise<void> => {
    const next = await chunks.next();
    if (next.done === true) throw new GitError("BAD_TREE", "git ended before it had given all files", { retry: true });
    rest = rest.length === 0 ? next.value : Buffer.concat([rest, next.value]);
  };
  return {
    line: async () => {
      for (let from = 0; ;) {
        const end = rest.indexOf(10, from);
        if (end >= 0) {
          const line = rest.subarray(0, end).toString("utf8");
          rest = rest.subarray(end + 1);
          return line;
        }
        from = rest.length;
        if (from > 4096) throw new GitError("BAD_TREE", "git answered something else");
        await more();
      }
    },
    bytes: async function* (count) {
      for (let left = count; left > 0;) {
        if (rest.length === 0) await more();
        const piece = rest.subarray(0, left);
        rest = rest.subarray(piece.length);
        left -= piece.length;
        yield piece;
      }
    },
  };
}
