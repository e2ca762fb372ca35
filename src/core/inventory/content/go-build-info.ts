import { offsetOf, type ElfHeader, type ElfSegment, type ReadRange } from "../elf.ts";
import type { FileHolds, HeldPackage } from "../layer-facts.ts";
import { isPlainName, isPlainVersion, unreadable } from "./content-recogniser.ts";

const magic = Buffer.from("\xff Go buildinf:", "latin1");
const alignment = 16;
const headerSize = 32;
/** In the byte behind the pointer size. */
const isBigEndian = 1;
const isInline = 2;
const maxVersion = 1024;
const maxModules = 4 * 1_048_576;
const maxPackages = 20_000;
const maxCandidates = 64;
/** Bytes of data that are searched; a program of 500 MB has a tenth of that. */
const maxData = 64 * 1_048_576;
const maxNote = 65_536;

interface BuildInfo {
  /** `go1.22.1`, or what an unreleased toolchain says. */
  readonly version: string;
  readonly modules: string;
}

/**
 * The modules that a program was linked from, and the toolchain as `stdlib`; undefined for what no Go toolchain made. Stripping leaves them in
 * place. Both forms are read: strings behind the header (since Go 1.18), and pointers to them. Go, debug/buildinfo and cmd/link.
 */
export function readGoBuildInfo(read: ReadRange, header: ElfHeader): FileHolds | undefined {
  let isCut = false;
  for (const segment of header.segments) {
    if (segment.kind !== "load" || !segment.isWritable || segment.size === 0) continue;
    const bytes = read(segment.offset, Math.min(segment.size, maxData));
    if (bytes === undefined) {
      isCut = true;
      continue;
    }
    const info = findInfo(bytes, segment, read, header);
    if (info !== undefined) return holdsOf(info);
  }
  if (!isGoProgram(read, header)) return undefined;
  return unreadable(
    isCut
      ? "it is a Go program, and its data is cut off or was not kept"
      : "it is a Go program without readable build information",
  );
}

function findInfo(bytes: Uint8Array, segment: ElfSegment, read: ReadRange, header: ElfHeader): BuildInfo | undefined {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let candidates = 0;
  for (let at = data.indexOf(magic); at >= 0 && candidates < maxCandidates; at = data.indexOf(magic, at + 1)) {
    candidates += 1;
    if ((segment.address + at) % alignment !== 0 || at + headerSize > data.length) continue;
    const flags = data[at + 15] ?? 0;
    const info =
      (flags & isInline) !== 0 ? readInline(data, at + headerSize) : readPointers(data, at, flags, read, header);
    if (info !== undefined && /^(?:go|devel)/.test(info.version)) return info;
  }
  return undefined;
}

function readInline(data: Buffer, at: number): BuildInfo | undefined {
  const version = readCounted(data, at, maxVersion);
  const modules = version && readCounted(data, version.end, maxModules);
  if (version === undefined || modules === undefined) return undefined;
  return { version: version.text, modules: modulesIn(modules.bytes) };
}

function readCounted(
  data: Buffer,
  at: number,
  limit: number,
): { readonly bytes: Buffer; readonly text: string; readonly end: number } | undefined {
  let length = 0;
  let shift = 1;
  let from = at;
  for (;;) {
    const byte = data[from];
    if (byte === undefined || from - at > 8) return undefined;
    from += 1;
    length += (byte & 0x7f) * shift;
    shift *= 128;
    if (byte < 0x80) break;
  }
  if (length > limit || from + length > data.length) return undefined;
  const bytes = data.subarray(from, from + length);
  return { bytes, text: length > maxVersion ? "" : bytes.toString("utf8"), end: from + length };
}

