import { lookup, type Tree } from "../inventory/index.ts";
import { encodeLoaderCache, findLoaderCache, type LibraryTree } from "../layer/index.ts";
import { textOf } from "./merge-text.ts";

const magic = "glibc-ld.so.cache1.1";
const extensionMagic = 0xeaa4_2174;
const maxGenerator = 1024;

/** The loader's cache that the ldconfig of a tree would make, or why it cannot be made. `previous` is any that this ldconfig made: what it says of itself stands in it. */
export function makeLoaderCache(tree: Tree, architecture: string, previous: Uint8Array): Buffer | undefined {
  const generator = generatorOf(Buffer.from(previous));
  const found = generator === undefined ? undefined : findLoaderCache(viewOf(tree), architecture);
  if (found === undefined || generator === undefined) return undefined;
  return encodeLoaderCache(found.libraries, generator);
}

/** What made a cache, as its extension says; undefined where it has none. glibc, sysdeps/generic/dl-cache.h, cache_extension. */
function generatorOf(bytes: Buffer): string | undefined {
  if (bytes.length < 48 || bytes.toString("latin1", 0, magic.length) !== magic) return undefined;
  const at = bytes.readUInt32LE(32);
  if (at + 8 > bytes.length || bytes.readUInt32LE(at) !== extensionMagic) return undefined;
  const count = bytes.readUInt32LE(at + 4);
  for (let section = at + 8; section < at + 8 + Math.min(count, 16) * 16; section += 16) {
    if (section + 16 > bytes.length) return undefined;
    if (bytes.readUInt32LE(section) !== 0) continue;
    const [offset, size] = [bytes.readUInt32LE(section + 8), bytes.readUInt32LE(section + 12)];
    if (size > maxGenerator || offset + size > bytes.length) return undefined;
    return bytes.toString("latin1", offset, offset + size);
  }
  return undefined;
}

function viewOf(tree: Tree): LibraryTree {
  return {
    resolve: (path, last) => {
      const found = lookup(tree, path, last);
      return found.kind === "loop" ? undefined : found.path;
    },
    kindOf: (path) => {
      const found = lookup(tree, path, false);
      if (found.kind !== "found") return undefined;
      if (found.node.children !== undefined) return "directory";
      return found.node.entry.type === "symlink" ? "symlink" : "file";
    },
    textOf: (path) => textOf(tree, path),
    namesIn: (folder) => {
      const found = lookup(tree, folder);
      return found.kind === "found" ? (found.node.children?.keys() ?? []) : [];
    },
    libraryAt: (path) => {
      const found = lookup(tree, path, false);
      const elf = found.kind === "found" ? found.node.entry.elf : undefined;
      // ldconfig takes shared objects only; a program that cannot be loaded has another e_type.
      if (elf === undefined || elf.type !== 3) return undefined;
      return { soname: elf.soname ?? "", bits: elf.bits, machine: elf.machine };
    },
  };
}
