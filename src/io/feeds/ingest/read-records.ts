import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseOsvRecord, parseTrackerSource, type ParsedAdvisory } from "../../../core/advisory/index.ts";
import { FeedError } from "../error.ts";
import type { FeedKind, FeedLimits } from "../types.ts";
import { splitJsonMembers } from "./json-members.ts";
import { readZip } from "./zip.ts";

export interface ReadingOptions {
  readonly limits: FeedLimits;
  /** In lower case, without release; every one of them without it. */
  readonly ecosystems?: ReadonlySet<string> | undefined;
}

/** How documents of each kind become advisories. */
const readers: Readonly<
  Record<FeedKind, (path: string, options: ReadingOptions, what: string) => Generator<ParsedAdvisory>>
> = {
  osv: readOsv,
  "debian-tracker": readTracker,
};

/** All records at `path`, parsed one by one: what breaks the schema is told, what is torn or oversized throws. `what` is how the feed is called in errors. Blocks its thread. */
export function readRecords(
  kind: FeedKind,
  path: string,
  options: ReadingOptions,
  what: string,
): Generator<ParsedAdvisory> {
  return readers[kind](path, options, what);
}

function* readTracker(path: string, { limits }: ReadingOptions, what: string): Generator<ParsedAdvisory> {
  const bytes = readWhole(path, limits.download, what);
  for (const { key, text } of splitJsonMembers(bytes, limits.record, what)) {
    const value = parseJson(text);
    if (value === undefined) yield notJson(key);
    else yield* parseTrackerSource(key, value);
  }
}

function* readOsv(path: string, options: ReadingOptions, what: string): Generator<ParsedAdvisory> {
  const { limits, ecosystems } = options;
  if (statSync(path).isDirectory()) {
    yield* readOsvFolder(path, options, what);
    return;
  }
  const file = openSync(path, "r");
  try {
    const begin = Buffer.alloc(2);
    readSync(file, begin, 0, 2, 0);
    if (begin.toString("latin1") === "PK") {
      for (const { name, bytes } of readZip(file, limits, what))
        if (name.endsWith(".json")) yield parseRecord(name, bytes.toString("utf8"), ecosystems);
      return;
    }
  } finally {
    closeSync(file);
  }
  const bytes = readWhole(path, limits.download, what);
  if (bytes[0] === 0x7b) {
    const one = parseJson(bytes.toString("utf8"));
    if (one === undefined) throw new FeedError("FEED_TORN", `${what} is no whole JSON document`, { retry: true });
    yield parseOsvRecord(one, ecosystems);
    return;
  }
  for (const { text } of splitJsonMembers(bytes, limits.record, what)) yield parseRecord("a record", text, ecosystems);
}

/** A folder of records, or of zips and folders two levels down, as mirrors of the public bucket are laid out. */
function* readOsvFolder(path: string, options: ReadingOptions, what: string, depth = 0): Generator<ParsedAdvisory> {
  const { limits, ecosystems } = options;
  let total = 0;
  for (const entry of readdirSync(path, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const below = join(path, entry.name);
    if (entry.isDirectory() && depth < 2) yield* readOsvFolder(below, options, what, depth + 1);
    else if (entry.isFile() && entry.name.endsWith(".zip")) yield* readOsv(below, options, `${what} ${entry.name}`);
    else if (entry.isFile() && entry.name.endsWith(".json") && entry.name !== "SOURCE.json") {
      const bytes = readWhole(below, limits.record, `${what} ${entry.name}`);
      total += bytes.length;
      if (total > limits.unpacked)
        throw new FeedError("FEED_TOO_LARGE", `${what} holds more than ${limits.unpacked} bytes`);
      yield parseRecord(entry.name, bytes.toString("utf8"), ecosystems);
    }
  }
}

function parseRecord(name: string, text: string, ecosystems: ReadonlySet<string> | undefined): ParsedAdvisory {
  const value = parseJson(text);
  return value === undefined ? notJson(name) : parseOsvRecord(value, ecosystems);
}

function notJson(name: string): ParsedAdvisory {
  return { kind: "bad", id: name.replace(/\.json$/, "").slice(0, 128), problem: "not JSON" };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readWhole(path: string, limit: number, what: string): Buffer {
  if (statSync(path).size > limit) throw new FeedError("FEED_TOO_LARGE", `${what} is larger than ${limit} bytes`);
  return readFileSync(path);
}
