/** Sizes in bytes of what follows a block's data, by the check type of the stream. The .xz File Format 1.2.1, section 2.1.1.2. */
const checkSizes = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64];
const lzma2 = 0x21;

/**
 * How many bytes the xz file will unpack to, read from the headers of its LZMA2 chunks without unpacking any; undefined where it is torn. The sizes in the
 * index and in the block headers are not asked: a decoder finds out that they lie when it has written everything. Walks only as far as `limit`.
 */
export function xzUnpackedSize(file: Buffer, limit: number): number | undefined {
  let total = 0;
  let at = 0;
  try {
    while (at < file.length) {
      if (at > 0 && file.readUInt32LE(at) === 0) {
        at += 4;
        continue;
      }
      if (file.readUIntBE(at, 6) !== 0xfd377a585a00) return undefined;
      const check = checkSizes[file.readUInt8(at + 7) & 0x0f] ?? 0;
      at += 12;
      while (file.readUInt8(at) !== 0) {
        const block = walkBlock(file, at, limit - total);
        if (block === undefined) return undefined;
        total += block.unpacked;
        if (total > limit) return total;
        at = block.end + check;
      }
      at = indexEnd(file, at) + 12;
      if (file.toString("latin1", at - 2, at) !== "YZ") return undefined;
    }
    return at === file.length && at > 0 ? total : undefined;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Section 3: the header, whose last filter must be LZMA2, then chunks until an empty one, then padding. */
function walkBlock(file: Buffer, start: number, limit: number): { unpacked: number; end: number } | undefined {
  const dataStart = start + (file.readUInt8(start) + 1) * 4;
  const flags = file.readUInt8(start + 1);
  const cursor = { at: start + 2 };
  for (let field = flags & 0xc0; field !== 0; field = (field << 1) & 0xff)
    if ((field & 0x80) !== 0) readNumber(file, cursor);
  let filter = 0;
  for (let left = (flags & 3) + 1; left > 0; left -= 1) {
    filter = readNumber(file, cursor);
    const properties = readNumber(file, cursor);
    cursor.at += properties;
  }
  if (filter !== lzma2) return undefined;
  let at = dataStart;
  let unpacked = 0;
  for (let control = file.readUInt8(at); control !== 0; control = file.readUInt8(at)) {
    if (control >= 0x80) {
      unpacked += ((control & 0x1f) << 16) + file.readUInt16BE(at + 1) + 1;
      at += 5 + (control >= 0xc0 ? 1 : 0) + file.readUInt16BE(at + 3) + 1;
    } else if (control <= 2) {
      const size = file.readUInt16BE(at + 1) + 1;
      unpacked += size;
      at += 3 + size;
    } else {
      return undefined;
    }
    if (unpacked > limit) break;
  }
  at += 1;
  return { unpacked, end: at + ((4 - ((at - dataStart) % 4)) % 4) };
}

/** Section 4: the end of the index, padding and checksum with it. */
function indexEnd(file: Buffer, start: number): number {
  const cursor = { at: start + 1 };
  const records = readNumber(file, cursor);
  if (records > file.length) throw new RangeError("more records than bytes");
  for (let left = records * 2; left > 0; left -= 1) readNumber(file, cursor);
  return cursor.at + ((4 - ((cursor.at - start) % 4)) % 4) + 4;
}

/** Section 1.2, as a number that may lose its lowest bits past 2^53: none that large is used. */
function readNumber(file: Buffer, cursor: { at: number }): number {
  let value = 0;
  for (let power = 0; power < 9; power += 1) {
    const byte = file.readUInt8(cursor.at);
    cursor.at += 1;
    value += (byte & 0x7f) * 2 ** (7 * power);
    if ((byte & 0x80) === 0) return value;
  }
  throw new RangeError("a number of more than nine bytes");
}
