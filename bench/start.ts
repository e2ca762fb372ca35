import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { openStore, type DeclaredImage } from "../src/io/store/index.ts";
import { silentLogger, systemClock } from "../src/lib/index.ts";
import type { BenchOptions, BenchResult } from "./main.ts";

const program = fileURLToPath(new URL("../bin/tidemill.js", import.meta.url));
/** Hands on what the kernel counted when the program ends: the most memory that it ever had. */
const reportMemory = `
  import { writeFileSync } from "node:fs";
  process.on("exit", () => writeFileSync(process.env.BENCH_RSS, String(process.resourceUsage().maxRSS)));`;

interface Run {
  readonly ms: number;
  readonly rssMB: number;
}

/**
 * From nothing to the first useful output: `tidemill status --json` as a process of its own on a directory that holds 10,000 images, with no server. The directory is
 * made before the clock starts.
 */
export async function runBench({ smoke, say }: BenchOptions): Promise<BenchResult> {
  const images = smoke ? 200 : 10_000;
  const folder = await mkdtemp(join(tmpdir(), "tidemill-bench-start-"));
  try {
    await makeFleet(folder, images);
    // The first one fills the cache of compiled code, as the first run after an installation does.
    const first = await runStatus(folder, images);
    const runs: Run[] = [];
    for (let count = smoke ? 1 : 5; count > 0; count -= 1) runs.push(await runStatus(folder, images));
    const ms = median(runs.map((run) => run.ms));
    const rssMB = median(runs.map((run) => run.rssMB));
    const help = median(await repeat(smoke ? 1 : 5, () => runCommand(folder, ["--help"])));
    say(
      `${images} images: status after ${ms} ms (first ${first.ms} ms), ${rssMB} MB resident; --help after ${help} ms`,
    );
    return {
      name: "start",
      value: ms,
      unit: "ms",
      target: 1500,
      peers: {},
      detail: { images, first: first.ms, worst: Math.max(...runs.map((run) => run.ms)), rssMB, help },
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A configuration of so many images in tens below a parent, and a store that knows them. */
async function makeFleet(folder: string, images: number): Promise<void> {
  const nameOf = (index: number): string => `image-${index}`;
  const parentOf = (index: number): string | undefined => (index % 10 === 0 ? undefined : nameOf(index - (index % 10)));
  const lines = ["version: 1", "upstreams:", "  debian: { kind: debian, codename: bookworm, suites: [release] }"];
  lines.push(
    "environments: [{ name: staging, requireRun: false }, { name: production, requireRun: false }]",
    "images:",
  );
  const declared: DeclaredImage[] = [];
  for (let index = 0; index < images; index += 1) {
    const name = nameOf(index);
    const parent = parentOf(index);
    const below = parent === undefined ? "" : `, parent: ${parent}`;
    lines.push(`  ${name}: { recipe: packages, upstream: debian, packages: [curl]${below} }`);
    declared.push({
      name,
      repository: name,
      definition: {},
      recipeKey: "recipe",
      parents: parent === undefined ? [] : [parent],
    });
  }
  await writeFile(join(folder, "tidemill.yaml"), `${lines.join("\n")}\n`);
  const store = await openStore({ dir: join(folder, "data") }, { clock: systemClock, log: silentLogger() });
  await store.saveImages(declared);
  await store.close();
}

async function runStatus(folder: string, images: number): Promise<Run> {
  const memory = join(folder, "rss");
  const preload = `data:text/javascript,${encodeURIComponent(reportMemory)}`;
  const started = performance.now();
  const output = await run(folder, ["--import", preload, program, "status", "--json"], { BENCH_RSS: memory });
  const ms = Math.round(performance.now() - started);
  const answer = JSON.parse(output) as { images?: unknown[]; data?: { images?: unknown[] } };
  const shown = (answer.images ?? answer.data?.images)?.length;
  if (shown !== images) throw new Error(`status showed ${shown} images of ${images}`);
  return { ms, rssMB: Math.round(Number(await readFile(memory, "utf8")) / 1024) };
}

async function runCommand(folder: string, words: readonly string[]): Promise<number> {
  const started = performance.now();
  await run(folder, [program, ...words], {});
  return Math.round(performance.now() - started);
}

/** What a process of its own prints; without a database URL of whoever runs this. */
function run(folder: string, words: readonly string[], more: Readonly<Record<string, string>>): Promise<string> {
  const { DATABASE_URL: _, ...env } = process.env;
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [...words, ...(words.includes("status") ? ["--data", "data", "--config", "tidemill.yaml"] : [])],
      { cwd: folder, env: { ...env, ...more }, maxBuffer: 256 * 1024 * 1024, timeout: 300_000 },
      (error, stdout, stderr) => (error === null ? resolve(stdout) : reject(new Error(stderr, { cause: error }))),
    );
  });
}

async function repeat(count: number, work: () => Promise<number>): Promise<number[]> {
  const found: number[] = [];
  for (let left = count; left > 0; left -= 1) found.push(await work());
  return found;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}
