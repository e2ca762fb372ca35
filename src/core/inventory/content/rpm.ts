import type { FileHolds, HeldPackage } from "../layer-facts.ts";
import { unreadable, type ContentRecogniser } from "./content-recogniser.ts";
import { parseRpmHeader } from "./rpm-header.ts";
import { readSqliteTable } from "./sqlite.ts";

const mebibyte = 1_048_576;
const maxProblems = 5;
const folders = ["var/lib/rpm/", "usr/lib/sysimage/rpm/"] as const;

/** Where rpm keeps its database, in either of its formats that we read. */
export const rpmDatabases: readonly string[] = folders.flatMap((folder) => [
  `${folder}rpmdb.sqlite`,
  `${folder}Packages.db`,
]);

/** Reads rpm's database. `mayHold` says of a path whether its file may tell of other packages: those paths are kept, to know whose they are. */
export function createRpmRecogniser(mayHold: (path: string) => boolean): ContentRecogniser {
  return {
    largest: 512 * mebibyte,
    matches: (path) => (path.endsWith("rpmdb.sqlite") || path.endsWith("Packages.db")) && rpmDatabases.includes(path),
    read: (content, path) => readRpmDatabase(content, path.endsWith(".sqlite") ? readSqlite : readNdb, mayHold),
  };
}

interface Blobs {
  readonly blobs: Iterable<Uint8Array>;
  readonly problem?: string | undefined;
}

function readRpmDatabase(
  content: Uint8Array,
  read: (content: Uint8Array) => Blobs,
  mayHold: (path: string) => boolean,
): FileHolds {
  if (content.length === 0) return unreadable("it is empty");
  const { blobs, problem } = read(content);
  const packages: HeldPackage[] = [];
  const problems = new Set(problem === undefined ? [] : [problem]);
  for (const blob of blobs) {
    const parsed = parseRpmHeader(blob, mayHold);
    if (typeof parsed === "string") problems.add(parsed);
    else if (parsed !== undefined) packages.push(parsed);
  }
  if (problems.size === 0) return { packages };
  const said = [...problems].slice(0, maxProblems).join("; ");
  return { packages, problem: problems.size > maxProblems ? `${said}; and ${problems.size - maxProblems} more` : said };
}

/** rpm 4.16 and later: a table of numbers and headers. rpm, lib/backend/sqlite.c. */
function readSqlite(content: Uint8Array): Blobs {
  const { rows, problem } = readSqliteTable(content, "Packages");
  const blobs = rows.flatMap(([, blob]) => (blob instanceof Uint8Array ? [blob] : []));
  const missing = rows.length - blobs.length;
  return { blobs, problem: problem ?? (missing > 0 ? `${missing} rows of it hold no header` : undefined) };
}

const slotSize = 16;
const pageSize = 4096;
const maxSlots = 1_000_000;

/** What SUSE uses: pages of slots, each saying where a header lies in blocks of 16 bytes. rpm, lib/backend/ndb/rpmpkg.c. */
function readNdb(content: Uint8Array): Blobs {
  const file = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  if (file.length < pageSize || file.toString("latin1", 0, 4) !== "RpmP") return none("it is no ndb database");
  if (file.readUInt32LE(4) !== 0) return none("it is an ndb database of a version that we do not know");
  const end = file.readUInt32LE(12) * pageSize;
  if (end > file.length || end / slotSize > maxSlots) return none("it is cut off, or has too many slots");
  const blobs: Uint8Array[] = [];
  let total = 0;
  let bad = 0;
  for (let at = 2 * slotSize; at + slotSize <= end; at += slotSize) {
    if (file.toString("latin1", at, at + 4) !== "Slot") {
      bad += 1;
      continue;
    }
    const index = file.readUInt32LE(at + 4);
    const offset = file.readUInt32LE(at + 8) * slotSize;
    if (file.readUInt32LE(at + 8) === 0) continue;
    if (offset + slotSize > file.length || file.toString("latin1", offset, offset + 4) !== "BlbS") {
      bad += 1;
      continue;
    }
    const size = file.readUInt32LE(offset + 12);
    total += size;
    const isOwn = file.readUInt32LE(offset + 4) === index;
    // Headers that lie upon one another would cost more than the file has bytes.
    if (!isOwn || offset + slotSize + size > file.length || total > file.length) bad += 1;
    else blobs.push(file.subarray(offset + slotSize, offset + slotSize + size));
  }
  return { blobs, problem: bad === 0 ? undefined : `${bad} of its slots lead to no header` };
}

function none(problem: string): Blobs {
  return { blobs: [], problem };
}
