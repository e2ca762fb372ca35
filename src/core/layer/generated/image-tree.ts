import { generatedTime } from "../database-members.ts";
import { fixedLinks } from "../package-path.ts";
import type { EntryKind, PackageFacts } from "../types.ts";

/** An entry of an image that no package ships. */
export interface GeneratedEntry {
  /** Without a leading slash. */
  readonly path: string;
  readonly kind: EntryKind;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  readonly link?: string;
  readonly content?: Buffer;
}

/** Who owns a generated entry, and what may be done with it. */
export interface Shape {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Whether it takes the place of what a package ships there. */
  readonly replace?: boolean;
}

interface TreeEntry {
  readonly kind: EntryKind;
  readonly link?: string;
}

const maxLinks = 40;

/** The files of the packages of one image, and those that are generated beside them. */
export class ImageTree {
  readonly packages: readonly PackageFacts[];
  private readonly names = new Map<string, PackageFacts>();
  private shippedEntries: ReadonlyMap<string, TreeEntry> | undefined;
  private readonly made = new Map<string, GeneratedEntry>();

  constructor(packages: readonly PackageFacts[]) {
    this.packages = [...packages].sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const facts of this.packages) this.names.set(facts.name, facts);
  }

  /** Whether a package of this name is in the image. */
  has(name: string): boolean {
    return this.names.has(name);
  }

  /** The version of a package; undefined where it is not in the image. */
  version(name: string): string | undefined {
    return this.names.get(name)?.version;
  }

  /** Text of a small file that a package ships; undefined where none does. */
  kept(path: string): string | undefined {
    for (const { kept } of this.packages) if (kept[path] !== undefined) return kept[path];
    return undefined;
  }

  /** All small files whose path begins with `prefix`, by path. */
  keptBelow(prefix: string): [path: string, text: string][] {
    const found = new Map<string, string>();
    for (const { kept } of this.packages)
      for (const [path, text] of Object.entries(kept)) if (path.startsWith(prefix)) found.set(path, text);
    return [...found].sort(([a], [b]) => compareBytes(a, b));
  }

  /** What stands at a path whose last part is taken as it is. */
  entry(path: string): TreeEntry | undefined {
    return this.at(this.resolve(path, false) ?? path);
  }

  /** Whether there is something where `path`, with or without a leading slash, leads. */
  exists(path: string): boolean {
    const real = this.resolve(path, true);
    return real !== undefined && (real === "" || this.at(real) !== undefined);
  }

  /** `path` with every link in it followed, of its last part too where `last` says so; undefined where the links lead in a circle. */
  resolve(path: string, last: boolean): string | undefined {
    let rest = path.split("/").filter(isPart);
    let done: string[] = [];
    let links = 0;
    while (rest.length > 0) {
      const [part = "", ...after] = rest;
      rest = after;
      if (part === "..") {
        done.pop();
        continue;
      }
      const here = [...done, part].join("/");
      const entry = rest.length > 0 || last ? this.at(here) : undefined;
      if (entry?.kind !== "symlink") {
        done.push(part);
        continue;
      }
      if ((links += 1) > maxLinks) return undefined;
      const target = entry.link ?? "";
      if (target.startsWith("/")) done = [];
      rest = [...target.split("/").filter(isPart), ...rest];
    }
    return done.join("/");
  }

  /** A file, unless a package ships something there or one was made before. */
  file(path: string, content: string | Buffer, shape: Shape = {}): void {
    this.add(path, { kind: "file", mode: 0o644, content: Buffer.from(content) }, shape);
  }

  symlink(path: string, link: string, shape: Shape = {}): void {
    this.add(path, { kind: "symlink", mode: 0o777, link }, shape);
  }

  directory(path: string, shape: Shape = {}): void {
    this.add(path, { kind: "directory", mode: 0o755 }, shape);
  }

  /** All that was made, sorted by the bytes of their paths, so that parents come first. */
  entries(): GeneratedEntry[] {
    return [...this.made.values()].sort((a, b) => compareBytes(a.path, b.path));
  }

  /** Made once somebody asks: who looks for accounts alone does not. */
  private shipped(): ReadonlyMap<string, TreeEntry> {
    if (this.shippedEntries !== undefined) return this.shippedEntries;
    const shipped = new Map<string, TreeEntry>();
    for (const { entries } of this.packages)
      for (const entry of entries) {
        const known = shipped.get(entry.path);
        // What is a folder in one package and a link in another is the link: mergePackages moves the folder's files.
        if (known === undefined || known.kind === "directory") shipped.set(entry.path, entry);
      }
    for (const [path, link] of fixedLinks) if (!shipped.has(path)) shipped.set(path, { kind: "symlink", link });
    this.shippedEntries = shipped;
    return shipped;
  }

  private at(path: string): TreeEntry | undefined {
    return this.made.get(path) ?? this.shipped().get(path);
  }

  private add(
    given: string,
    entry: Pick<GeneratedEntry, "kind" | "mode" | "link" | "content">,
    { mode, uid = 0, gid = 0, replace = false }: Shape,
  ): void {
    const path = this.resolve(given, false);
    if (path === undefined || path === "") return;
    if (!replace && this.at(path) !== undefined) return;
    this.addParents(path);
    this.made.set(path, { path, ...entry, mode: mode ?? entry.mode, uid, gid, mtime: generatedTime });
  }

  private addParents(path: string): void {
    for (let slash = path.indexOf("/"); slash > 0; slash = path.indexOf("/", slash + 1)) {
      const parent = path.slice(0, slash);
      if (this.at(parent) !== undefined) continue;
      const shape = { mode: 0o755, uid: 0, gid: 0, mtime: generatedTime };
      this.made.set(parent, { path: parent, kind: "directory", ...shape });
    }
  }
}

/** Order of the bytes, as `LC_ALL=C sort` has it. */
export function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a, "utf8"), Buffer.from(b, "utf8"));
}

function isPart(part: string): boolean {
  return part !== "" && part !== ".";
}
