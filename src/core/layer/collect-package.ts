import { createHash } from "node:crypto";
import { climbsOut, fixedLinks, hostile, normalizePackagePath } from "./package-path.ts";
import type { TarHeader } from "./tar-header.ts";
import type { TarSink } from "./tar-parser.ts";
import type { EntryKind } from "./types.ts";

/** An entry as it was read, its content still in the pieces it came in. */
export interface RawEntry {
  readonly path: string;
  /** As the package has it, for its list: `/bin/ls`. */
  readonly ownPath: string;
  readonly kind: EntryKind;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number;
  size: number;
  link?: string;
  readonly content: Buffer[];
}

const kinds = new Map<string, EntryKind>([
  ["0", "file"],
  ["1", "hardlink"],
  ["2", "symlink"],
  ["5", "directory"],
]);

/** Collects the members of a package's data archive; throws HOSTILE_PACKAGE for what no image may hold. Content is kept by reference. */
export class PackageCollector implements TarSink {
  readonly entries: RawEntry[] = [];
  /** Every path as the package has it, in order: what dpkg's `list` says. */
  readonly ownPaths: string[] = ["/."];
  private readonly what: string;
  private readonly byPath = new Map<string, RawEntry>();
  private current: RawEntry | undefined;

  constructor(what: string) {
    this.what = what;
  }

  begin(header: TarHeader): void {
    const path = normalizePackagePath(header.path, this.what);
    const own = `/${header.path
      .split("/")
      .filter((part) => part !== "" && part !== ".")
      .join("/")}`;
    const kind = kinds.get(header.flag);
    if (kind === undefined) throw hostile(this.what, header.path, "it is a device, a pipe, or of an unknown type");
    if (header.sparse) throw hostile(this.what, header.path, "it is stored with holes");
    if (header.xattrs.length > 0)
      throw hostile(this.what, header.path, `it has the attribute ${header.xattrs[0] ?? ""}`);
    if (path === "") {
      if (kind !== "directory") throw hostile(this.what, header.path, "it takes the place of the root");
      return;
    }
    this.ownPaths.push(own);
    const fixed = kind === "symlink" ? fixedLinks.get(own.slice(1)) : undefined;
    if (fixed !== undefined) return this.fixedLink(header, own, fixed);
    const known = this.byPath.get(path);
    if (known !== undefined) {
      // `bin/` and `usr/bin/` are one folder.
      if (kind === "directory" && known.kind === "directory") return;
      throw hostile(this.what, header.path, "it comes twice");
    }
    this.checkParents(path);
    const { mode, uid, gid, mtime } = header;
    const entry: RawEntry = { path, ownPath: own, kind, mode, uid, gid, mtime, size: 0, content: [] };
    if (kind === "symlink") {
      if (header.link === "" || header.link.includes("\0"))
        throw hostile(this.what, path, "its target is empty or holds a NUL");
      if (header.link.length > 4095) throw hostile(this.what, path, "its target is too long");
      if (climbsOut(path, header.link)) throw hostile(this.what, path, "it leads out of the tree");
      entry.link = header.link;
    } else if (kind === "hardlink") {
      const target = this.byPath.get(normalizePackagePath(header.link, this.what));
      if (target === undefined || (target.kind !== "file" && target.kind !== "hardlink"))
        throw hostile(this.what, path, "it is a hard link to a file that is not the package's");
      entry.link = target.kind === "hardlink" ? (target.link ?? "") : target.path;
    }
    this.entries.push(entry);
    this.byPath.set(path, entry);
    this.current = kind === "file" ? entry : undefined;
  }

  data(chunk: Buffer): void {
    if (this.current === undefined) return;
    this.current.content.push(chunk);
    this.current.size += chunk.length;
  }

  end(): void {
    this.current = undefined;
  }

  /** The entry at a path of the image. */
  entry(path: string): RawEntry | undefined {
    return this.byPath.get(path);
  }

  /** `bin -> usr/bin`, as base-files ships it since a merged /usr is the only layout: such a link keeps its own place. */
  private fixedLink(header: TarHeader, own: string, target: string): void {
    if (header.link.replace(/^\//, "").replace(/\/$/, "") !== target.replace(/^\//, ""))
      throw hostile(this.what, own, "it is a link to another place than the one that every image has there");
    const path = own.slice(1);
    const { mode, uid, gid, mtime, link } = header;
    const entry: RawEntry = { path, ownPath: own, kind: "symlink", mode, uid, gid, mtime, size: 0, link, content: [] };
    this.entries.push(entry);
    this.byPath.set(path, entry);
    this.current = undefined;
  }

  private checkParents(path: string): void {
    for (let slash = path.lastIndexOf("/"); slash > 0; slash = path.lastIndexOf("/", slash - 1)) {
      const parent = this.byPath.get(path.slice(0, slash));
      if (parent === undefined) continue;
      if (parent.kind !== "directory")
        throw hostile(this.what, path, `it would be written through "${parent.path}", which is no folder`);
      return;
    }
  }
}

/** The content of a file in one piece. */
export function contentOf(entry: RawEntry): Buffer {
  return entry.content.length === 1 ? (entry.content[0] ?? Buffer.alloc(0)) : Buffer.concat(entry.content);
}

/** Hexadecimal digest of a file's content. */
export function contentDigest(entry: RawEntry, algorithm: "sha256" | "md5"): string {
  const hash = createHash(algorithm);
  for (const piece of entry.content) hash.update(piece);
  return hash.digest("hex");
}
