import { createHash, hash, type Hash } from "node:crypto";
import {
  isElf,
  parseElf,
  parseElfHeader,
  isGoProgram,
  readGoBuildInfo,
  type ContentRecogniser,
  type ElfFacts,
  type ElfHeader,
  type FileHolds,
} from "../../core/inventory/index.ts";

/** ELF files up to this size are looked at whole; of larger ones the parts that the loader reads. */
const wholeElf = 16 * 1_048_576;
/** Segments up to this size are kept whatever the file's size: tools that change a library path append small ones. */
const smallSegment = 1_048_576;
const longestShebang = 512;
/** Of larger programs the data is kept too, as far as it may say what they were linked from: all of a Go program's, which may hold pointers to anywhere. */
const largeData = { go: 160 * 1_048_576, other: 32 * 1_048_576 } as const;

const ofNothing = { sha256: hash("sha256", ""), md5: hash("md5", "") };

/** What a file's content tells. */
export interface ContentFacts {
  readonly size: number;
  readonly sha256: string;
  readonly md5: string;
  readonly elf?: ElfFacts;
  readonly shebang?: string;
  readonly content?: Uint8Array;
  readonly holds?: FileHolds;
}

/** Who is told the whole content of a file, where it is and how many bytes it has. */
export interface Recognised {
  readonly by: ContentRecogniser;
  readonly path: string;
  readonly size: number;
}

interface Piece {
  readonly start: number;
  readonly bytes: Uint8Array;
}

/** Takes a file's content chunk by chunk and keeps no more of it than it needs. */
export class ContentReader {
  /** Most files come in one piece: hashers are made for those that do not. */
  private only: Uint8Array | undefined;
  private hashers: { readonly sha256: Hash; readonly md5: Hash } | undefined;
  private readonly keep: boolean;
  private pieces: Piece[] = [];
  private wanted: { start: number; end: number }[] | undefined;
  private kind: "unknown" | "elf" | "script" | "other" = "unknown";
  private size = 0;
  private readonly recognised: Recognised | undefined;
  private whole: Uint8Array | undefined;

  /** With `keep`, the whole content is part of the facts; `recognised` says who else is to see it whole. */
  constructor(keep: boolean, recognised?: Recognised) {
    this.keep = keep;
    this.recognised = recognised;
  }

  push(chunk: Uint8Array): void {
    this.digest(chunk);
    if (this.recognised !== undefined) this.keepWhole(this.recognised, chunk);
    const piece = { start: this.size, bytes: chunk };
    this.size += chunk.byteLength;
    if (this.keep || this.kind === "unknown") this.pieces.push(piece);
    else if (this.kind === "elf") this.pushElf(piece);
    else if (this.kind === "script" && piece.start < longestShebang) this.pieces.push(piece);
    if (this.kind === "unknown" && this.size >= 4) this.begin();
  }

  finish(): ContentFacts {
    const facts = { size: this.size, ...this.digests() };
    const read = (offset: number, length: number): Uint8Array | undefined => this.range(offset, length);
    const elf = this.kind === "elf" ? parseElf(read) : undefined;
    const shebang = this.kind === "script" ? this.shebang() : undefined;
    const holds = this.recognised === undefined ? this.holdsOfProgram() : this.holds(this.recognised);
    return {
      ...facts,
      ...(holds === undefined ? {} : { holds }),
      ...(elf === undefined ? {} : { elf }),
      ...(shebang === undefined ? {} : { shebang }),
      ...(this.keep ? { content: Buffer.concat(this.pieces.map(({ bytes }) => bytes)) } : {}),
    };
  }

  private keepWhole({ by, size }: Recognised, chunk: Uint8Array): void {
    if (size > by.largest) return;
    // Most come in one piece, which is not copied.
    if (this.size === 0 && chunk.byteLength >= size) this.whole = chunk;
    else {
      this.whole ??= Buffer.allocUnsafeSlow(size);
      this.whole.set(chunk.subarray(0, size - this.size), this.size);
    }
  }

  private holds({ by, path, size }: Recognised): FileHolds | undefined {
    if (size > by.largest)
      return { packages: [], problem: `it has ${size} bytes, more than the ${by.largest} that are read` };
    const content = this.whole ?? new Uint8Array();
    const holds = detached(by.read(content, path));
    return holds && { ...holds, sha1: hash("sha1", content) };
  }

