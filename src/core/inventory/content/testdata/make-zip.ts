import { crc32, deflateRawSync } from "node:zlib";

/** A member for an archive that may lie: what is given counts, whatever the content is. */
export interface ZipMember {
  readonly name: string;
  readonly body?: Uint8Array | string;
  readonly isStored?: boolean;
  readonly method?: number;
  readonly size?: number;
  readonly packed?: number;
  readonly flags?: number;
  readonly isLarge?: boolean;
}

/** The bytes of a ZIP archive of `members`; with `isLarge` its end has 64-bit numbers. */
export function makeZip(members: readonly ZipMember[], { isLarge = false, prefix = "" } = {}): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const member of members) {
    const body = Buffer.from(member.body ?? "");
    const raw = member.isStored === true ? body : deflateRawSync(body);
    const name = Buffer.from(member.name);
    const size = member.size ?? body.length;
    const packed = member.packed ?? raw.length;
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(member.flags ?? 0, 2);
    fields.writeUInt16LE(member.method ?? (member.isStored === true ? 0 : 8), 4);
    fields.writeUInt32LE(crc32(body), 10);
    fields.writeUInt32LE(member.isLarge === true ? 0xffff_ffff : packed, 14);
    fields.writeUInt32LE(member.isLarge === true ? 0xffff_ffff : size, 18);
    fields.writeUInt16LE(name.length, 22);
    parts.push(Buffer.from("PK\u0003\u0004"), fields, name, raw);
    const extra = member.isLarge === true ? Buffer.alloc(20) : Buffer.alloc(0);
    if (member.isLarge === true) {
      extra.writeUInt16LE(1, 0);
      extra.writeUInt16LE(16, 2);
      extra.writeBigUInt64LE(BigInt(size), 4);
      extra.writeBigUInt64LE(BigInt(packed), 12);
    }
    const own = Buffer.from(fields);
    own.writeUInt16LE(extra.length, 24);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    directory.push(Buffer.from("PK\u0001\u0002"), Buffer.from([20, 0]), own, rest, name, extra);
    offset += 30 + name.length + raw.length;
  }
  const table = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write("PK\u0005\u0006", "latin1");
  end.writeUInt16LE(isLarge ? 0xffff : members.length, 8);
  end.writeUInt16LE(isLarge ? 0xffff : members.length, 10);
  end.writeUInt32LE(isLarge ? 0xffff_ffff : table.length, 12);
  end.writeUInt32LE(isLarge ? 0xffff_ffff : offset, 16);
  const large = isLarge ? [largeEnd(members.length, table.length, offset)] : [];
  return Buffer.concat([Buffer.from(prefix), ...parts, table, ...large, end]);
}

function largeEnd(count: number, size: number, offset: number): Buffer {
  const end = Buffer.alloc(76);
  end.write("PK\u0006\u0006", "latin1");
  end.writeBigUInt64LE(44n, 4);
  end.writeBigUInt64LE(BigInt(count), 24);
  end.writeBigUInt64LE(BigInt(count), 32);
  end.writeBigUInt64LE(BigInt(size), 40);
  end.writeBigUInt64LE(BigInt(offset), 48);
  end.write("PK\u0006\u0007", 56, "latin1");
  return end;
}
