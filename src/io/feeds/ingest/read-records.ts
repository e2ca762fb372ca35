import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { parseOsvRecord, parseSecdb, parseTrackerSource, type ParsedAdvisory } from "../../../core/advisory/index.ts";
import { FeedError } from "../error.ts";
import type { FeedKind, FeedLimits } from "../types.ts";
import { splitJsonMembers } from "./json-members.ts";
import { readZip } from "./zip.ts";

export interface ReadingOptions {
  readonly limits: FeedLimits;
  /** In lower case, without release; every one of them without it. */
  readonly ecosystems?: ReadonlySet<string> | undefined;
}

/** Kinds that bring advisories. */
export type AdvisoryKind = Exclude<FeedKind, "kev" | "epss">;

/** How documents of each kind become advisories. */
const readers: Readonly<
  Record<AdvisoryKind, (path: string, options: ReadingOptions, what: string) => Generator<ParsedAdvisory>>
> = {
  osv: readOsv,
  malware: readMalware,
  "debian-tracker": readTracker,
  secdb: readSecdb,
};

/** All records at `path`, parsed one by one: what breaks the schema is told, what is torn or oversized throws. `what` is how the feed is called in errors. Blocks its thread. */
export function readRecords(
  kind: AdvisoryKind,
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

function* readMalware(path: string, options: ReadingOptions, what: string): Generator<ParsedAdvisory> {
  for (const parsed of readOsv(path, options, what))
    if (parsed.kind === "bad" || parsed.advisory.malicious === true) yield parsed;
}

function* readSecdb(path: string, { limits, ecosystems }: ReadingOptions, what: string): Generator<ParsedAdvisory> {
  const [given] = ecosystems ?? [];
  for (const file of jsonFiles(path, 3)) {
    const name = file === path ? what : `${what} ${basename(file)}`;
    const value = parseJson(readWhole(file, limits.secdb, name).toString("utf8"));
    if (value === undefined) throw new FeedError("FEED_TORN", `${name} is no whole JSON document`, { retry: true });
    const { ecosystem, parsed } = parseSecdb(value, given);
    if (ecosystem === undefined && parsed.every(({ kind }) => kind === "bad"))
      throw new FeedError("FEED_BROKEN", `${name} does not say which release it is about`, {
        hint: "Name it: `ecosystems: [wolfi]`.",
      });
    yield* parsed;
  }
}

/** `path`, or the JSON documents in that folder and those below it. */
function* jsonFiles(path: string, depth: number): Generator<string> {
  if (!statSync(path).isDirectory()) {
    yield path;
    return;
  }
  for (const entry of readdirSync(path, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.isDirectory() && depth > 0) yield* jsonFiles(join(path, entry.name), depth - 1);
    else if (entry.isFile() && entry.name.endsWith(".json") && entry.name !== "SOURCE.json")
      yield join(path, entry.name);
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

/** A folder of records, zips and folders, as mirrors of the public bucket and repositories of malware are laid out. */
function* readOsvFolder(path: string, options: ReadingOptions, what: string, depth = 0): Generator<ParsedAdvisory> {
  const { limits, ecosystems } = options;
  let total = 0;
  for (const entry of readdirSync(path, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const below = join(path, entry.name);
    if (entry.isDirectory() && depth < 5) yield* readOsvFolder(below, options, what, depth + 1);
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
