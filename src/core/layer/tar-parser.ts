import { corrupt, decodeName, parsePaxRecords, parseTarHeader, type Extended, type TarHeader } from "./tar-header.ts";

/** What is told of each member, in order: its header, its content in pieces, its end. */
export interface TarSink {
  begin(header: TarHeader): void;
  data(chunk: Buffer): void;
  end(): void;
}

const blockSize = 512;
/** Bytes of one extended header: a path of 4,096 bytes and a few attributes need a fraction. */
const maxExtended = 1_048_576;

/**
 * Takes an archive in pieces of any size, synchronously, so that a million small members cost no promises. Throws
 * TAR_CORRUPT where a header is wrong or the archive ends within a member. What follows the end marker is not looked at.
 */
export class TarParser {
  private readonly sink: TarSink;
  private readonly what: string;
  private readonly block = Buffer.alloc(blockSize);
  private filled = 0;
  private body = 0;
  private padding = 0;
  private open = false;
  private extendedKind = "";
  private extendedBytes: Buffer[] = [];
  private next = new Map<string, string>();
  private always: Extended = new Map();
  private zeroBlocks = 0;

  constructor(sink: TarSink, what: string) {
    this.sink = sink;
    this.what = what;
  }

  push(piece: Uint8Array): void {
    const chunk = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    let at = 0;
    while (at < chunk.length && this.zeroBlocks < 2) {
      if (this.body > 0) {
        const take = Math.min(this.body, chunk.length - at);
        this.take(chunk.subarray(at, at + take));
        this.body -= take;
        at += take;
        if (this.body === 0) this.finishMember();
      } else if (this.padding > 0) {
        const skip = Math.min(this.padding, chunk.length - at);
        this.padding -= skip;
        at += skip;
      } else if (this.filled === 0 && chunk.length - at >= blockSize) {
        this.header(chunk.subarray(at, at + blockSize));
        at += blockSize;
      } else {
        const copied = chunk.copy(this.block, this.filled, at, Math.min(chunk.length, at + blockSize - this.filled));
        this.filled += copied;
        at += copied;
        if (this.filled < blockSize) continue;
        this.filled = 0;
        this.header(this.block);
      }
    }
  }

  /** Says that no more will come. */
  finish(): void {
    if (this.body > 0 || this.filled > 0 || (this.padding > 0 && this.extendedKind !== ""))
      throw corrupt(this.what, "it ends within a member");
    if (this.next.size > 0) throw corrupt(this.what, "it ends after an extended header");
  }

  private header(block: Buffer): void {
    if (isZero(block)) {
      this.zeroBlocks += 1;
      return;
    }
    if (this.zeroBlocks > 0) throw corrupt(this.what, "a single empty block stands between members");
    const flag = String.fromCharCode(block[156] ?? 0);
    const isExtended = flag === "x" || flag === "g" || flag === "L" || flag === "K";
    const extended = isExtended ? new Map<string, string>() : this.merged();
    const header = parseTarHeader(block, extended, this.what);
    this.body = hasBody(header) ? header.size : 0;
    this.padding = (blockSize - (this.body % blockSize)) % blockSize;
    if (isExtended) {
      if (header.size > maxExtended) throw corrupt(this.what, `an extended header has ${header.size} bytes`);
      this.extendedKind = flag;
      this.extendedBytes = [];
    } else {
      this.next = new Map();
      this.open = true;
      this.sink.begin(header);
    }
    if (this.body === 0) this.finishMember();
  }

  private take(bytes: Buffer): void {
    if (this.extendedKind === "") this.sink.data(bytes);
    else this.extendedBytes.push(Buffer.from(bytes));
  }

  private finishMember(): void {
    if (this.open) {
      this.open = false;
      this.sink.end();
      return;
    }
    const bytes = Buffer.concat(this.extendedBytes);
    const kind = this.extendedKind;
    this.extendedKind = "";
    this.extendedBytes = [];
    if (kind === "L") this.next.set("path", decodeName(bytes));
    else if (kind === "K") this.next.set("linkpath", decodeName(bytes));
    else if (kind === "x") for (const [key, value] of parsePaxRecords(bytes, this.what)) this.next.set(key, value);
    else if (kind === "g")
      this.always = new Map([...this.always, ...parsePaxRecords(bytes, this.what)].slice(0, 10_000));
  }

  private merged(): Extended {
    if (this.always.size === 0) return this.next;
    return new Map([...this.always, ...this.next].filter(([, value]) => value !== ""));
  }
}

/** Links, folders and devices have no content whatever their size says; of an unknown type the size counts. */
function hasBody({ flag }: TarHeader): boolean {
  return !/^[1-6]$/.test(flag);
}

function isZero(block: Buffer): boolean {
  if (block[0] !== 0) return false;
  for (const byte of block) if (byte !== 0) return false;
  return true;
}
