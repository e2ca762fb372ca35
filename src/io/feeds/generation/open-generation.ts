import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { AdvisoryKey, IndexedAdvisory } from "../../../core/advisory/index.ts";
import { FeedError } from "../error.ts";
import {
  decodeRows,
  groupHead,
  groupsOf,
  hashBytes,
  keyText,
  magic,
  metaShape,
  parseKeyText,
  trailerSize,
  unpackBlock,
  type GenerationMeta,
} from "./format.ts";
import { Lru } from "./lru.ts";

/** What a generation says of one key, withdrawn advisories apart: they match nothing, but end findings. */
export interface Said {
  readonly rows: readonly IndexedAdvisory[];
  readonly withdrawn: readonly string[];
}

/** A key of a generation, and a hash of all that is said of it. */
export interface HashedKey {
  readonly key: AdvisoryKey;
  readonly hash: string;
}

/** Memory of decoded blocks and of parsed keys, for each open generation: bytes before parsing. */
const heldBlocks = 16 * 1_048_576;
const heldKeys = 24 * 1_048_576;
/** Milliseconds of looking up between two looks at what else there is to do. */
const strideMs = 8;
const nothing: Said = { rows: [], withdrawn: [] };

/** A sealed generation, open for looking up. */
export class OpenGeneration {
  readonly meta: GenerationMeta;
  private readonly file: number;
  private readonly path: string;
  private readonly directory: Buffer;
  private readonly blocks: number;
  private readonly keysAt: number;
  private readonly directoryAt: number;
  private readonly decoded = new Lru<number, Buffer>(heldBlocks);
  private readonly parsed = new Lru<string, Said>(heldKeys);
  /** Look-ups that go on: the file is closed after the last. */
  private users = 0;
  private isClosing = false;

  /** Opens the file at `path`. Throws FEED_TORN for one that is cut off, damaged, or no generation of this version. */
  constructor(path: string) {
    this.path = path;
    this.file = openFile(path);
    try {
      const { size } = fstatSync(this.file);
      if (size < magic.length + trailerSize) throw torn(path, "it is too short");
      const trailer = this.read(size - trailerSize, trailerSize);
      if (!this.read(0, magic.length).equals(magic) || !trailer.subarray(trailerSize - 8).equals(magic))
        throw torn(path, "it is no generation of this version");
      const [keysAt = 0, directoryAt = 0, metaAt = 0, blocks = 0, length = 0] = [0, 8, 16, 24, 32].map((at) =>
        trailer.readDoubleLE(at),
      );
      const end = size - trailerSize;
      const isOrdered =
        magic.length <= keysAt && keysAt <= directoryAt && directoryAt + blocks * 16 <= metaAt && metaAt <= end;
      if (length !== size || !isOrdered) throw torn(path, "its parts do not fit");
      this.directory = this.read(directoryAt, metaAt - directoryAt);
      const text = this.read(metaAt, end - metaAt);
      const sum = createHash("sha256").update(this.directory).update(text).update(trailer.subarray(0, 40)).digest();
      if (!sum.equals(trailer.subarray(40, 72))) throw torn(path, "its checksum does not match");
      this.meta = metaShape.parse(JSON.parse(text.toString()));
      this.blocks = blocks;
      this.keysAt = keysAt;
      this.directoryAt = directoryAt;
    } catch (error) {
      closeSync(this.file);
      throw error instanceof FeedError ? error : torn(path, "it cannot be read", error);
    }
  }

  /** What is said of each of `keys` exactly; a key of which nothing is said is left out. Throws FEED_TORN where the file is damaged. */
  async find(keys: Iterable<AdvisoryKey>): Promise<Map<string, Said>> {
    const found = new Map<string, Said>();
    this.use();
    try {
      await this.findInto(found, keys);
      return found;
    } finally {
      this.leave();
    }
  }

  private async findInto(found: Map<string, Said>, keys: Iterable<AdvisoryKey>): Promise<void> {
    const wanted = [...new Set([...keys].map(keyText))].sort();
    let since = performance.now();
    for (const key of wanted) {
      const said = this.findOne(key);
      if (said.rows.length > 0 || said.withdrawn.length > 0) found.set(key, said);
      if (performance.now() - since < strideMs) continue;
      await nextTurn();
      since = performance.now();
    }
  }

  /** It stays open until as many have left. */
  use(): void {
    this.users += 1;
  }

  leave(): void {
    this.users -= 1;
    if (this.isClosing && this.users === 0) closeSync(this.file);
  }

  private findOne(key: string): Said {
    const known = this.parsed.get(key);
    if (known !== undefined) return known;
    const text = Buffer.from(key, "latin1");
    const at = this.blockOf(text);
    if (at < 0) return nothing;
    const block = this.block(at);
    for (let place = 0; place < block.length;) {
      const keyEnd = place + groupHead + block.readUInt16LE(place);
      const end = keyEnd + block.readUInt32LE(place + 2);
      const order = block.compare(text, 0, text.length, place + groupHead, keyEnd);
      if (order > 0) break;
      if (order === 0) {
        if (end > block.length) throw torn(this.path, "a group is longer than its block");
        const said = parseGroup(block.subarray(keyEnd, end));
        this.parsed.set(key, said, end - keyEnd);
        return said;
      }
      place = end;
    }
    return nothing;
  }

