/** What an entry of a package or a layer is. Devices, pipes and sockets are never. */
export type EntryKind = "file" | "directory" | "symlink" | "hardlink";

/** One entry of a converted package. Paths have no leading slash and go through no link of a merged /usr. */
export interface PackageEntry {
  readonly path: string;
  readonly kind: EntryKind;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  /** Bytes of content. */
  readonly size: number;
  /** Hexadecimal, of a file's content. */
  readonly sha256?: string;
  /** A symlink's target as it stands; a hard link's target as a path of the image. */
  readonly link?: string;
}

/** A library that the dynamic loader can find by its soname. */
export interface SharedLibrary {
  readonly path: string;
  readonly soname: string;
  readonly bits: 32 | 64;
  /** e_machine. */
  readonly machine: number;
}

/** What a call of `update-alternatives --install` in a postinst asks for. update-alternatives(1). */
export interface Alternative {
  readonly link: string;
  readonly name: string;
  readonly path: string;
  readonly priority: number;
  readonly slaves: readonly { readonly link: string; readonly name: string; readonly path: string }[];
}

/** All that later steps need to know of a package without reading its bytes again. */
export interface PackageFacts {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly source: string;
  readonly sourceVersion: string;
  readonly multiArchSame: boolean;
  /** The control stanza, without an empty line at its end. */
  readonly control: string;
  /** The relation fields that decide between two packages that ship one path. */
  readonly replaces: string;
  /** Path, with its leading slash, and md5 of each conffile that is there. */
  readonly conffiles: readonly (readonly [path: string, md5: string])[];
  readonly entries: readonly PackageEntry[];
  readonly libraries: readonly SharedLibrary[];
  /** Content of small files that generated files are made from, by path. */
  readonly kept: Readonly<Record<string, string>>;
  readonly alternatives: readonly Alternative[];
  /** The control file `triggers`. */
  readonly triggers: string;
  /** Names of the maintainer scripts. */
  readonly scripts: readonly string[];
  /** What its scripts would have done and we do not do: one sentence each. */
  readonly warnings: readonly string[];
}
