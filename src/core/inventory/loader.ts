import type { ElfFacts } from "./layer-facts.ts";
import { readText } from "./read-text.ts";
import { listFolder, lookup, parentOf, type Tree, type TreeNode } from "./tree.ts";

/** Finds shared libraries in a merged tree as the dynamic loader of that image would. ld.so(8). */
export interface Loader {
  /** The file that `name`, needed by the ELF file at `path`, resolves to; undefined where the loader would not find one. */
  resolve(name: string, path: string, elf: ElfFacts): TreeNode | undefined;
}

/** Folders that the loader of each machine knows without configuration, Debian's multiarch ones included. */
const multiarch = new Map<number, string>([
  [62, "x86_64-linux-gnu"],
  [3, "i386-linux-gnu"],
  [183, "aarch64-linux-gnu"],
  [40, "arm-linux-gnueabihf"],
  [21, "powerpc64le-linux-gnu"],
  [22, "s390x-linux-gnu"],
  [243, "riscv64-linux-gnu"],
]);
const maxConfigured = 1000;

/** A loader for `tree`; `libraryPath` is the image's LD_LIBRARY_PATH. Look-ups are remembered, so one loader serves all files of a tree. */
export function createLoader(tree: Tree, libraryPath = ""): Loader {
  const configured = readLoaderConfig(tree);
  const environment = libraryPath.split(/[:;]/).filter((path) => path.startsWith("/"));
  const folders = new Map<string, ReadonlyMap<string, TreeNode> | undefined>();
  const known = new Map<string, TreeNode | undefined>();

  const folderAt = (path: string): ReadonlyMap<string, TreeNode> | undefined => {
    if (folders.has(path)) return folders.get(path);
    const found = lookup(tree, path);
    const children = found.kind === "found" ? found.node.children : undefined;
    folders.set(path, children);
    return children;
  };
  const find = (folder: string, name: string, elf: ElfFacts): TreeNode | undefined => {
    let node = folderAt(folder)?.get(name);
    if (node?.entry.type === "symlink") {
      const target = lookup(tree, `${folder}/${name}`);
      node = target.kind === "found" ? target.node : undefined;
    }
    const other = node?.entry.elf;
    return other !== undefined && other.bits === elf.bits && other.machine === elf.machine ? node : undefined;
  };
  const inFolders = (list: readonly string[], name: string, elf: ElfFacts): TreeNode | undefined => {
    for (const folder of list) {
      const node = find(folder, name, elf);
      if (node !== undefined) return node;
    }
    return undefined;
  };

  return {
    resolve: (name, path, elf) => {
      if (name.includes("/")) {
        const found = lookup(tree, name);
        return found.kind === "found" ? found.node : undefined;
      }
      const own = [...(elf.runpath === undefined ? (elf.rpath ?? []) : []), ...environment, ...(elf.runpath ?? [])];
      if (own.length > 0) {
        const expanded = own.map((folder) => expand(folder, path, elf));
        const node = inFolders(expanded, name, elf);
        if (node !== undefined) return node;
      }
      const key = `${elf.bits} ${elf.machine} ${name}`;
      if (known.has(key)) return known.get(key);
      const node = inFolders([...configured, ...defaultFolders(elf)], name, elf);
      known.set(key, node);
      return node;
    },
  };
}

/** The folders that `etc/ld.so.conf` names, its includes followed; what is not there adds none. ldconfig(8). */
export function readLoaderConfig(tree: Tree): string[] {
  const folders: string[] = [];
  const todo = ["etc/ld.so.conf"];
  const seen = new Set<string>();
  for (let path = todo.shift(); path !== undefined; path = todo.shift()) {
    if (seen.has(path) || seen.size > maxConfigured) continue;
    seen.add(path);
    const file = readText(tree, path);
    if (file.kind !== "read") continue;
    for (const raw of file.text.split("\n")) {
      const line = raw.replace(/#.*$/, "").trim();
      const include = /^include\s+(\S.*)$/.exec(line)?.[1];
      if (include !== undefined) todo.push(...include.split(/\s+/).flatMap((glob) => expandGlob(tree, path, glob)));
      else if (line.startsWith("/") && folders.length < maxConfigured) folders.push(line.replace(/\s*=.*$/, ""));
    }
  }
  return folders;
}

/** `dir/*.conf`, the only pattern in use, or a plain path. */
function expandGlob(tree: Tree, from: string, glob: string): string[] {
  const absolute = glob.startsWith("/") ? glob.slice(1) : `${parentOf(from)}/${glob}`;
  const folder = parentOf(absolute);
  const [head, tail, ...more] = absolute.slice(folder.length + 1).split("*");
  if (tail === undefined || head === undefined || more.length > 0 || folder.includes("*")) return [absolute];
  return listFolder(tree, folder)
    .filter((name) => name.startsWith(head) && name.endsWith(tail) && name.length >= head.length + tail.length)
    .map((name) => `${folder}/${name}`);
}

function defaultFolders(elf: ElfFacts): string[] {
  const triplet = multiarch.get(elf.machine);
  const wide = elf.bits === 64 ? ["/lib64", "/usr/lib64"] : ["/lib32", "/usr/lib32"];
  return [
    ...(triplet === undefined ? [] : [`/lib/${triplet}`, `/usr/lib/${triplet}`]),
    ...wide,
    "/lib",
    "/usr/lib",
    ...(elf.interpreter?.includes("ld-musl") === true ? ["/usr/local/lib"] : []),
  ];
}

function expand(folder: string, path: string, elf: ElfFacts): string {
  const triplet = multiarch.get(elf.machine);
  const library = triplet === undefined ? "lib" : `lib/${triplet}`;
  return folder
    .replace(/\$(?:\{ORIGIN\}|ORIGIN)/g, `/${parentOf(path)}`)
    .replace(/\$(?:\{LIB\}|LIB)/g, library)
    .replace(/\$(?:\{PLATFORM\}|PLATFORM)/g, elf.machine === 183 ? "aarch64" : "x86_64");
}
