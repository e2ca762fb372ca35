import type { ElfFacts } from "./layer-facts.ts";

/** Bytes `offset` to `offset + length` of a file, or undefined where they were not kept or do not exist. */
export type ReadRange = (offset: number, length: number) => Uint8Array | undefined;

export interface ElfSegment {
  readonly kind: "load" | "dynamic" | "interpreter" | "note";
  readonly offset: number;
  readonly size: number;
  readonly address: number;
  readonly isWritable: boolean;
  readonly isExecutable: boolean;
}

export interface ElfHeader {
  readonly bits: 32 | 64;
  readonly littleEndian: boolean;
  readonly machine: number;
  readonly type: number;
  readonly segments: readonly ElfSegment[];
  readonly incomplete?: string;
}

const maxSegments = 256;
const maxDynamic = 4096;
const maxNeeded = 1024;
const maxString = 4096;
const maxVersions = 8192;
/** VER_FLG_BASE and VER_FLG_WEAK. */
const baseVersion = 1;
const weakVersion = 2;
const segmentKinds = new Map<number, ElfSegment["kind"]>([
  [1, "load"],
  [2, "dynamic"],
  [3, "interpreter"],
  [4, "note"],
]);
/** PF_X and PF_W. */
const executable = 1;
const writable = 2;
const tags = { needed: 1, stringTable: 5, stringSize: 10, soname: 14, rpath: 15, runpath: 29 } as const;
/** DT_VERDEF and DT_VERNEED, each with the tag of its count after it. Linux Standard Base, Symbol Versioning. */
const versionTags = {
  defined: 0x6ffffffc,
  definedCount: 0x6ffffffd,
  needed: 0x6ffffffe,
  neededCount: 0x6fffffff,
} as const;

/** Whether these first bytes begin an ELF file. */
export function isElf(head: Uint8Array): boolean {
  return head.length >= 4 && head[0] === 0x7f && head[1] === 0x45 && head[2] === 0x4c && head[3] === 0x46;
}

/** The file header and program headers of an ELF file; undefined where it is none. Never throws. System V ABI, chapters 4 and 5. */
export function parseElfHeader(read: ReadRange): ElfHeader | undefined {
  const ident = read(0, 52);
  if (ident === undefined || !isElf(ident)) return undefined;
  const bits = ident[4] === 1 ? 32 : ident[4] === 2 ? 64 : undefined;
  if (bits === undefined || (ident[5] !== 1 && ident[5] !== 2)) return undefined;
  const littleEndian = ident[5] === 1;
  const head = new Fields(bits === 64 ? (read(0, 64) ?? ident) : ident, littleEndian, bits);
  const base = { bits, littleEndian, type: head.half(16), machine: head.half(18) } as const;
  if (bits === 64 && head.length < 64) return { ...base, segments: [], incomplete: "the file header is cut off" };
  const table = head.word(bits === 64 ? 32 : 28);
  const entrySize = head.half(bits === 64 ? 54 : 42);
  const count = head.half(bits === 64 ? 56 : 44);
  if (count === 0) return { ...base, segments: [] };
  if (count > maxSegments || entrySize < (bits === 64 ? 56 : 32) || entrySize > 256)
    return { ...base, segments: [], incomplete: "the program header table has impossible sizes" };
  const raw = read(table, count * entrySize);
  if (raw === undefined) return { ...base, segments: [], incomplete: "the program headers lie outside the file" };
  const rows = new Fields(raw, littleEndian, bits);
  const segments: ElfSegment[] = [];
  for (let at = 0; at < count * entrySize; at += entrySize) {
    const kind = segmentKinds.get(rows.int(at));
    if (kind === undefined) continue;
    const [offset, address, size, flags] = bits === 64 ? [8, 16, 32, 4] : [4, 8, 16, 24];
    segments.push({
      kind,
      offset: rows.word(at + offset),
      address: rows.word(at + address),
      size: rows.word(at + size),
      isWritable: (rows.int(at + flags) & writable) !== 0,
      isExecutable: (rows.int(at + flags) & executable) !== 0,
    });
  }
  return { ...base, segments };
}

