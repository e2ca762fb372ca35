import type { PackageEntry, SharedLibrary } from "../types.ts";
import { ImageTree, type GeneratedEntry } from "./image-tree.ts";
import { compareSonames, encodeLoaderCache, type CachedLibrary } from "./loader-cache.ts";

/** e_machine and bits to the flags of the cache; glibc, sysdeps/generic/ldconfig.h. */
const flagsOf: ReadonlyMap<string, number> = new Map([
  ["62/64", 0x0303],
  ["62/32", 0x0803],
  ["3/32", 0x0003],
  ["183/64", 0x0a03],
  ["40/32", 0x0903],
]);

/** What the ldconfig of an architecture looks at, and the folder of its own libraries. */
const loaders: ReadonlyMap<string, { readonly multiarch: string; readonly flags: ReadonlySet<number> }> = new Map([
  ["amd64", { multiarch: "x86_64-linux-gnu", flags: new Set([0x0303, 0x0803, 0x0003]) }],
  ["arm64", { multiarch: "aarch64-linux-gnu", flags: new Set([0x0a03, 0x0903]) }],
]);

const cachePath = "etc/ld.so.cache";
const capabilitiesFolder = "glibc-hwcaps";

interface Found {
  /** The name of the file or link. */
  readonly name: string;
  readonly soname: string;
  readonly isLink: boolean;
  readonly flags: number;
}

/** A file system as ldconfig looks at it. Paths have no leading slash, except those that are given to `resolve`. */
export interface LibraryTree {
  /** `path` with its links followed, that of its last part too where `last` says so; undefined where they lead in a circle. */
  resolve(path: string, last: boolean): string | undefined;
  /** What stands at a path whose last part is taken as it is. */
  kindOf(path: string): "directory" | "symlink" | "file" | undefined;
  /** Text of a configuration file. */
  textOf(path: string): string | undefined;
  /** Names in a folder that no link leads to, in any order. */
  namesIn(folder: string): Iterable<string>;
  /** The library that the file at `path` is. */
  libraryAt(path: string): Omit<SharedLibrary, "path"> | undefined;
}

/** What ldconfig finds: the entries of its cache, and links that it would make. */
export interface LoaderCache {
  readonly libraries: readonly CachedLibrary[];
  readonly links: readonly (readonly [path: string, target: string])[];
}

/**
 * `etc/ld.so.cache`, and a link for each soname that no package ships, as ldconfig makes them from `etc/ld.so.conf` and its
 * own folders. Only where ldconfig, and so libc-bin, is in the image: else there is nothing that would keep the cache true, and
 * the loader looks into its folders itself.
 */
export function addSharedLibraries(tree: ImageTree, architecture: string): void {
  const libc = tree.packages.find(({ name }) => name === "libc-bin");
  if (libc === undefined) return;
  const found = findLoaderCache(viewOf(tree), architecture);
  if (found === undefined) return;
  for (const [path, target] of found.links) tree.symlink(path, target);
  const [upstream = libc.version] = libc.version.replace(/^\d+:/, "").split("-");
  const vendor = libc.version.includes("ubuntu") ? "Ubuntu" : "Debian";
  const generator = `ldconfig (${vendor} GLIBC ${libc.version}) stable release version ${upstream}`;
  tree.file("etc/ld.so.cache", encodeLoaderCache(found.libraries, generator));
}

/** What ldconfig of `architecture`, as Debian names it, would find in a tree; undefined for an architecture whose ldconfig we do not know. */
export function findLoaderCache(tree: LibraryTree, architecture: string): LoaderCache | undefined {
  const loader = loaders.get(architecture);
  if (loader === undefined) return undefined;
  const libraries: CachedLibrary[] = [];
  const links: [string, string][] = [];
  for (const { path, real, capability } of foldersOf(tree, loader.multiarch)) {
    const found = new Map<string, Found>();
    for (const name of librariesIn(tree, real)) {
      const candidate = readCandidate(tree, `${real}/${name}`, name);
      if (candidate === undefined || !loader.flags.has(candidate.flags)) continue;
      const known = found.get(candidate.soname);
      if (known === undefined || preferred(candidate, known)) found.set(candidate.soname, candidate);
    }
    for (const { name, soname, isLink, flags } of found.values()) {
      if (capability === undefined && !isLink && name !== soname) links.push([`${real}/${soname}`, name]);
      libraries.push({
        soname,
        path: `${path}/${capability === undefined ? soname : name}`,
        flags,
        ...(capability === undefined ? {} : { capability }),
      });
    }
  }
  return { libraries, links };
}

/** What the packages of an image ship, as ldconfig would see it. */
function viewOf(tree: ImageTree): LibraryTree {
  const libraries = new Map<string, SharedLibrary>();
  const names = new Map<string, Set<string>>();
  const note = (path: string): void => {
    const slash = path.lastIndexOf("/");
    const folder = path.slice(0, Math.max(0, slash));
    const known = names.get(folder);
    if (known === undefined) names.set(folder, new Set([path.slice(slash + 1)]));
    else known.add(path.slice(slash + 1));
  };
  for (const { entries, libraries: own } of tree.packages) {
    for (const { path } of entries) if (path.includes(".so") || path.includes(capabilitiesFolder)) note(path);
    for (const library of own) libraries.set(library.path, library);
  }
  return {
    resolve: (path, last) => tree.resolve(path, last),
    kindOf: (path) => {
      const kind = tree.entry(path)?.kind;
      return kind === "hardlink" ? "file" : kind;
    },
    textOf: (path) => tree.kept(path),
    namesIn: (folder) =>
      folder === "etc/ld.so.conf.d"
        ? tree.keptBelow(`${folder}/`).map(([path]) => path.slice(folder.length + 1))
        : (names.get(folder) ?? []),
    libraryAt: (path) => libraries.get(path),
  };
}

