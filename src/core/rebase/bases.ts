import {
  diffTrees,
  findUser,
  nameOf,
  readOsRelease,
  readText,
  sameEntry,
  type OsRelease,
  type PathChanges,
  type Tree,
} from "../inventory/index.ts";
import { formatStanzas, parseStanzas, type StanzaFile } from "./dpkg-database.ts";
import type { RebaseSide } from "./types.ts";

/** What moved between the base that images stand on and the one that they shall stand on: looked at once for all of them. */
export interface BaseChange {
  readonly old: RebaseSide;
  readonly base: RebaseSide;
  /** Every path that differs in content, mode, owner, target or kind. */
  readonly paths: PathChanges;
  readonly oldRelease: OsRelease | undefined;
  readonly release: OsRelease | undefined;
  /** dpkg's status of both; undefined where there is none. */
  readonly oldStatus: StanzaFile | undefined;
  readonly status: StanzaFile | undefined;
  /** All stanzas of the new base as text: what images that changed none of them have in common. */
  readonly statusText: Buffer;
  /** Whether a library, or a link to one, came, went or changed. */
  readonly libraries: boolean;
  /** Files of the new base that changed and need libraries, by the name of each library. */
  readonly needs: ReadonlyMap<string, readonly string[]>;
  /** Account of the new base that its config names. */
  readonly user: ReturnType<typeof findUser>;
}

export const statusPath = "var/lib/dpkg/status";

/** The difference of two bases of one platform. Pure; costs as much as the trees differ. */
export function compareBases(old: RebaseSide, base: RebaseSide): BaseChange {
  const paths = diffTrees(old.tree, base.tree, sameEntry);
  const status = readStatus(base.tree);
  const needs = new Map<string, string[]>();
  let libraries = false;
  for (const [path, { before, after }] of paths) {
    if (before?.entry.elf !== undefined || after?.entry.elf !== undefined || isLibraryName(nameOf(path)))
      libraries = true;
    for (const library of after?.entry.elf?.needed ?? []) {
      const known = needs.get(library);
      if (known === undefined) needs.set(library, [path]);
      else known.push(path);
    }
  }
  return {
    old,
    base,
    paths,
    oldRelease: readOsRelease(old.tree),
    release: readOsRelease(base.tree),
    oldStatus: readStatus(old.tree),
    status,
    statusText: Buffer.from(status?.kind === "read" ? formatStanzas(status.stanzas.values()) : "", "utf8"),
    libraries,
    needs,
    user: findUser({ tree: base.tree, config: base.config.config }),
  };
}

/** The stanzas of dpkg's status in a tree; undefined where it has none. */
export function readStatus(tree: Tree): StanzaFile | undefined {
  const file = readText(tree, statusPath);
  if (file.kind === "missing") return undefined;
  if (file.kind === "unreadable") return file;
  return parseStanzas(file.text, statusPath);
}

/** `libx.so`, `libx.so.3`, `ld-linux.so.2`: what ldconfig looks at. */
function isLibraryName(name: string): boolean {
  return /^(?:lib|ld-).*\.so(?:\.|$)/.test(name);
}