/** What the dynamic loader would read; undefined where the bytes are no ELF file. Never throws: what cannot be read is said in `incomplete`. */
export function parseElf(read: ReadRange): ElfFacts | undefined {
  const header = parseElfHeader(read);
  if (header === undefined) return undefined;
  const facts = { bits: header.bits, machine: header.machine, type: header.type };
  if (header.incomplete !== undefined) return { ...facts, incomplete: header.incomplete };
  const interpreter = interpreterOf(header, read);
  const named = interpreter === undefined ? facts : { ...facts, interpreter };
  const dynamic = header.segments.find(({ kind }) => kind === "dynamic");
  if (dynamic === undefined) return named;
  const names = readDynamic(header, dynamic, read);
  return typeof names === "string" ? { ...named, incomplete: names } : { ...named, ...names };
}

function interpreterOf(header: ElfHeader, read: ReadRange): string | undefined {
  const segment = header.segments.find(({ kind }) => kind === "interpreter");
  if (segment === undefined || segment.size < 2 || segment.size > maxString) return undefined;
  const bytes = read(segment.offset, segment.size);
  return bytes === undefined ? undefined : textUntilNul(bytes);
}

type DynamicNames = Pick<ElfFacts, "needed" | "soname" | "rpath" | "runpath" | "versionsNeeded" | "versions">;

function readDynamic(header: ElfHeader, dynamic: ElfSegment, read: ReadRange): DynamicNames | string {
  const width = header.bits / 8;
  const size = Math.min(dynamic.size, maxDynamic * width * 2);
  const raw = read(dynamic.offset, size - (size % (width * 2)));
  if (raw === undefined) return "the dynamic section lies outside what was kept";
  const rows = new Fields(raw, header.littleEndian, header.bits);
  const offsets: { tag: number; value: number }[] = [];
  const versioning: VersionPlaces = { defined: 0, definedCount: 0, needed: 0, neededCount: 0 };
  let table: number | undefined;
  let tableSize = 0;
  for (let at = 0; at + width * 2 <= raw.length; at += width * 2) {
    const tag = rows.word(at);
    const value = rows.word(at + width);
    if (tag === 0) break;
    if (tag === tags.stringTable) table = value;
    else if (tag === tags.stringSize) tableSize = value;
    else if (tag === tags.needed || tag === tags.soname || tag === tags.rpath || tag === tags.runpath)
      offsets.push({ tag, value });
    else if (tag === versionTags.defined) versioning.defined = value;
    else if (tag === versionTags.definedCount) versioning.definedCount = value;
    else if (tag === versionTags.needed) versioning.needed = value;
    else if (tag === versionTags.neededCount) versioning.neededCount = value;
  }
  if (offsets.length === 0 && versioning.defined === 0 && versioning.needed === 0) return {};
  if (offsets.length > maxNeeded) return "it needs more libraries than a program can";
  const start = table === undefined ? undefined : offsetOf(header, table);
  if (start === undefined) return "its string table lies in no segment";
  const strings: Strings = { read, start, size: tableSize };
  const texts: { tag: number; text: string }[] = [];
  for (const { tag, value } of offsets) {
    const text = stringAt(strings, value);
    if (text.kind === "broken") return text.why;
    texts.push({ tag, text: text.text });
  }
  const symbols = readSymbolVersions(header, versioning, strings);
  if (typeof symbols === "string") return symbols;
  const of = (tag: number): string[] => texts.filter((row) => row.tag === tag).map((row) => row.text);
  const [needed, soname, rpath, runpath] = [of(tags.needed), of(tags.soname)[0], of(tags.rpath), of(tags.runpath)];
  return {
    ...(needed.length > 0 ? { needed } : {}),
    ...(soname === undefined ? {} : { soname }),
    ...(rpath.length > 0 ? { rpath: splitPaths(rpath) } : {}),
    ...(runpath.length > 0 ? { runpath: splitPaths(runpath) } : {}),
    ...symbols,
  };
}

interface VersionPlaces {
  defined: number;
  definedCount: number;
  needed: number;
  neededCount: number;
}

interface Strings {
  readonly read: ReadRange;
  readonly start: number;
  readonly size: number;
}

type StringAt = { readonly kind: "text"; readonly text: string } | { readonly kind: "broken"; readonly why: string };

function stringAt({ read, start, size }: Strings, at: number): StringAt {
  if (at >= size) return { kind: "broken", why: "a name lies outside the string table" };
  const bytes = read(start + at, Math.min(maxString, size - at));
  if (bytes === undefined) return { kind: "broken", why: "its string table lies outside what was kept" };
  return { kind: "text", text: textUntilNul(bytes) };
}

