import { readFileSync, statSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { parseExploited, parseExploitScores } from "../../../core/advisory/index.ts";
import type { Instant } from "../../../lib/index.ts";
import { FeedError } from "../error.ts";
import type { FeedLimits } from "../types.ts";
import type { Ingested, IngestJob } from "./ingest.ts";
import { writeSignals, type Signal } from "./signal-table.ts";

interface ReadSignals {
  readonly signals: readonly Signal[];
  readonly bad: number;
  readonly problems: readonly string[];
  readonly newest: Instant | undefined;
}

/** Reads CISA's catalogue (`kev`) or FIRST's scores (`epss`) and writes their table. One that is torn, empty, of another schema or half as large as it was throws. Blocks its thread. */
export function ingestSignals(job: IngestJob): Ingested {
  const { what, now, before, folder, limits } = job;
  const [path = ""] = job.sources;
  const text = readText(path, limits, what);
  const { signals, bad, problems, newest } = job.kind === "kev" ? readExploited(text, what) : readScores(text, what);
  if (before !== undefined && signals.length < before.advisories / 2)
    throw new FeedError("FEED_SHRUNK", `it has ${signals.length} entries, the last good one had ${before.advisories}`, {
      hint: "If that is right, remove the feed's folder in the cache to start anew.",
    });
  const { content, rows } = writeSignals(folder, signals);
  const meta = { version: 3, content, advisories: rows, withdrawn: 0, rows, keys: rows, ecosystems: {} } as const;
  const records = signals.length + bad;
  return { meta, records, bad, problems, newest: newest !== undefined && newest <= now ? newest : undefined };
}

function readExploited(text: string, what: string): ReadSignals {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new FeedError("FEED_TORN", `${what} is no whole JSON document`, { cause: error, retry: true });
  }
  const parsed = parseExploited(value);
  if (parsed.kind === "bad") throw new FeedError("FEED_BROKEN", `${what}: ${parsed.problem}`);
  const signals = parsed.vulnerabilities.map(({ cve, since, due }) => ({ cve, first: since, second: due }));
  return { signals, bad: parsed.bad, problems: parsed.problems, newest: parsed.released };
}

function readScores(text: string, what: string): ReadSignals {
  const parsed = parseExploitScores(text);
  if (parsed.kind === "bad") throw new FeedError("FEED_BROKEN", `${what}: ${parsed.problem}`);
  if (parsed.scores.length === 0) throw new FeedError("FEED_EMPTY", `${what} is empty`, { retry: true });
  const signals = parsed.scores.map(({ cve, epss }) => ({ cve, first: epss, second: undefined }));
  return { signals, bad: parsed.bad, problems: parsed.problems, newest: parsed.scored };
}

function readText(path: string, limits: FeedLimits, what: string): string {
  if (statSync(path).size > limits.download)
    throw new FeedError("FEED_TOO_LARGE", `${what} is larger than ${limits.download} bytes`);
  const bytes = readFileSync(path);
  if (bytes.length === 0) throw new FeedError("FEED_EMPTY", `${what} is empty`, { retry: true });
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes.toString("utf8");
  try {
    return gunzipSync(bytes, { maxOutputLength: limits.signals }).toString("utf8");
  } catch (error) {
    const isBomb = (error as { code?: unknown }).code === "ERR_BUFFER_TOO_LARGE";
    if (isBomb) throw new FeedError("FEED_TOO_LARGE", `${what} unpacks to more than ${limits.signals} bytes`);
    throw new FeedError("FEED_TORN", `${what} cannot be unpacked`, { cause: error, retry: true });
  }
}