  /** The last block whose first key is not after `key`; -1 where there is none. */
  private blockOf(key: Buffer): number {
    let low = 0;
    let high = this.blocks;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.firstKey(middle).compare(key) <= 0) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  private firstKey(at: number): Buffer {
    const keys = this.blocks * 16;
    const start = at === 0 ? 0 : this.directory.readUInt32LE((at - 1) * 16 + 12);
    return this.directory.subarray(keys + start, keys + this.directory.readUInt32LE(at * 16 + 12));
  }

  private block(at: number): Buffer {
    const known = this.decoded.get(at);
    if (known !== undefined) return known;
    const bytes = this.unpack(this.directory.readDoubleLE(at * 16), this.directory.readUInt32LE(at * 16 + 8));
    this.decoded.set(at, bytes, bytes.length);
    return bytes;
  }

  /** Every key in order, with its hash: what two generations are compared by. */
  *keys(): Generator<{ readonly text: string; readonly hash: string }> {
    for (let at = this.keysAt; at < this.directoryAt;) {
      const length = this.read(at, 4).readUInt32LE(0);
      const block = this.unpack(at + 4, length);
      at += 4 + length;
      for (let place = 0; place < block.length;) {
        const end = place + 2 + block.readUInt16LE(place);
        const text = block.toString("latin1", place + 2, end);
        yield { text, hash: block.toString("latin1", end, end + hashBytes) };
        place = end + hashBytes;
      }
    }
  }

  /** Every group in order, as bytes: for a generation that takes over most of this one. */
  *groups(): Generator<{ readonly key: string; readonly rows: Buffer }> {
    for (let at = 0; at < this.blocks; at += 1) {
      const block = this.unpack(this.directory.readDoubleLE(at * 16), this.directory.readUInt32LE(at * 16 + 8));
      for (const { key, rows } of groupsOf(block)) yield { key: key.toString("latin1"), rows };
    }
  }

  /** Closes it once nobody uses it any more. */
  close(): void {
    if (this.isClosing) return;
    this.isClosing = true;
    if (this.users === 0) closeSync(this.file);
  }

  private unpack(offset: number, length: number): Buffer {
    try {
      return unpackBlock(this.read(offset, length));
    } catch (error) {
      throw error instanceof FeedError ? error : torn(this.path, "a block is damaged", error);
    }
  }

  private read(offset: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    for (let at = 0; at < length;) {
      const read = readSync(this.file, bytes, at, length - at, offset + at);
      if (read === 0) throw torn(this.path, "it ends too early");
      at += read;
    }
    return bytes;
  }
}

/** The keys of which two generations do not say the same, and those of which one of them says nothing. Lets others work in between. */
export async function diffGenerations(before: OpenGeneration, after: OpenGeneration): Promise<AdvisoryKey[]> {
  const changed: AdvisoryKey[] = [];
  after.use();
  before.use();
  try {
    await diffInto(changed, before, after);
    return changed;
  } finally {
    after.leave();
    before.leave();
  }
}

async function diffInto(changed: AdvisoryKey[], before: OpenGeneration, after: OpenGeneration): Promise<void> {
  const [old, now] = [before.keys(), after.keys()];
  let [left, right] = [old.next(), now.next()];
  let since = performance.now();
  while (left.done !== true || right.done !== true) {
    const isGone = right.done === true || (left.done !== true && left.value.text < right.value.text);
    const isNew = left.done === true || (right.done !== true && right.value.text < left.value.text);
    if (isGone && left.done !== true) {
      changed.push(parseKeyText(left.value.text));
      left = old.next();
    } else if (isNew && right.done !== true) {
      changed.push(parseKeyText(right.value.text));
      right = now.next();
    } else if (left.done !== true && right.done !== true) {
      if (left.value.hash !== right.value.hash) changed.push(parseKeyText(right.value.text));
      left = old.next();
      right = now.next();
    }
    if (performance.now() - since < strideMs) continue;
    await nextTurn();
    since = performance.now();
  }
}

function parseGroup(bytes: Buffer): Said {
  const rows: IndexedAdvisory[] = [];
  const withdrawn = new Set<string>();
  let last: { readonly head: string; readonly advisory: MutableAdvisory } | undefined;
  for (const { id, head, affected } of decodeRows(bytes)) {
    if (last?.head !== head) last = { head, advisory: { ...(JSON.parse(head) as MutableAdvisory), affected: [] } };
    const { advisory } = last;
    if (advisory.withdrawn !== undefined) {
      withdrawn.add(id);
      continue;
    }
    const one = JSON.parse(affected) as IndexedAdvisory["affected"];
    advisory.affected.push(one);
    rows.push({ advisory, affected: one });
  }
  return { rows, withdrawn: [...withdrawn] };
}

type MutableAdvisory = Omit<IndexedAdvisory["advisory"], "affected"> & { affected: IndexedAdvisory["affected"][] };

function openFile(path: string): number {
  try {
    return openSync(path, "r");
  } catch (error) {
    throw torn(path, "it is not there", error);
  }
}

function torn(path: string, why: string, cause?: unknown): FeedError {
  return new FeedError("FEED_TORN", `what was kept at ${path} cannot be used: ${why}`, { cause });
}
