import type { FileHandle } from "node:fs/promises";
import { posix } from "node:path";
import { RegistryError } from "./error.ts";

/** Where a member's bytes lie in the file. */
export interface TarMember {
  readonly offset: number;
  readonly size: number;
}

const block = 512;
const maxMembers = 100_000;
const maxName = 4096;
/** Bytes that an extended header or a long name may have. */
const maxExtension = 1024 * 1024;
const maxLinks = 8;

/**
 * The plain files of a tar by name, links among them followed; content is not read. ustar, pax and GNU long names (POSIX
 * 1003.1, pax; GNU tar manual, Basic Tar Format). Throws BAD_ARCHIVE; `name` is for messages.
 */
export async function indexTar(file: FileHandle, name: string): Promise<ReadonlyMap<string, TarMember>> {
  const { size: fileSize } = await file.stat();
  const files = new Map<string, TarMember>();
  const links = new Map<string, string>();
  let extended: Readonly<Record<string, string>> = {};
  let members = 0;
  for (let offset = 0; offset + block <= fileSize;) {
    const header = await readAt(file, offset, block);
    if (header.every((byte) => byte === 0)) break;
    checkSum(header, name);
    if (++members > maxMembers) throw new RegistryError("BAD_ARCHIVE", `${name} has more than ${maxMembers} members`);
    const type = String.fromCharCode(header[156] ?? 0);
    const size = extended.size === undefined ? readNumber(header, 124, 12, name) : Number(extended.size);
    const start = offset + block;
    if (!Number.isSafeInteger(size) || size < 0 || start + size > fileSize) {
      throw new RegistryError("BAD_ARCHIVE", `${name} is cut off, or a member lies about its size`);
    }
    offset = start + Math.ceil(size / block) * block;
    if (type === "x" || type === "L" || type === "K") {
      if (size > maxExtension)
        throw new RegistryError("BAD_ARCHIVE", `${name} has an extended header of ${size} bytes`);
      extended = { ...extended, ...readExtension(type, await readAt(file, start, size)) };
      continue;
    }
    if (type === "g") continue;
    const path = cleanPath(extended.path ?? readName(header), name);
    const target = extended.linkpath ?? readText(header, 157, 100);
    if (type === "0" || type === "\0" || type === "7") files.set(path, { offset: start, size });
    if (type === "1") links.set(path, cleanPath(target, name));
    if (type === "2") links.set(path, posix.join(posix.dirname(path), target));
    extended = {};
  }
  for (const from of links.keys()) {
    const found = followLinks(from, links, files);
    if (found !== undefined) files.set(from, found);
  }
  return files;
}

async function readAt(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  const { bytesRead } = await file.read(bytes, 0, length, offset);
  if (bytesRead === length) return bytes;
  throw new RegistryError("BAD_ARCHIVE", "the archive became shorter while it was read");
}

function followLinks(
  from: string,
  links: ReadonlyMap<string, string>,
  files: ReadonlyMap<string, TarMember>,
): TarMember | undefined {
  let at: string | undefined = from;
  for (let hop = 0; at !== undefined && hop < maxLinks; hop++) {
    const found = files.get(at);
    if (found !== undefined) return found;
    at = links.get(at);
  }
  return undefined;
}

function checkSum(header: Buffer, name: string): void {
  let sum = 0;
  for (let place = 0; place < block; place++) sum += place >= 148 && place < 156 ? 32 : (header[place] ?? 0);
  if (sum !== readNumber(header, 148, 8, name)) {
    throw new RegistryError("BAD_ARCHIVE", `${name} is not a tar archive`, {
      hint: "If it is compressed, decompress it first.",
    });
  }
}

function readNumber(header: Buffer, start: number, length: number, name: string): number {
  if ((header[start] ?? 0) & 0x80) return Number(header.readBigUInt64BE(start + length - 8));
  const text = readText(header, start, length).trim();
  if (/^[0-7]*$/.test(text)) return text === "" ? 0 : Number.parseInt(text, 8);
  throw new RegistryError("BAD_ARCHIVE", `${name} is not a tar archive: a number in it is none`, {
    hint: "If it is compressed, decompress it first.",
  });
}

function readText(header: Buffer, start: number, length: number): string {
  const field = header.subarray(start, start + length);
  const end = field.indexOf(0);
  return field.toString("utf8", 0, end < 0 ? length : end);
}

function readName(header: Buffer): string {
  const prefix = readText(header, 257, 5) === "ustar" && header[262] === 0 ? readText(header, 345, 155) : "";
  const own = readText(header, 0, 100);
  return prefix === "" ? own : `${prefix}/${own}`;
}

function readExtension(type: string, bytes: Buffer): Readonly<Record<string, string>> {
  if (type !== "x") return { [type === "L" ? "path" : "linkpath"]: readText(bytes, 0, bytes.byteLength) };
  const found: Record<string, string> = {};
  for (let at = 0; at < bytes.byteLength;) {
    const length = Number.parseInt(bytes.toString("latin1", at, at + 10), 10);
    if (!(length > 0)) break;
    const match = /^\d+ (path|linkpath|size)=([^]*)\n$/.exec(bytes.toString("utf8", at, at + length));
    if (match !== null) found[match[1] ?? ""] = match[2] ?? "";
    at += length;
  }
  return found;
}

function cleanPath(path: string, name: string): string {
  if (path.length > maxName)
    throw new RegistryError("BAD_ARCHIVE", `${name} has a member with a name of ${path.length} bytes`);
  return posix.normalize(path).replace(/^(?:\.?\/)+|\/+$/g, "");
}
