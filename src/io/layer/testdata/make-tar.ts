import { Buffer } from "node:buffer";

/** A member for a hostile archive: nothing is checked or escaped. */
export interface Member {
  readonly name: string | Buffer;
  readonly flag?: string;
  readonly link?: string;
  readonly body?: Uint8Array | string;
  /** What the header says of the size, where it lies. */
  readonly size?: number;
  readonly mode?: number;
  readonly uid?: number;
  readonly device?: readonly [number, number];
  readonly pax?: Readonly<Record<string, string>>;
}

/** The bytes of a ustar archive of `members`, with its end marker. */
export function makeTar(members: Iterable<Member>): Buffer {
  return Buffer.concat([...[...members].flatMap(memberBlocks), Buffer.alloc(1024)]);
}

export function memberBlocks(member: Member): Buffer[] {
  const blocks: Buffer[] = [];
  if (member.pax !== undefined) {
    const records = Object.entries(member.pax).map(([key, value]) => paxRecord(key, value));
    blocks.push(...memberBlocks({ name: "pax", flag: "x", body: Buffer.concat(records) }));
  }
  const body = Buffer.from(member.body ?? "");
  const header = Buffer.alloc(512);
  Buffer.from(member.name).copy(header, 0, 0, 100);
  header.write(octal(member.mode ?? (member.flag === "5" ? 0o755 : 0o644), 7), 100);
  header.write(octal(member.uid ?? 0, 7), 108);
  header.write(octal(0, 7), 116);
  header.write(octal(member.size ?? body.length, 11), 124);
  header.write(octal(0, 11), 136);
  header.write(member.flag ?? "0", 156);
  header.write((member.link ?? "").slice(0, 100), 157, "utf8");
  header.write("ustar\x0000", 257);
  header.write(octal(member.device?.[0] ?? 0, 7), 329);
  header.write(octal(member.device?.[1] ?? 0, 7), 337);
  header.fill(" ", 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)}\0 `, 148);
  blocks.push(header, body, Buffer.alloc((512 - (body.length % 512)) % 512));
  return blocks;
}

export function paxRecord(key: string, value: string): Buffer {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + String(rest).length;
  length = rest + String(length).length;
  return Buffer.from(`${length} ${key}=${value}\n`);
}

function octal(value: number, width: number): string {
  return value.toString(8).padStart(width, "0");
}
