/** The smallest shared library that ldconfig takes: one segment, a dynamic section, a soname where there is one. System V ABI, chapters 4 and 5. */
export function makeLibrary(soname: string, { machine = 62, bits = 64 }: { machine?: number; bits?: 32 | 64 } = {}): Buffer {
  const word = bits / 8;
  const strings = Buffer.from(`\0${soname}\0`);
  const headers = bits === 64 ? 64 : 52;
  const segment = bits === 64 ? 56 : 32;
  const dynamicAt = headers + 2 * segment;
  const stringsAt = dynamicAt + 8 * word;
  const size = stringsAt + strings.length;
  const bytes = Buffer.alloc(size);
  const put = (at: number, value: number): void => {
    bytes.writeUInt32LE(value, at);
  };
  bytes.set([0x7f, 0x45, 0x4c, 0x46, bits === 64 ? 2 : 1, 1, 1]);
  bytes.writeUInt16LE(3, 16);
  bytes.writeUInt16LE(machine, 18);
  put(20, 1);
  put(24 + word, headers);
  const tail = 24 + 3 * word;
  bytes.writeUInt16LE(headers, tail + 4);
  bytes.writeUInt16LE(segment, tail + 6);
  bytes.writeUInt16LE(2, tail + 8);
  const segments = [
    [1, 0, size],
    [2, dynamicAt, 8 * word],
  ] as const;
  segments.forEach(([type, offset, length], index) => {
    const at = headers + index * segment;
    put(at, type);
    if (bits === 64) put(at + 4, 4);
    const first = at + (bits === 64 ? 8 : 4);
    for (const [field, value] of [offset, offset, offset, length, length].entries()) put(first + field * word, value);
    if (bits === 32) put(at + 24, 4);
    put(at + (bits === 64 ? 48 : 28), 4);
  });
  const entries = [
    [5, stringsAt],
    [10, strings.length],
    soname === "" ? [0, 0] : [14, 1],
    [0, 0],
  ] as const;
  entries.forEach(([tag, value], index) => {
    put(dynamicAt + index * 2 * word, tag);
    put(dynamicAt + (index * 2 + 1) * word, value);
  });
  bytes.set(strings, stringsAt);
  return bytes;
}
