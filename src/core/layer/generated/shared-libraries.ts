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

/**
 * `etc/ld.so.cache`, and a link for each soname that no package ships, as ldconfig makes them from `etc/ld.so.conf` and its
 * own folders. Only where ldconfig, and so libc-bin, is in the image: else there is nothing that would keep the cache true, and
 * the loader looks into its folders itself.
 */
export function addSharedLibraries(tree: ImageTree, architecture: string): void {
  const loader = loaders.get(architecture);
  const libc = tree.packages.find(({ name }) => name === "libc-bin");
  if (loader === undefined || libc === undefined) return;
  const libraries = new Map<string, SharedLibrary>();
  for (const facts of tree.packages) for (const library of facts.libraries) libraries.set(library.path, library);
  const folders = foldersOf(tree, loader.multiarch);
  const names = namesIn(tree, new Set(folders.map(({ real }) => real)));
  const cached: CachedLibrary[] = [];
  for (const { path, real, capability } of folders) {
    const found = new Map<string, Found>();
    for (const name of names.get(real) ?? []) {
      const candidate = readCandidate(tree, libraries, `${real}/${name}`, name);
      if (candidate === undefined || !loader.flags.has(candidate.flags)) continue;
      const known = found.get(candidate.soname);
      if (known === undefined || preferred(candidate, known)) found.set(candidate.soname, candidate);
    }
    for (const { name, soname, isLink, flags } of found.values()) {
      if (capability === undefined && !isLink && name !== soname) tree.symlink(`${real}/${soname}`, name);
      cached.push({
        soname,
        path: `${path}/${capability === undefined ? soname : name}`,
        flags,
        ...(capability === undefined ? {} : { capability }),
      });
    }
  }
  const [upstream = libc.version] = libc.version.replace(/^\d+:/, "").split("-");
  const vendor = libc.version.includes("ubuntu") ? "Ubuntu" : "Debian";
  const generator = `ldconfig (${vendor} GLIBC ${libc.version}) stable release version ${upstream}`;
  tree.file(cachePath, encodeLoaderCache(cached, generator));
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

function foldersOf(tree: ImageTree, multiarch: string): Folder[] {
  const named = readConfiguration(tree, "etc/ld.so.conf", 0);
  const own = [`/lib/${multiarch}`, `/usr/lib/${multiarch}`, "/lib", "/usr/lib"];
  const folders = new Map<string, Folder>();
  for (const path of [...named, ...own]) {
    const real = tree.resolve(path, true);
    if (real === undefined || folders.has(real) || tree.entry(real)?.kind !== "directory") continue;
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
function readConfiguration(tree: ImageTree, path: string, depth: number): string[] {
  const folders: string[] = [];
  for (const given of (tree.kept(path) ?? "").split("\n")) {
    const line = given.replace(/#.*$/, "").trim();
    const include = /^include\s+(\S+)$/.exec(line)?.[1];
    if (include !== undefined) {
      const [before = "", after] = include.replace(/^\//, "").split("*");
      const files = tree.keptBelow(before).map(([file]) => file);
      const matching = files.filter((file) => (after === undefined ? file === before : file.endsWith(after)));
      if (depth < 4) for (const file of matching) folders.push(...readConfiguration(tree, file, depth + 1));
    } else if (line.startsWith("/")) folders.push(line.replace(/=.*$/, "").replace(/\/+$/, ""));
  }
  return folders;
}

/** What may be a library in each folder, by the folder's path: ldconfig's _dl_is_dso. */
function namesIn(tree: ImageTree, folders: ReadonlySet<string>): Map<string, string[]> {
  const names = new Map<string, string[]>();
  for (const { entries } of tree.packages)
    for (const { path, kind } of entries) {
      if (kind === "directory" || !path.includes(".so")) continue;
      const slash = path.lastIndexOf("/");
      const name = path.slice(slash + 1);
      const folder = path.slice(0, slash);
      if (!/^(?:lib|ld-)/.test(name) || !folders.has(folder)) continue;
      const known = names.get(folder);
      if (known === undefined) names.set(folder, [name]);
      else known.push(name);
    }
  for (const list of names.values()) list.sort();
  return names;
}

function capabilitiesIn(tree: ImageTree, folder: string): string[] {
  const prefix = `${folder}/${capabilitiesFolder}/`;
  const found = new Set<string>();
  for (const { libraries } of tree.packages)
    for (const { path } of libraries) {
      const [capability, name] = path.startsWith(prefix) ? path.slice(prefix.length).split("/") : [];
      if (capability !== undefined && name !== undefined) found.add(capability);
    }
  return [...found].sort();
}

function readCandidate(
  tree: ImageTree,
  libraries: ReadonlyMap<string, SharedLibrary>,
  path: string,
  name: string,
): Found | undefined {
  const isSymlink = tree.entry(path)?.kind === "symlink";
  const real = tree.resolve(path, true);
  const library = real === undefined ? undefined : libraries.get(real);
  if (real === undefined || library === undefined) return undefined;
  const flags = flagsOf.get(`${library.machine}/${library.bits}`);
  if (flags === undefined) return undefined;
  const soname = library.soname === "" ? name : library.soname;
  // A link of another name than the soname or what a linker is given, libx.so, counts as one more file.
  const isLink = isSymlink && (name === soname || (name.endsWith(".so") && soname.startsWith(name)));
  return { name, soname: isLink ? name : soname, isLink, flags };
}

/** A file before a link; of two of a kind the one with the greater version. */
function preferred(one: Found, other: Found): boolean {
  if (one.isLink !== other.isLink) return other.isLink;
  return compareSonames(other.name, one.name) < 0;
}
