/**
 * Texts that end with a NUL, each once, in one piece; what is the end of another shares its bytes. Its order is the one of
 * glibc's: by the characters from the last to the first, descending. glibc, elf/stringtable.c.
 */
export function buildStringTable(texts: Iterable<string>): { readonly bytes: Buffer; offset(text: string): number } {
  const sorted = [...new Set(texts)]
    .map((text) => ({ text, reversed: Buffer.from(text).reverse() }))
    .sort((a, b) => Buffer.compare(b.reversed, a.reversed));
  const offsets = new Map<string, number>();
  const pieces: string[] = [];
  let previous: string | undefined;
  let end = 0;
  for (const { text } of sorted) {
    if (previous === undefined || !previous.endsWith(text)) {
      pieces.push(`${text}\0`);
      end += Buffer.byteLength(text) + 1;
    }
    offsets.set(text, end - 1 - Buffer.byteLength(text));
    previous = text;
  }
  return {
    bytes: Buffer.from(pieces.join("")),
    offset: (text) => {
      const offset = offsets.get(text);
      if (offset === undefined) throw new RangeError(`"${text}" is not in the table`);
      return offset;
    },
  };
}
