import { BuildError } from "./error.ts";

const blockSize = 512;
const maxOctal11 = 0o77777777777;
const maxOctal7 = 0o7777777;
const flags = { file: "0", hardlink: "1", symlink: "2", directory: "5" } as const;

/** What a tar header is made from. */
export interface TarEntry {
  readonly path: string;
  readonly kind: keyof typeof flags;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number;
  readonly size: number;
  readonly link?: string;
}

/**
 * The header of one entry, in whole blocks: the same bytes for the same entry, always. User and group have numbers and no
 * names, so that no machine's accounts can change the owner. An extended header stands before it only where a field does not
 * fit. POSIX.1-2017 pax, ustar interchange format.
 */
export function tarHeader(entry: TarEntry): Buffer {
  const path = entry.kind === "directory" ? `${entry.path}/` : entry.path;
  const link = entry.link ?? "";
  const size = entry.kind === "file" ? entry.size : 0;
  const mtime = clamp(entry.mtime, maxOctal11);
  const name = splitName(path);
  const records: [string, string][] = [];
  if (name === undefined) records.push(["path", path]);
  if (!isPlain(link, 100)) records.push(["linkpath", link]);
  if (entry.uid > maxOctal7) records.push(["uid", String(entry.uid)]);
  if (entry.gid > maxOctal7) records.push(["gid", String(entry.gid)]);
  if (size > maxOctal11) records.push(["size", String(size)]);
  const main = ustar({
    name: name?.name ?? cut(path),
    prefix: name?.prefix ?? "",
    flag: flags[entry.kind],
    mode: entry.mode,
    uid: Math.min(entry.uid, maxOctal7),
    gid: Math.min(entry.gid, maxOctal7),
    size: Math.min(size, maxOctal11),
    mtime,
    link: isPlain(link, 100) ? link : cut(link),
  });
  if (records.length === 0) return main;
  const body = Buffer.from(records.map(([key, value]) => paxRecord(key, value)).join(""), "utf8");
  const extended = ustar({
    name: "PaxHeaders/entry",
    prefix: "",
    flag: "x",
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: body.length,
    mtime,
    link: "",
  });
  return Buffer.concat([extended, body, tarPadding(body.length), main]);
}

/** The zeros after a content of `size` bytes. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((blockSize - (size % blockSize)) % blockSize);
}

/** The end of an archive: two empty blocks. */
export const tarTrailer: Buffer = Buffer.alloc(2 * blockSize);

/** An entry with its content, in whole blocks. */
export function tarFile(entry: Omit<TarEntry, "size">, content: Uint8Array | string = ""): Buffer {
  const bytes = typeof content === "string" ? Buffer.from(content, "utf8") : content;
  const size = bytes.byteLength;
  return Buffer.concat([tarHeader({ ...entry, size }), bytes, tarPadding(size)]);
}

interface Ustar {
  readonly name: string;
  readonly prefix: string;
  readonly flag: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: number;
  readonly link: string;
}

function ustar(fields: Ustar): Buffer {
  const block = Buffer.alloc(blockSize);
  block.write(fields.name, 0, 100, "latin1");
  octal(block, fields.mode, 100, 8);
  octal(block, fields.uid, 108, 8);
  octal(block, fields.gid, 116, 8);
  octal(block, fields.size, 124, 12);
  octal(block, fields.mtime, 136, 12);
  block.write("        ", 148, "latin1");
  block.write(fields.flag, 156, "latin1");
  block.write(fields.link, 157, 100, "latin1");
  block.write("ustar\x0000", 257, "latin1");
  octal(block, 0, 329, 8);
  octal(block, 0, 337, 8);
  block.write(fields.prefix, 345, 155, "latin1");
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

function octal(block: Buffer, value: number, at: number, width: number): void {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new BuildError("BAD_REQUEST", `${value} cannot stand in a tar header`);
  block.write(`${value.toString(8).padStart(width - 1, "0")}\0`, at, "latin1");
}

/** A path in name and prefix; undefined where it does not fit, or is more than printable ASCII. */
function splitName(path: string): { name: string; prefix: string } | undefined {
  if (isPlain(path, 100)) return { name: path, prefix: "" };
  if (!isPlain(path, 256)) return undefined;
  const slash = path.indexOf("/", path.length - 101);
  if (slash <= 0 || slash > 155 || slash === path.length - 1) return undefined;
  return { name: path.slice(slash + 1), prefix: path.slice(0, slash) };
}

function isPlain(text: string, length: number): boolean {
  if (text.length > length) return false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < 0x20 || code > 0x7e) return false;
  }
  return true;
}

/** What readers without pax see. */
function cut(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "_").slice(0, 100);
}

function paxRecord(key: string, value: string): string {
  const body = Buffer.byteLength(` ${key}=${value}\n`, "utf8");
  let length = body + String(body).length;
  if (String(length).length !== String(body).length) length = body + String(length).length;
  return `${length} ${key}=${value}\n`;
}

function clamp(value: number, most: number): number {
  return Number.isSafeInteger(value) && value > 0 ? Math.min(value, most) : 0;
}
