import { formatBytes, printable } from "../../lib/index.ts";
import { GitError } from "./error.ts";

/** One path of a commit. */
export interface TreeEntry {
  readonly kind: "file" | "program" | "link" | "folder" | "submodule";
  readonly path: string;
}

interface ListingLimits {
  /** Entries, folders too. */
  readonly files: number;
  /** Of all files together, unpacked. */
  readonly bytes: number;
}

const kinds: Readonly<Record<string, TreeEntry["kind"]>> = {
  "040000": "folder",
  "100644": "file",
  "100664": "file",
  "100755": "program",
  "120000": "link",
  "160000": "submodule",
};
const longestPath = 4096;

/**
 * Reads what `git ls-tree -r -t -z --long` writes, piece by piece, before anything of it is on disk. `push` throws TOO_LARGE past the limits, naming `what`, and
 * UNSAFE_TREE for a name that would lie outside, or that builders do not take.
 */
export function createListing(
  { files, bytes }: ListingLimits,
  what: string,
): { push(chunk: Buffer): void; entries: readonly TreeEntry[] } {
  const entries: TreeEntry[] = [];
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let rest: Buffer = Buffer.alloc(0);
  let size = 0;
  const read = (line: Buffer): void => {
    const tab = line.indexOf(9);
    const [mode = "", , , length = ""] = line.subarray(0, tab).toString("latin1").split(/ +/);
    const kind = kinds[mode];
    const name = line.subarray(tab + 1);
    const shown = printable(name.toString());
    if (kind === undefined || !isPlain(name)) throw unsafe(`${what}: ${shown} is no path that can be checked out`);
    size += Number.parseInt(length, 10) || 0;
    if (size > bytes) throw new GitError("TOO_LARGE", `${what} is larger than ${formatBytes(bytes)} at ${shown}`);
    if (entries.length >= files) throw new GitError("TOO_LARGE", `${what} has more than ${files} files and folders`);
    try {
      entries.push({ kind, path: decoder.decode(name) });
    } catch {
      throw unsafe(`${what}: the name ${shown} is not UTF-8`);
    }
  };
  const push = (chunk: Buffer): void => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let start = 0;
    for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0, start)) {
      read(rest.subarray(start, end));
      start = end + 1;
    }
    rest = rest.subarray(start);
    if (rest.length > longestPath + 200) throw unsafe(`${what} has a path longer than ${longestPath} bytes`);
  };
  return { push, entries };
}

function isPlain(name: Buffer): boolean {
  const parts = name.toString("latin1").split("/");
  return name.length <= longestPath && parts.every((part) => !["", ".", ".."].includes(part) && !/^\.git$/i.test(part));
}

function unsafe(message: string): GitError {
  return new GitError("UNSAFE_TREE", message, { hint: "Builders do not take it either: rename it in the repository." });
}
