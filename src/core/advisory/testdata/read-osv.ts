import { existsSync, readFileSync } from "node:fs";
import { inflateRawSync } from "node:zlib";

/** Where the data that many tests share is; see its README. */
export const shared = "../shared/data";

/** Why the shared data cannot be used; undefined where it can. */
export const absent = existsSync(shared) ? undefined : "the shared data";

export function readJson(path: string): unknown {
  return JSON.parse(readFileSync(`${shared}/${path}`, "utf8"));
}

/** The text of each record of `osv/<ecosystem>/all.zip`. PKWARE APPNOTE 4.3; these archives are small, whole and plain. */
export function readOsvTexts(ecosystem: string): string[] {
  const bytes = readFileSync(`${shared}/osv/${ecosystem}/all.zip`);
  const end = bytes.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
  const texts: string[] = [];
  let at = bytes.readUInt32LE(end + 16);
  for (let left = bytes.readUInt16LE(end + 10); left > 0; left -= 1) {
    const nameLength = bytes.readUInt16LE(at + 28);
    const name = bytes.toString("utf8", at + 46, at + 46 + nameLength);
    const local = bytes.readUInt32LE(at + 42);
    const start = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
    const packed = bytes.subarray(start, start + bytes.readUInt32LE(at + 20));
    if (name.endsWith(".json")) texts.push((bytes.readUInt16LE(at + 10) === 0 ? packed : inflateRawSync(packed)).toString("utf8"));
    at += 46 + nameLength + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
  }
  return texts;
}
