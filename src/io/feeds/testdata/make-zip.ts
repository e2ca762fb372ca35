import { crc32, deflateRawSync } from "node:zlib";

/** A member of a zip archive; what it says of itself may be a lie. */
export interface ZipFile {
  readonly name: string;
  readonly bytes: Buffer | string;
  /** Size that the directory names, in place of the true one. */
  readonly claims?: number;
  /** In place of deflate. */
  readonly method?: number;
  readonly flags?: number;
}

/** A zip archive of these files, in their order. PKWARE APPNOTE 4.3. */
export function makeZip(files: readonly ZipFile[]): Buffer {
  const bodies: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, bytes, claims, method = 8, flags = 0 } of files) {
    const plain = Buffer.from(bytes);
    const packed = method === 8 ? deflateRawSync(plain, { level: 6 }) : plain;
    const title = Buffer.from(name);
    const facts = Buffer.alloc(26);
    facts.writeUInt16LE(20, 0);
    facts.writeUInt16LE(flags, 2);
    facts.writeUInt16LE(method, 4);
    facts.writeUInt32LE(crc32(plain), 10);
    facts.writeUInt32LE(packed.length, 14);
    facts.writeUInt32LE(claims ?? plain.length, 18);
    facts.writeUInt16LE(title.length, 22);
    bodies.push(Buffer.from("PK\u0003\u0004", "latin1"), facts, title, packed);
    const rest = Buffer.alloc(16);
    rest.writeUInt32LE(offset, 12);
    directory.push(Buffer.from("PK\u0001\u0002\u0014\u0000", "latin1"), facts, rest.subarray(2), title);
    offset += 30 + title.length + packed.length;
  }
  const entries = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write("PK\u0005\u0006", 0, "latin1");
  end.writeUInt16LE(Math.min(files.length, 65_535), 8);
  end.writeUInt16LE(Math.min(files.length, 65_535), 10);
  end.writeUInt32LE(entries.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...bodies, entries, end]);
}
