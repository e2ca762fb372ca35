import type { ElfFacts } from "./layer-facts.ts";

/** Bytes `offset` to `offset + length` of a file, or undefined where they were not kept or do not exist. */
export type ReadRange = (offset: number, length: number) => Uint8Array | undefined;

export interface ElfSegment {
  readonly kind: "load" | "dynamic" | "interpreter";
  readonly offset: number;
  readonly size: number;
  readonly address: number;
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
const segmentKinds = new Map<number, ElfSegment["kind"]>([
  [1, "load"],
  [2, "dynamic"],
  [3, "interpreter"],
]);
const tags = { needed: 1, stringTable: 5, stringSize: 10, soname: 14, rpath: 15, runpath: 29 } as const;

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
    const [offset, address, size] = bits === 64 ? [8, 16, 32] : [4, 8, 16];
    segments.push({
      kind,
      offset: rows.word(at + offset),
      address: rows.word(at + address),
      size: rows.word(at + size),
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

type DynamicNames = Pick<ElfFacts, "needed" | "soname" | "rpath" | "runpath">;

function readDynamic(header: ElfHeader, dynamic: ElfSegment, read: ReadRange): DynamicNames | string {
  const width = header.bits / 8;
  const size = Math.min(dynamic.size, maxDynamic * width * 2);
  const raw = read(dynamic.offset, size - (size % (width * 2)));
  if (raw === undefined) return "the dynamic section lies outside what was kept";
  const rows = new Fields(raw, header.littleEndian, header.bits);
  const offsets: { tag: number; value: number }[] = [];
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
  }
  if (offsets.length === 0) return {};
  if (offsets.length > maxNeeded) return "it needs more libraries than a program can";
  const segment = header.segments.find(
    ({ kind, address, size: length }) =>
      kind === "load" && table !== undefined && table >= address && table < address + length,
  );
  if (segment === undefined || table === undefined) return "its string table lies in no segment";
  const start = table - segment.address + segment.offset;
  const texts: { tag: number; text: string }[] = [];
  for (const { tag, value } of offsets) {
    if (value >= tableSize) return "a name lies outside the string table";
    const bytes = read(start + value, Math.min(maxString, tableSize - value));
    if (bytes === undefined) return "its string table lies outside what was kept";
    texts.push({ tag, text: textUntilNul(bytes) });
  }
  const of = (tag: number): string[] => texts.filter((row) => row.tag === tag).map((row) => row.text);
  const [needed, soname, rpath, runpath] = [of(tags.needed), of(tags.soname)[0], of(tags.rpath), of(tags.runpath)];
  return {
    ...(needed.length > 0 ? { needed } : {}),
    ...(soname === undefined ? {} : { soname }),
    ...(rpath.length > 0 ? { rpath: splitPaths(rpath) } : {}),
    ...(runpath.length > 0 ? { runpath: splitPaths(runpath) } : {}),
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