/**
 * The same for a file system as a whole, whoever put its files there: `kept` is the content of its `etc/ld.so.conf` and `etc/ld.so.conf.d/*.conf` by path, `libcVersion` what ldconfig would
 * say of itself. Nothing for an architecture whose ldconfig is not known.
 */
export function loaderEntries(system: {
  readonly entries: readonly Pick<PackageEntry, "path" | "kind" | "link">[];
  readonly libraries: readonly SharedLibrary[];
  readonly kept: Readonly<Record<string, string>>;
  readonly libcVersion: string;
  readonly architecture: string;
}): GeneratedEntry[] {
  const shape = { mode: 0o755, uid: 0, gid: 0, mtime: 0, size: 0 };
  const tree = new ImageTree([
    {
      name: "libc-bin",
      version: system.libcVersion,
      architecture: system.architecture,
      source: "glibc",
      sourceVersion: system.libcVersion,
      multiArchSame: false,
      control: "",
      replaces: "",
      conffiles: [],
      // The cache that is there would stay, and here it is what is to be replaced.
      entries: system.entries.flatMap((entry) => (entry.path === cachePath ? [] : [{ ...shape, ...entry }])),
      libraries: system.libraries,
      kept: system.kept,
      alternatives: [],
      triggers: "",
      scripts: [],
      warnings: [],
    },
  ]);
  addSharedLibraries(tree, system.architecture);
  return tree.entries();
}

interface Folder {
  /** As the configuration names it: the loader is told this path. */
  readonly path: string;
  readonly real: string;
  readonly capability?: string;
}

function foldersOf(tree: LibraryTree, multiarch: string): Folder[] {
  const named = readConfiguration(tree, "etc/ld.so.conf", 0);
  const own = [`/lib/${multiarch}`, `/usr/lib/${multiarch}`, "/lib", "/usr/lib"];
  const folders = new Map<string, Folder>();
  for (const path of [...named, ...own]) {
    const real = tree.resolve(path, true);
    if (real === undefined || folders.has(real) || tree.kindOf(real) !== "directory") continue;
    folders.set(real, { path, real });
    for (const capability of capabilitiesIn(tree, real))
      folders.set(`${real}/${capabilitiesFolder}/${capability}`, {
        path: `${path}/${capabilitiesFolder}/${capability}`,
        real: `${real}/${capabilitiesFolder}/${capability}`,
        capability,
      });
  }
  return [...folders.values()];
}

/** ldconfig(8): a folder a line, `include` with a pattern, `hwcap` of old; a folder may have a kind of library after `=`. */
function readConfiguration(tree: LibraryTree, path: string, depth: number): string[] {
  const folders: string[] = [];
  for (const given of (tree.textOf(path) ?? "").split("\n")) {
    const line = given.replace(/#.*$/, "").trim();
    const include = /^include\s+(\S+)$/.exec(line)?.[1];
    if (include !== undefined) {
      const [before = "", after] = include.replace(/^\//, "").split("*");
      const slash = before.lastIndexOf("/");
      const folder = before.slice(0, Math.max(0, slash));
      const files =
        after === undefined ? [before] : [...tree.namesIn(folder)].sort().map((name) => `${folder}/${name}`);
      const matching = files.filter((file) => after === undefined || (file.startsWith(before) && file.endsWith(after)));
      if (depth < 4) for (const file of matching) folders.push(...readConfiguration(tree, file, depth + 1));
    } else if (line.startsWith("/")) folders.push(line.replace(/=.*$/, "").replace(/\/+$/, ""));
  }
  return folders;
}

/** Names of what may be a library in a folder: ldconfig's _dl_is_dso. */
function librariesIn(tree: LibraryTree, folder: string): string[] {
  const names: string[] = [];
  for (const name of tree.namesIn(folder)) if (/^(?:lib|ld-).*\.so/.test(name)) names.push(name);
  return names.sort();
}

function capabilitiesIn(tree: LibraryTree, folder: string): string[] {
  const below = `${folder}/${capabilitiesFolder}`;
  return [...tree.namesIn(below)].filter((name) => tree.kindOf(`${below}/${name}`) === "directory").sort();
}

function readCandidate(tree: LibraryTree, path: string, name: string): Found | undefined {
  const kind = tree.kindOf(path);
  if (kind === undefined || kind === "directory") return undefined;
  const real = tree.resolve(path, true);
  const library = real === undefined ? undefined : tree.libraryAt(real);
  if (library === undefined) return undefined;
  const flags = flagsOf.get(`${library.machine}/${library.bits}`);
  if (flags === undefined) return undefined;
  const soname = library.soname === "" ? name : library.soname;
  // A link of another name than the soname or what a linker is given, libx.so, counts as one more file.
  const isLink = kind === "symlink" && (name === soname || (name.endsWith(".so") && soname.startsWith(name)));
  return { name, soname: isLink ? name : soname, isLink, flags };
}

/** A file before a link; of two of a kind the one with the greater version. */
function preferred(one: Found, other: Found): boolean {
  if (one.isLink !== other.isLink) return other.isLink;
  return compareSonames(other.name, one.name) < 0;
}
