import { open, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { parseOsvRecord, parseTrackerSource, type Advisory, type ParsedAdvisory } from "../../core/advisory/index.ts";
import type { Instant } from "../../lib/index.ts";
import { FeedError } from "./error.ts";
import { splitJsonMembers } from "./json-members.ts";
import type { FeedConfig, FeedLimits } from "./types.ts";
import { readZip } from "./zip.ts";

export interface ReadAdvisories {
  readonly advisories: readonly Advisory[];
  readonly bad: number;
  /** The first few records that were set aside, one sentence each. */
  readonly problems: readonly string[];
  /** The newest change: of the records, or of the file where records have no time. */
  readonly newest: Instant | undefined;
}

const maxProblems = 20;

/** All advisories below `path` (a zip, a folder, a JSON document). A record that breaks its schema is set aside and counted; a torn, empty or oversized feed throws. */
export async function readAdvisories(
  kind: FeedConfig["kind"],
  path: string,
  limits: FeedLimits,
  what: string,
): Promise<ReadAdvisories> {
  const advisories: Advisory[] = [];
  const problems: string[] = [];
  let bad = 0;
  let newest: Instant | undefined;
  for await (const parsed of kind === "osv" ? readOsv(path, limits, what) : readTracker(path, limits, what)) {
    if (parsed.kind === "bad") {
      bad += 1;
      if (problems.length < maxProblems) problems.push(`${parsed.id ?? "a record without id"}: ${parsed.problem}`);
      continue;
    }
    const { advisory } = parsed;
    if (advisory.modified !== undefined) newest = Math.max(newest ?? 0, advisory.modified);
    advisories.push(advisory);
    if (advisories.length > limits.records)
      throw new FeedError("FEED_TOO_LARGE", `${what} has more than ${limits.records} records`);
  }
  if (advisories.length === 0 && bad === 0) throw new FeedError("FEED_EMPTY", `${what} is empty`, { retry: true });
  newest ??= (await stat(path)).mtimeMs;
  return { advisories, bad, problems, newest };
}

async function* readTracker(path: string, limits: FeedLimits, what: string): AsyncGenerator<ParsedAdvisory> {
  const bytes = await readWhole(path, limits.download, what);
  for (const { key, text } of splitJsonMembers(bytes, limits.record, what)) {
    const value = parseJson(text);
    if (value === undefined) yield notJson(key);
    else yield* parseTrackerSource(key, value);
  }
}

async function* readOsv(path: string, limits: FeedLimits, what: string): AsyncGenerator<ParsedAdvisory> {
  if ((await stat(path)).isDirectory()) {
    yield* readOsvFolder(path, limits, what);
    return;
  }
  const file = await open(path, "r");
  try {
    const magic = Buffer.alloc(2);
    await file.read(magic, 0, 2, 0);
    if (magic.toString("latin1") === "PK") {
      for await (const { name, bytes } of readZip(file, limits, what))
        if (name.endsWith(".json")) yield parseRecord(name, Buffer.from(bytes).toString("utf8"));
      return;
    }
  } finally {
    await file.close();
  }
  const bytes = await readWhole(path, limits.download, what);
  if (bytes[0] === 0x7b) {
    const one = parseJson(bytes.toString("utf8"));
    if (one === undefined) throw new FeedError("FEED_TORN", `${what} is no whole JSON document`, { retry: true });
    yield parseOsvRecord(one);
    return;
  }
  for (const { text } of splitJsonMembers(bytes, limits.record, what)) yield parseRecord("a record", text);
}

/** A folder of records, or of zips and folders one level down, as mirrors of the public bucket are laid out. */
async function* readOsvFolder(
  path: string,
  limits: FeedLimits,
  what: string,
  depth = 0,
): AsyncGenerator<ParsedAdvisory> {
  let total = 0;
  for (const entry of (await readdir(path, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const below = join(path, entry.name);
    if (entry.isDirectory() && depth < 2) yield* readOsvFolder(below, limits, what, depth + 1);
    else if (entry.isFile() && entry.name.endsWith(".zip")) yield* readOsv(below, limits, `${what} ${entry.name}`);
    else if (entry.isFile() && entry.name.endsWith(".json") && entry.name !== "SOURCE.json") {
      const bytes = await readWhole(below, limits.record, `${what} ${entry.name}`);
      total += bytes.length;
      if (total > limits.unpacked)
        throw new FeedError("FEED_TOO_LARGE", `${what} holds more than ${limits.unpacked} bytes`);
      yield parseRecord(entry.name, bytes.toString("utf8"));
    }
  }
}

function parseRecord(name: string, text: string): ParsedAdvisory {
  const value = parseJson(text);
  return value === undefined ? notJson(name) : parseOsvRecord(value);
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
