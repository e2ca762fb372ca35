import { compareBytes } from "./image-tree.ts";
import { buildStringTable } from "./string-table.ts";

/** An entry of the cache: where the loader finds a library of this name. */
export interface CachedLibrary {
  readonly soname: string;
  /** As the loader opens it, with its leading slash. */
  readonly path: string;
  /** The kind of library: FLAG_ELF_LIBC6 and that of the machine. */
  readonly flags: number;
  /** The folder below glibc-hwcaps that it stands in, as x86-64-v3. */
  readonly capability?: string;
}

const headerSize = 48;
const entrySize = 24;
const littleEndian = 2;
const extensionMagic = 0xeaa4_2174;
const generatorTag = 0;
const capabilitiesTag = 1;
/** Bit 62 of hwcap: the lower half is an index into the list of glibc-hwcaps folders. */
const capabilityBit = 1 << 30;

/**
 * `ld.so.cache` in the format of glibc 2.33 and later, byte for byte as its ldconfig writes it. glibc, sysdeps/generic/dl-cache.h
 * and elf/cache.c. `libraries` in the order of ldconfig's folders; `generator` is what ldconfig says of itself.
 */
export function encodeLoaderCache(libraries: readonly CachedLibrary[], generator: string): Buffer {
  const capabilities = [...new Set(libraries.flatMap(({ capability }) => capability ?? []))].sort();
  const sorted = [...libraries].sort(compareLibraries);
  const strings = buildStringTable([...sorted.flatMap(({ soname, path }) => [soname, path]), ...capabilities]);
  const stringsAt = headerSize + sorted.length * entrySize;
  const extensionAt = (stringsAt + strings.bytes.length + 3) & ~3;

  const head = Buffer.alloc(stringsAt);
  head.write("glibc-ld.so.cache1.1", "latin1");
  head.writeUInt32LE(sorted.length, 20);
  head.writeUInt32LE(strings.bytes.length, 24);
  head.writeUInt8(littleEndian, 28);
  head.writeUInt32LE(extensionAt, 32);
  sorted.forEach(({ soname, path, flags, capability }, index) => {
    const at = headerSize + index * entrySize;
    head.writeInt32LE(flags, at);
    head.writeUInt32LE(stringsAt + strings.offset(soname), at + 4);
    head.writeUInt32LE(stringsAt + strings.offset(path), at + 8);
    if (capability === undefined) return;
    head.writeUInt32LE(capabilities.indexOf(capability), at + 16);
    head.writeUInt32LE(capabilityBit, at + 20);
  });

  const sections = [{ tag: generatorTag, bytes: Buffer.from(generator) }];
  if (capabilities.length > 0) {
    const list = Buffer.alloc(capabilities.length * 4);
    capabilities.forEach((name, index) => list.writeUInt32LE(stringsAt + strings.offset(name), index * 4));
    // The list stands first: it is the part that has an alignment.
    sections.unshift({ tag: capabilitiesTag, bytes: list });
  }
  const extension = Buffer.alloc(8 + sections.length * 16);
  extension.writeUInt32LE(extensionMagic, 0);
  extension.writeUInt32LE(sections.length, 4);
  let at = extensionAt + extension.length;
  const places = sections.map(({ tag, bytes }) => {
    const place = { tag, at, size: bytes.length };
    at += bytes.length;
    return place;
  });
  places
    .sort((a, b) => a.tag - b.tag)
    .forEach((place, index) => {
      extension.writeUInt32LE(place.tag, 8 + index * 16);
      extension.writeUInt32LE(place.at, 16 + index * 16);
      extension.writeUInt32LE(place.size, 20 + index * 16);
    });
  const padding = Buffer.alloc(extensionAt - stringsAt - strings.bytes.length);
  return Buffer.concat([head, strings.bytes, padding, extension, ...sections.map(({ bytes }) => bytes)]);
}

/** Descending by name, then by kind; the special before the general. glibc, elf/cache.c, compare. */
function compareLibraries(a: CachedLibrary, b: CachedLibrary): number {
  return (
    compareSonames(b.soname, a.soname) ||
    b.flags - a.flags ||
    Number(b.capability !== undefined) - Number(a.capability !== undefined) ||
    compareBytes(a.capability ?? "", b.capability ?? "")
  );
}

/** Numbers within by their value, and before what is no number: libc.so.10 after libc.so.6. glibc, elf/dl-cache.c, _dl_cache_libcmp. */
export function compareSonames(a: string, b: string): number {
  let i = 0;
  let j = 0;
  while (i < a.length) {
    const one = digitsAt(a, i);
    const other = digitsAt(b, j);
    if (one !== "" && other !== "") {
      const difference = Number(one) - Number(other);
      if (difference !== 0) return difference;
      i += one.length;
      j += other.length;
    } else if (one !== "") return 1;
    else if (other !== "") return -1;
    else {
      const difference = a.charCodeAt(i) - (b.charCodeAt(j) || 0);
      if (difference !== 0) return difference;
      i += 1;
      j += 1;
    }
  }
  return j < b.length ? -1 : 0;
}

function digitsAt(text: string, at: number): string {
  let end = at;
  while (end < text.length && text.charCodeAt(end) >= 48 && text.charCodeAt(end) <= 57) end += 1;
  return text.slice(at, end);
}
