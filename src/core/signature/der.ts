/** A value in DER, and those in it. X.690, 8.1. */
export interface DerElement {
  /** Its first byte: class, form and number in one. */
  readonly tag: number;
  readonly content: Uint8Array;
  /** The values that its content is made of; undefined where it is made of something else. */
  children(): DerElement[] | undefined;
}

const mostChildren = 100;

/** The one value that `bytes` are; undefined where they are none, or have anything behind it. Tags of several bytes and lengths of 16 MiB and more are not read. X.690, 10. */
export function readDer(bytes: Uint8Array): DerElement | undefined {
  const read = readFirst(bytes);
  return read?.end === bytes.length ? read.element : undefined;
}

function readFirst(bytes: Uint8Array): { readonly element: DerElement; readonly end: number } | undefined {
  const [tag, first] = bytes;
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) return undefined;
  const lengthBytes = first < 0x80 ? 0 : first - 0x80;
  if (first === 0x80 || lengthBytes > 3 || bytes.length < 2 + lengthBytes) return undefined;
  const length = lengthBytes === 0 ? first : Buffer.from(bytes).readUIntBE(2, lengthBytes);
  const start = 2 + lengthBytes;
  const end = start + length;
  // Only the shortest form of a length is DER.
  if (end > bytes.length || (lengthBytes > 0 && length < (lengthBytes === 1 ? 0x80 : 256 ** (lengthBytes - 1))))
    return undefined;
  const content = bytes.subarray(start, end);
  return { element: { tag, content, children: () => readAll(content) }, end };
}

function readAll(bytes: Uint8Array): DerElement[] | undefined {
  const found: DerElement[] = [];
  for (let rest = bytes; rest.length > 0;) {
    const read = readFirst(rest);
    if (read === undefined || found.length >= mostChildren) return undefined;
    found.push(read.element);
    rest = rest.subarray(read.end);
  }
  return found;
}