/** Where in the file an address of the loaded program comes from; undefined where it is in no segment. */
export function offsetOf(header: ElfHeader, address: number): number | undefined {
  const segment = header.segments.find(
    (each) => each.kind === "load" && address >= each.address && address < each.address + each.size,
  );
  return segment === undefined ? undefined : address - segment.address + segment.offset;
}

/** Versions that the file gives to its symbols, and those it needs of each library; a weak need is none. Linux Standard Base, Symbol Versioning. */
function readSymbolVersions(
  header: ElfHeader,
  places: VersionPlaces,
  strings: Strings,
): Pick<ElfFacts, "versionsNeeded" | "versions"> | string {
  const outside = "its symbol versions lie outside what was kept";
  const fieldsAt = (offset: number, size: number): Fields | undefined => {
    const bytes = strings.read(offset, size);
    return bytes === undefined ? undefined : new Fields(bytes, header.littleEndian, header.bits);
  };
  let records = 0;
  const versions: string[] = [];
  let at = places.defined === 0 ? undefined : offsetOf(header, places.defined);
  if (places.defined !== 0 && at === undefined) return outside;
  for (let left = places.definedCount; at !== undefined && left > 0; left -= 1) {
    const definition = fieldsAt(at, 20);
    const name = definition && fieldsAt(at + definition.int(12), 8);
    if (definition === undefined || name === undefined) return outside;
    if ((records += 1) > maxVersions) return "it has more symbol versions than a library can";
    const text = stringAt(strings, name.int(0));
    if (text.kind === "broken") return text.why;
    if ((definition.half(2) & baseVersion) === 0) versions.push(text.text);
    const next = definition.int(16);
    at = next === 0 ? undefined : at + next;
  }

  const versionsNeeded: [library: string, versions: string[]][] = [];
  at = places.needed === 0 ? undefined : offsetOf(header, places.needed);
  if (places.needed !== 0 && at === undefined) return outside;
  for (let left = places.neededCount; at !== undefined && left > 0; left -= 1) {
    const need = fieldsAt(at, 16);
    if (need === undefined) return outside;
    if ((records += 1) > maxVersions) return "it needs more symbol versions than a program can";
    const library = stringAt(strings, need.int(4));
    if (library.kind === "broken") return library.why;
    const named: string[] = [];
    let one: number | undefined = at + need.int(8);
    for (let of = need.half(2); one !== undefined && of > 0; of -= 1) {
      const version: Fields | undefined = fieldsAt(one, 16);
      if (version === undefined) return outside;
      if ((records += 1) > maxVersions) return "it needs more symbol versions than a program can";
      const text = stringAt(strings, version.int(8));
      if (text.kind === "broken") return text.why;
      if ((version.half(4) & weakVersion) === 0) named.push(text.text);
      const following: number = version.int(12);
      one = following === 0 ? undefined : one + following;
    }
    if (named.length > 0) versionsNeeded.push([library.text, named]);
    const next = need.int(12);
    at = next === 0 ? undefined : at + next;
  }
  return {
    ...(versionsNeeded.length > 0 ? { versionsNeeded } : {}),
    ...(versions.length > 0 ? { versions } : {}),
  };
}

function splitPaths(lists: readonly string[]): string[] {
  return lists.flatMap((list) => list.split(":")).filter((path) => path !== "");
}

function textUntilNul(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(bytes.buffer, bytes.byteOffset, end < 0 ? bytes.length : end).toString("latin1");
}

/** Numbers at offsets, in the file's byte order and word size; 0 past the end, values over 2^53 lose their last bits, which no file offset needs. */
class Fields {
  readonly length: number;
  private readonly view: DataView;
  private readonly little: boolean;
  private readonly bits: 32 | 64;

  constructor(bytes: Uint8Array, little: boolean, bits: 32 | 64) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.length = bytes.byteLength;
    this.little = little;
    this.bits = bits;
  }

  half(at: number): number {
    return at + 2 <= this.length ? this.view.getUint16(at, this.little) : 0;
  }

  int(at: number): number {
    return at + 4 <= this.length ? this.view.getUint32(at, this.little) : 0;
  }

  word(at: number): number {
    if (this.bits === 32) return this.int(at);
    return at + 8 <= this.length ? Number(this.view.getBigUint64(at, this.little)) : 0;
  }
}
