import { mkdtemp, rm, stat } from "node:fs/promises";
import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { createFeed, loadFeeds, type Feed } from "../src/io/feeds/index.ts";
import { systemClock } from "../src/lib/index.ts";
import { recordOrigin, writeRecordsZip } from "./made-records.ts";
import type { BenchOptions, BenchResult } from "./main.ts";

/**
 * From a zip of OSV records on disk to a sealed generation that is in use: unpacked, checked record by record, sorted, packed, synced and renamed. The records are all that the
 * project's data has, and variants of them; the zip is made before the clock starts. The value is records a second.
 */
export async function runBench({ smoke, say }: BenchOptions): Promise<BenchResult> {
  const records = smoke ? 5_000 : 300_000;
  const folder = await mkdtemp(join(tmpdir(), "tidemill-bench-ingest-"));
  try {
    const zip = join(folder, "all.zip");
    const { bytes } = await writeRecordsZip(zip, records);
    const runs: Run[] = [];
    for (let count = smoke ? 1 : 3; count > 0; count -= 1) runs.push(await ingestOnce(zip, folder, count));
    runs.sort((a, b) => a.ms - b.ms);
    const run = runs[runs.length >> 1] as Run;
    const rate = Math.round(run.advisories / (run.ms / 1000));
    const lookups = await measureLookups(run.feed, zip, folder);
    say(
      `${records} records (${Math.round(bytes / 1e6)} MB of zip): ${run.advisories} advisories, ${run.rows} rows in ${Math.round(run.ms)} ms: ${rate} records/s; ` +
        `longest stop of the main thread ${run.stallMs} ms; ${run.rssMB} MB resident; generation of ${Math.round(run.fileBytes / 1e6)} MB; ` +
        `300 keys: ${lookups.cold} ms cold, ${lookups.warm} ms warm`,
    );
    return {
      name: "ingest",
      value: rate,
      unit: "records/s",
      target: 20_000,
      peers: {},
      detail: {
        records,
        origin: recordOrigin(),
        advisories: run.advisories,
        rows: run.rows,
        rowsPerSecond: Math.round(run.rows / (run.ms / 1000)),
        bad: run.bad,
        ms: Math.round(run.ms),
        worst: Math.round(runs.at(-1)?.ms ?? 0),
        cpuMs: run.cpuMs,
        stallMs: run.stallMs,
        rssMB: run.rssMB,
        zipBytes: bytes,
        fileBytes: run.fileBytes,
        lookupMs: lookups,
      },
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Run {
  readonly feed: Feed;
  readonly ms: number;
  readonly cpuMs: number;
  readonly advisories: number;
  readonly rows: number;
  readonly bad: number;
  readonly stallMs: number;
  readonly rssMB: number;
  readonly fileBytes: number;
}

async function ingestOnce(zip: string, folder: string, number: number): Promise<Run> {
  const cache = join(folder, `cache-${number}`);
  const feed = createFeed({ name: "osv", kind: "osv", location: zip }, cache, systemClock);
  const delays = monitorEventLoopDelay({ resolution: 2 });
  let rss = 0;
  const sampling = setInterval(() => (rss = Math.max(rss, process.memoryUsage.rss())), 20);
  delays.enable();
  const cpu = process.cpuUsage();
  const started = performance.now();
  const status = await feed.refresh();
  const ms = performance.now() - started;
  const used = process.cpuUsage(cpu);
  delays.disable();
  clearInterval(sampling);
  if (status.fault === "failing") throw new Error(status.alarm);
  const { generation } = await feed.load();
  if (generation === undefined) throw new Error("there is no generation");
  const [home = ""] = readdirSync(cache);
  const file = await stat(join(cache, home, `${generation.meta.content}.gen`));
  return {
    feed,
    ms,
    cpuMs: Math.round((used.user + used.system) / 1000),
    advisories: status.advisories,
    rows: generation.meta.rows,
    bad: status.bad,
    stallMs: Math.round(delays.max / 1e6),
    rssMB: Math.round(rss / 1e6),
    fileBytes: file.size,
  };
}

/** 300 keys spread over the file, by a feed that was never opened, and again by the same. */
async function measureLookups(from: Feed, zip: string, folder: string): Promise<{ cold: number; warm: number }> {
  const { generation } = await from.load();
  const keys: { ecosystem: string; name: string }[] = [];
  const every = Math.max(1, Math.floor((generation?.meta.keys ?? 0) / 300));
  let at = 0;
  for (const { text } of generation?.keys() ?? []) {
    const [name = "", ecosystem = ""] = text.split("\u0001");
    if (at++ % every === 0 && keys.length < 300) keys.push({ ecosystem, name });
  }
  const fresh = createFeed({ name: "osv", kind: "osv", location: zip }, join(folder, "cache-1"), systemClock);
  const measure = async (): Promise<number> => {
    const started = performance.now();
    const index = await (await loadFeeds([fresh])).lookup(keys);
    const ms = performance.now() - started;
    if (keys.some(({ ecosystem, name }) => index?.find(ecosystem, name).length === 0 && !index.withdrawn.size))
      throw new Error("a key that is there was not found");
    return Math.round(ms * 10) / 10;
  };
  const cold = await measure();
  await measure();
  return { cold, warm: await measure() };
}
