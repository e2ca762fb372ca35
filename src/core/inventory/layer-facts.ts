import type { Digest } from "../../lib/index.ts";
import type { PackageType } from "./types.ts";

export type EntryType = "file" | "directory" | "symlink" | "hardlink" | "character" | "block" | "fifo";

/** What the dynamic loader reads of an ELF file. System V ABI, chapter 5; ld.so(8). */
export interface ElfFacts {
  readonly bits: 32 | 64;
  /** e_machine: 62 x86-64, 183 AArch64, … */
  readonly machine: number;
  /** e_type: 2 executable, 3 shared object or position-independent executable. */
  readonly type: number;
  readonly interpreter?: string;
  readonly needed?: readonly string[];
  readonly soname?: string;
  readonly rpath?: readonly string[];
  readonly runpath?: readonly string[];
  /** Versions that the symbols of a library must have, by the library's name. Linux Standard Base, Symbol Versioning. */
  readonly versionsNeeded?: readonly (readonly [library: string, versions: readonly string[]])[];
  /** Versions that its own symbols have. */
  readonly versions?: readonly string[];
  /** Set where the file's tables lie outside what was kept of it, or contradict each other. */
  readonly incomplete?: string;
}

/** A package that a file tells of. */
export interface HeldPackage {
  readonly type: PackageType;
  readonly name: string;
  readonly version: string;
  /** Where in an archive it lies: `BOOT-INF/lib/x.jar`. */
  readonly inside?: string;
  readonly architecture?: string;
  readonly source?: string;
  readonly sourceVersion?: string;
  readonly module?: string;
  /** Some of its files: those that may themselves hold packages, and the first ones; from the root, each with its digest where the package has one. */
  readonly files?: readonly (readonly [path: string, digest?: string])[];
}

/** One package that a manifest asks for, and the range as it is written; empty where it names none. */
export type Asked = readonly [name: string, range: string, terms?: AskTerms];

/** What a requirement comes with. */
export interface AskTerms {
  /** Under which circumstances it is one: a marker of Python. PyPA, Dependency specifiers, Environment markers. */
  readonly when?: string;
  /** Which extras of the package it wants. */
  readonly extras?: readonly string[];
}

/** What a manifest asks for. */
export interface FileAsks {
  /** Who asks: `express@4.17.1`, or the name of a program. */
  readonly by: string;
  /** Where in an archive the manifest lies. */
  readonly inside?: string;
  readonly of: readonly Asked[];
  /** Why this is not all that it asks for. */
  readonly incomplete?: string;
}

/** What a file says of packages, read while its layer streamed by. */
export interface FileHolds {
  readonly packages: readonly HeldPackage[];
  /** One for each manifest in it: an archive may hold many. */
  readonly asks?: readonly FileAsks[];
  /** Why what the file holds is not, or not wholly, known. */
  readonly problem?: string;
  /** Of its content, in hex: what apk's database knows files by. */
  readonly sha1?: string;
}

/** One member of a layer. `path` has no leading slash, no `.` or `..`, and no trailing slash. */
export interface LayerEntry {
  readonly path: string;
  readonly type: EntryType;
  /** Permission and set-id bits, 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of content; 0 for everything but files. */
  readonly size: number;
  /** Target of a symbolic link, as written, or of a hard link, normalised like `path`. */
  readonly link?: string;
  /** Hex digests of a file's content. md5 only because dpkg's own lists are written in it. */
  readonly sha256?: string;
  readonly md5?: string;
  readonly elf?: ElfFacts;
  /** What follows `#!` on the first line. */
  readonly shebang?: string;
  readonly holds?: FileHolds;
  /** Content of the few files that inventories and checks read; see `keepsContent`. */
  readonly content?: Uint8Array;
  /** Names of extended attributes that change what the file may do. */
  readonly xattrs?: readonly string[];
}

/** Why a member of a layer was left out or changed. */
export interface LayerProblem {
  readonly kind:
    | "escape"
    | "bad-name"
    | "bad-whiteout"
    | "duplicate"
    | "device"
    | "xattr"
    | "bad-link"
    | "oversized"
    | "ambiguous"
    /** Only of a folder on this machine. */
    | "unreadable";
  readonly path: string;
  readonly message: string;
}

/** All that is ever asked of a layer, read once from its bytes. Serialised by io/layer under its diff ID. */
export interface LayerFacts {
  readonly diffId: Digest;
  /** Bytes of the uncompressed archive. */
  readonly unpacked: number;
  /** In the archive's order: later ones replace earlier ones of the same path. */
  readonly entries: readonly LayerEntry[];
  /** Paths that this layer deletes from those below it. image-spec, layer.md, Whiteouts. */
  readonly whiteouts: readonly string[];
  /** Folders whose content in the layers below is hidden. */
  readonly opaques: readonly string[];
  readonly problems: readonly LayerProblem[];
}

const keptExactly = new Set([
  "var/lib/dpkg/status",
  "etc/os-release",
  "usr/lib/os-release",
  "etc/passwd",
  "etc/group",
  "etc/shadow",
  "etc/gshadow",
  "etc/subuid",
  "etc/subgid",
  "etc/shells",
  "etc/ld.so.conf",
  "etc/ld.so.cache",
  "etc/apt/sources.list",
  "etc/apk/world",
  "etc/apt/preferences",
  "etc/ca-certificates.conf",
  "etc/dpkg/dpkg.cfg",
  "lib/apk/db/installed",
  "lib/apk/db/scripts.tar",
  "lib/apk/db/triggers",
  "usr/lib/apk/db/installed",
  "usr/lib/apk/db/scripts.tar",
  "usr/lib/apk/db/triggers",
  "var/lib/apt/extended_states",
  "var/lib/dpkg/diversions",
  "var/lib/dpkg/statoverride",
  "var/lib/shells.state",
]);
const keptInside: readonly (readonly [prefix: string, shape: RegExp])[] = [
  ["var/lib/dpkg/status.d/", /^[^/]+$/],
  ["var/lib/dpkg/info/", /^[^/]+\.(?:list|md5sums|prerm|postrm|triggers)$/],
  ["var/lib/dpkg/triggers/", /^[^/]+$/],
  ["etc/dpkg/dpkg.cfg.d/", /^[\w-]+$/],
  ["etc/apt/preferences.d/", /^[^/]+$/],
  ["etc/ld.so.conf.d/", /^[^/]+\.conf$/],
  ["etc/apt/sources.list.d/", /^[^/]+\.(?:list|sources)$/],
];

/** Whether the content of the file at `path` is part of a layer's facts: the closed set that inventories, checks, rebases and patches read. */
export function keepsContent(path: string): boolean {
  if (keptExactly.has(path)) return true;
  return keptInside.some(([prefix, shape]) => path.startsWith(prefix) && shape.test(path.slice(prefix.length)));
}