  private holdsOfProgram(): FileHolds | undefined {
    if (this.kind !== "elf") return undefined;
    const read = (offset: number, length: number): Uint8Array | undefined => this.range(offset, length);
    const header = parseElfHeader(read);
    return header === undefined ? undefined : detached(readGoBuildInfo(read, header));
  }

  private digest(chunk: Uint8Array): void {
    if (this.size === 0) {
      this.only = chunk;
      return;
    }
    if (this.hashers === undefined) {
      this.hashers = { sha256: createHash("sha256"), md5: createHash("md5") };
      for (const hasher of Object.values(this.hashers)) hasher.update(this.only ?? "");
      this.only = undefined;
    }
    this.hashers.sha256.update(chunk);
    this.hashers.md5.update(chunk);
  }

  private digests(): { sha256: string; md5: string } {
    if (this.size === 0) return ofNothing;
    if (this.hashers !== undefined)
      return { sha256: this.hashers.sha256.digest("hex"), md5: this.hashers.md5.digest("hex") };
    const bytes = this.only ?? "";
    return { sha256: hash("sha256", bytes), md5: hash("md5", bytes) };
  }

  private begin(): void {
    const head = this.range(0, 4) ?? new Uint8Array();
    this.kind = isElf(head) ? "elf" : head[0] === 0x23 && head[1] === 0x21 ? "script" : "other";
    if (this.kind === "other" && !this.keep) this.pieces = [];
  }

  /** Keeps all until the file is too large to; then only the ranges that its program headers name. */
  private pushElf(piece: Piece): void {
    if (this.wanted === undefined) {
      this.pieces.push(piece);
      if (this.size > wholeElf) this.wanted = this.rangesOf();
      return;
    }
    const end = piece.start + piece.bytes.byteLength;
    for (const range of this.wanted) {
      if (range.end <= piece.start || range.start >= end) continue;
      const from = Math.max(range.start, piece.start);
      const bytes = Buffer.from(piece.bytes.subarray(from - piece.start, Math.min(range.end, end) - piece.start));
      this.pieces.push({ start: from, bytes });
    }
  }

  private rangesOf(): { start: number; end: number }[] {
    const read = (offset: number, length: number): Uint8Array | undefined => this.range(offset, length);
    const header = parseElfHeader(read);
    const segments = header?.segments ?? [];
    const small = segments.filter(({ size }) => size <= smallSegment).slice(0, 16);
    const data = header === undefined ? [] : dataOf(header, isGoProgram(read, header));
    return [...new Set([...small, ...data])].map(({ offset, size }) => ({ start: offset, end: offset + size }));
  }

  private range(offset: number, length: number): Uint8Array | undefined {
    const parts: Uint8Array[] = [];
    let at = offset;
    const end = offset + length;
    for (const { start, bytes } of this.pieces) {
      if (at >= end) break;
      if (start > at || start + bytes.byteLength <= at) continue;
      const part = bytes.subarray(at - start, Math.min(bytes.byteLength, end - start));
      parts.push(part);
      at += part.byteLength;
    }
    if (at < end) return undefined;
    return parts.length === 1 ? parts[0] : Buffer.concat(parts);
  }

  private shebang(): string | undefined {
    const head = Buffer.concat(this.pieces.map(({ bytes }) => bytes)).subarray(0, longestShebang);
    const line = head.toString("utf8").split("\n", 1)[0] ?? "";
    return line.slice(2).trim() || undefined;
  }
}

/** The segments of a large program that tell what it was linked from, as far as they may be kept. */
function dataOf(header: ElfHeader, isGo: boolean): ElfHeader["segments"] {
  let left: number = isGo ? largeData.go : largeData.other;
  return header.segments.filter((segment) => {
    const isWanted = segment.kind === "load" && (isGo ? !segment.isExecutable : segment.isWritable);
    if (!isWanted || segment.size > left) return false;
    left -= segment.size;
    return true;
  });
}

/** The same without the texts that its own are parts of, which would be held in memory with them. */
function detached(holds: FileHolds | undefined): FileHolds | undefined {
  return holds === undefined ? undefined : (JSON.parse(JSON.stringify(holds)) as FileHolds);
}
