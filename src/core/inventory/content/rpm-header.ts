import type { HeldPackage } from "../layer-facts.ts";
import { isPlainName, isPlainVersion } from "./content-recogniser.ts";

/** Tags of headers. rpm, docs/manual/tags.md. */
const tags = {
  name: 1000,
  version: 1001,
  release: 1002,
  epoch: 1003,
  architecture: 1022,
  modes: 1030,
  digests: 1035,
  flags: 1037,
  sourceRpm: 1044,
  folderIndexes: 1116,
  baseNames: 1117,
  folders: 1118,
  module: 5096,
} as const;
const wanted = new Set<number>(Object.values(tags));
const maxEntries = 65_536;
const maxFiles = 1_000_000;
/** Files that are kept of every package, to tell which layer brought it. */
const witnesses = 8;
const isFile = 0o100_000;
/** RPMFILE_GHOST: listed, and not brought. */
const ghost = 64;

interface Entry {
  readonly type: number;
  readonly offset: number;
  readonly count: number;
}

/**
 * The package that a header of rpm's database describes, or what is wrong with it; undefined for a key of a signer, which is listed like a package. `mayHold` says
 * of a path whether its file may tell of other packages. Never throws. rpm, docs/manual/format_header.md.
 */
export function parseRpmHeader(blob: Uint8Array, mayHold: (path: string) => boolean): HeldPackage | string | undefined {
  const bytes = Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength);
  if (bytes.length < 8) return "a header is cut off";
  const count = bytes.readUInt32BE(0);
  const size = bytes.readUInt32BE(4);
  const start = 8 + count * 16;
  if (count > maxEntries || start + size > bytes.length) return "a header is larger than what is there of it";
  const store = bytes.subarray(start, start + size);
  const entries = new Map<number, Entry>();
  for (let at = 8; at < start; at += 16) {
    const tag = bytes.readUInt32BE(at);
    if (!wanted.has(tag)) continue;
    const [type, offset, of] = [bytes.readUInt32BE(at + 4), bytes.readUInt32BE(at + 8), bytes.readUInt32BE(at + 12)];
    if (offset > size || of > size) return "a header names data that is not there";
    entries.set(tag, { type, offset, count: of });
  }
  const text = (tag: number): string => strings(store, entries.get(tag), 1)[0] ?? "";
  const [name, version, release] = [text(tags.name), text(tags.version), text(tags.release)];
  if (name === "gpg-pubkey") return undefined;
  if (!isPlainName(name)) return "a header names no package";
  if (!isPlainName(version) || !isPlainName(release)) return `${name} has no valid version`;
  const [epoch = 0] = numbers(store, entries.get(tags.epoch), 4);
  const full = `${epoch === 0 ? "" : `${epoch}:`}${version}-${release}`;
  if (!isPlainVersion(full)) return `${name} has no valid version`;
  const architecture = text(tags.architecture);
  const source = /^(.+)-([^-]+-[^-]+)\.(?:no)?src\.rpm$/.exec(text(tags.sourceRpm).slice(0, 1024));
  // Of `nodejs:18:8070020230306170237:a75119d5` the first two say which stream it is of.
  const module = /^([^:\s]+:[^:\s]+)(?::|$)/.exec(text(tags.module).slice(0, 256))?.[1];
  const files = filesOf(store, entries, mayHold);
  if (files === undefined) return `${name} lists files that its header does not hold`;
  return {
    type: "rpm",
    name,
    version: full,
    architecture: isPlainName(architecture) ? architecture : "",
    source: source?.[1] ?? name,
    sourceVersion: source?.[2] ?? full,
    ...(module === undefined ? {} : { module }),
    files,
  };
}

function filesOf(
  store: Buffer,
  entries: ReadonlyMap<number, Entry>,
  mayHold: (path: string) => boolean,
): (readonly [path: string, digest?: string])[] | undefined {
  const names = entries.get(tags.baseNames);
  if (names === undefined) return [];
  if (names.count > maxFiles) return undefined;
  const bases = strings(store, names, names.count);
  const folders = strings(store, entries.get(tags.folders), maxFiles);
  const indexes = numbers(store, entries.get(tags.folderIndexes), 4);
  const modes = numbers(store, entries.get(tags.modes), 2);
  const flags = numbers(store, entries.get(tags.flags), 4);
  const digests = strings(store, entries.get(tags.digests), maxFiles);
  if (bases.length !== names.count || indexes.length !== bases.length) return undefined;
  const files: (readonly [path: string, digest?: string])[] = [];
  let kept = 0;
  for (const [at, base] of bases.entries()) {
    const mode = modes[at] ?? isFile;
    if ((mode & 0o170_000) !== isFile || ((flags[at] ?? 0) & ghost) !== 0) continue;
    const folder = folders[indexes[at] ?? -1];
    if (folder === undefined) return undefined;
    const path = `${folder}${base}`.replace(/^\//, "");
    const isWitness = kept < witnesses && !path.startsWith("etc/");
    if (isWitness) kept += 1;
    // Programs may hold modules, whatever they are called.
    if (!isWitness && (mode & 0o111) === 0 && !mayHold(path)) continue;
    const digest = digests[at];
    files.push(digest !== undefined && /^[0-9a-f]{32,64}$/.test(digest) ? [path, digest] : [path]);
  }
  return files;
}

/** The texts of an entry, each ended by a NUL, at most `limit`; fewer where the store ends. */
function strings(store: Buffer, entry: Entry | undefined, limit: number): string[] {
  if (entry === undefined || ![6, 8, 9].includes(entry.type)) return [];
  const found: string[] = [];
  let at = entry.offset;
  for (let left = Math.min(entry.count, limit); left > 0; left -= 1) {
    const end = store.indexOf(0, at);
    if (end < 0) break;
    found.push(store.toString("utf8", at, end));
    at = end + 1;
  }
  return found;
}

/** The numbers of an entry, of `width` bytes each; none where they do not lie in the store. */
function numbers(store: Buffer, entry: Entry | undefined, width: 2 | 4): number[] {
  const type = width === 2 ? 3 : 4;
  if (entry?.type !== type || entry.offset + entry.count * width > store.length) return [];
  return Array.from({ length: entry.count }, (_, at) => store.readUIntBE(entry.offset + at * width, width));
}