function readPointers(
  data: Buffer,
  at: number,
  flags: number,
  read: ReadRange,
  header: ElfHeader,
): BuildInfo | undefined {
  const width = data[at + 14];
  if (width !== 4 && width !== 8) return undefined;
  const big = (flags & isBigEndian) !== 0;
  const word = (bytes: Buffer, place: number): number =>
    width === 4
      ? big
        ? bytes.readUInt32BE(place)
        : bytes.readUInt32LE(place)
      : Number(big ? bytes.readBigUInt64BE(place) : bytes.readBigUInt64LE(place));
  const textAt = (pointer: number, limit: number): Buffer | undefined => {
    const place = offsetOf(header, pointer);
    const pair = place === undefined ? undefined : read(place, width * 2);
    if (pair === undefined) return undefined;
    const row = Buffer.from(pair.buffer, pair.byteOffset, pair.byteLength);
    const [address, length] = [word(row, 0), word(row, width)];
    if (length === 0) return Buffer.alloc(0);
    const start = offsetOf(header, address);
    const bytes = start === undefined || length > limit ? undefined : read(start, length);
    return bytes && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };
  const version = textAt(word(data, at + alignment), maxVersion);
  const modules = textAt(word(data, at + alignment + width), maxModules);
  if (version === undefined || modules === undefined) return undefined;
  return { version: version.toString("utf8"), modules: modulesIn(modules) };
}

/** What stands between the two marks of 16 bytes that the linker puts around it; empty for a program that was built without modules. */
function modulesIn(bytes: Buffer): string {
  return bytes.length >= 33 && bytes.at(-17) === 0x0a ? bytes.toString("utf8", 16, bytes.length - 16) : "";
}

function holdsOf({ version, modules }: BuildInfo): FileHolds {
  const packages: HeldPackage[] = [{ type: "golang", name: "stdlib", version: toolchainVersion(version) }];
  let broken = 0;
  let isOpen = false;
  for (const line of modules.split("\n")) {
    const [kind, name = "", given = ""] = line.split("\t");
    if (kind !== "mod" && kind !== "dep" && kind !== "=>") continue;
    // A replacement stands on the line behind what it replaces.
    const replaced: HeldPackage | undefined = kind === "=>" && isOpen ? packages.pop() : undefined;
    // A module replaced by a folder is whatever that folder held: its name stays, its version is not known.
    const folderOf = replaced !== undefined && /^\.{0,2}\//.test(name) ? replaced.name : undefined;
    const own: string = folderOf ?? name;
    const known: string = folderOf !== undefined || given === "" ? "(devel)" : given;
    isOpen = isPlainName(own) && isPlainVersion(known);
    if (isOpen) packages.push({ type: "golang", name: own, version: known });
    else broken += 1;
    if (packages.length > maxPackages) return { packages, problem: `it names more than ${maxPackages} modules` };
  }
  return broken === 0
    ? { packages }
    : { packages, problem: `${broken} of the modules that it names have no proper name or version` };
}

/** `1.22.1` of `go1.22.1`, `go1.22.1 X:boringcrypto` and `go1.22.1-vendor`; an unreleased one as it is. */
function toolchainVersion(text: string): string {
  const released = /^go(\d+(?:\.\d+)*(?:(?:beta|rc)\d+)?)(?:[\s-].*)?$/s.exec(text)?.[1];
  const plain = released ?? text.replace(/[\s\p{Cc}]+/gu, " ").trim();
  return plain.slice(0, 256);
}

/** Whether a note of the Go linker is there: it holds the build ID under the name "Go" and the type 4. */
export function isGoProgram(read: ReadRange, header: ElfHeader): boolean {
  const mark = Buffer.from(header.littleEndian ? [4, 0, 0, 0, 0x47, 0x6f, 0, 0] : [0, 0, 0, 4, 0x47, 0x6f, 0, 0]);
  return header.segments.some((segment) => {
    if (segment.kind !== "note" || segment.size < 16 || segment.size > maxNote) return false;
    const bytes = read(segment.offset, segment.size);
    return bytes !== undefined && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(mark);
  });
}
