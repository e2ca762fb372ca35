import { open, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { parseOsvRecord, parseTrackerSource, type Advisory, type ParsedAdvisory } from "../../core/advisory/index.ts";
import type { Instant } from "../../lib/index.ts";
import { FeedError } from "./error.ts";
import { splitJsonMembers } from "./json-members.ts";
import type { FeedConfig, FeedLimits } from "./types.ts";
import { readZip } from "./zip.ts";

export interface ReadAdvisories {
  readonly advisories: readonly Advisory[];
  /** Records that were read, those without anything of the ecosystems too. */
  readonly records: number;
  readonly bad: number;
  /** The first few records that were set aside, one sentence each. */
  readonly problems: readonly string[];
  /** The newest change: of the records, or of the file where records have no time. */
  readonly newest: Instant | undefined;
}

const maxProblems = 20;
/** Records between two looks at what else there is to do. */
const stride = 500;

export interface ReadOptions {
  /** How it is called in errors. */
  readonly what: string;
  readonly now: Instant;
  /** Ecosystems beside Debian's, as FeedConfig has them. */
  readonly ecosystems?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * All advisories below `path` (a zip, a folder, a JSON document) that are about the ecosystems. A record that breaks its schema is set aside and counted; a torn, empty or
 * oversized feed throws. A change that is dated after `now` counts for nothing: it would keep an old feed young.
 */
export async function readAdvisories(
  kind: FeedConfig["kind"],
  path: string,
  limits: FeedLimits,
  { what, now, ecosystems = [], signal }: ReadOptions,
): Promise<ReadAdvisories> {
  const advisories: Advisory[] = [];
  const problems: string[] = [];
  let bad = 0;
  let records = 0;
  let newest: Instant | undefined;
  const reading: Reading = {
    limits,
    ecosystems: new Set(["debian", ...ecosystems.map((name) => name.toLowerCase())]),
  };
  for await (const parsed of kind === "osv" ? readOsv(path, reading, what) : readTracker(path, limits, what)) {
    if ((records + bad) % stride === 0) {
      await nextTurn();
      signal?.throwIfAborted();
    }
    if (parsed.kind === "bad") {
      bad += 1;
      if (problems.length < maxProblems) problems.push(`${parsed.id ?? "a record without id"}: ${parsed.problem}`);
      continue;
    }
    const { advisory } = parsed;
    records += 1;
    if (advisory.modified !== undefined && advisory.modified <= now) newest = Math.max(newest ?? 0, advisory.modified);
    if (advisory.affected.length > 0) advisories.push(advisory);
    if (records > limits.records)
      throw new FeedError("FEED_TOO_LARGE", `${what} has more than ${limits.records} records`);
  }
  if (records === 0 && bad === 0) throw new FeedError("FEED_EMPTY", `${what} is empty`, { retry: true });
  newest ??= (await stat(path)).mtimeMs;
  return { advisories, records, bad, problems, newest };
}

interface Reading {
  readonly limits: FeedLimits;
  /** In lower case. */
  readonly ecosystems: ReadonlySet<string>;
}

async function* readTracker(path: string, limits: FeedLimits, what: string): AsyncGenerator<ParsedAdvisory> {
  const bytes = await readWhole(path, limits.download, what);
  for (const { key, text } of splitJsonMembers(bytes, limits.record, what)) {
    const value = parseJson(text);
    if (value === undefined) yield notJson(key);
    else yield* parseTrackerSource(key, value);
  }
}

async function* readOsv(path: string, reading: Reading, what: string): AsyncGenerator<ParsedAdvisory> {
  const { limits, ecosystems } = reading;
  if ((await stat(path)).isDirectory()) {
    yield* readOsvFolder(path, reading, what);
    return;
  }
  const file = await open(path, "r");
  try {
    const magic = Buffer.alloc(2);
    await file.read(magic, 0, 2, 0);
    if (magic.toString("latin1") === "PK") {
      for await (const { name, bytes } of readZip(file, limits, what))
        if (name.endsWith(".json")) yield parseRecord(name, Buffer.from(bytes).toString("utf8"), ecosystems);
      return;
    }
  } finally {
    await file.close();
  }
  const bytes = await readWhole(path, limits.download, what);
  if (bytes[0] === 0x7b) {
    const one = parseJson(bytes.toString("utf8"));
    if (one === undefined) throw new FeedError("FEED_TORN", `${what} is no whole JSON document`, { retry: true });
    yield parseOsvRecord(one, ecosystems);
    return;
  }
  for (const { text } of splitJsonMembers(bytes, limits.record, what)) yield parseRecord("a record", text, ecosystems);
}

/** A folder of records, or of zips and folders one level down, as mirrors of the public bucket are laid out. */
async function* readOsvFolder(path: string, reading: Reading, what: string, depth = 0): AsyncGenerator<ParsedAdvisory> {
  const { limits, ecosystems } = reading;
  let total = 0;
  for (const entry of (await readdir(path, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const below = join(path, entry.name);
    if (entry.isDirectory() && depth < 2) yield* readOsvFolder(below, reading, what, depth + 1);
    else if (entry.isFile() && entry.name.endsWith(".zip")) yield* readOsv(below, reading, `${what} ${entry.name}`);
    else if (entry.isFile() && entry.name.endsWith(".json") && entry.name !== "SOURCE.json") {
      const bytes = await readWhole(below, limits.record, `${what} ${entry.name}`);
      total += bytes.length;
      if (total > limits.unpacked)
        throw new FeedError("FEED_TOO_LARGE", `${what} holds more than ${limits.unpacked} bytes`);
      yield parseRecord(entry.name, bytes.toString("utf8"), ecosystems);
    }
  }
}

function parseRecord(name: string, text: string, ecosystems: ReadonlySet<string>): ParsedAdvisory {
  const value = parseJson(text);
  return value === undefined ? notJson(name) : parseOsvRecord(value, ecosystems);
}

function notJson(id: string): ParsedAdvisory {
  return { kind: "bad", id: id.slice(0, 128), problem: "not JSON" };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function readWhole(path: string, limit: number, what: string): Promise<Buffer> {
  if ((await stat(path)).size > limit) throw new FeedError("FEED_TOO_LARGE", `${what} is larger than ${limit} bytes`);
  return readFile(path);
}
