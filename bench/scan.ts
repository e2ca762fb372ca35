import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { pack } from "tar-stream";
import { makeZip } from "../src/core/inventory/content/testdata/make-zip.ts";
import { createRegistryClient, openDockerArchive } from "../src/io/registry/index.ts";
import { createImageReader, createLayerStore } from "../src/io/layer/index.ts";
import { sha256, systemClock } from "../src/lib/index.ts";
import { parseInput } from "../src/operation/index.ts";
import { createScan, loadScanFeeds } from "../src/serve/operations/scan/index.ts";
import type { BenchOptions, BenchResult } from "./main.ts";
import { measureScanPeers } from "./scan-peers.ts";

const program = fileURLToPath(new URL("../bin/tidemill.js", import.meta.url));

/** One vulnerability of one source package of Debian 12, and the version that cures it. */
export interface MadeRecord {
  readonly id: string;
  readonly source: string;
  readonly fixed: string;
}

/**
 * One image of 300 packages with warm data, as a process of its own and inside one that runs: a docker archive whose layers and feed have been read before. The feed has 30,000 records of Debian 12, of
 * which 600 are about what the image holds and 300 touch it. The peers get the same archive, and databases of the same records.
 */
export async function runBench({ smoke, say }: BenchOptions): Promise<BenchResult> {
  const packages = smoke ? 30 : 300;
  const count = smoke ? 500 : 30_000;
  const folder = await mkdtemp(join(tmpdir(), "tidemill-bench-scan-"));
  try {
    const records = makeRecords(packages, count);
    const archive = join(folder, "image.tar");
    await writeFile(archive, await makeArchive(packages));
    // Where osv-scanner looks for it, so that both read the same file.
    const home = join(folder, "osv-scanner", "osv-scalibr", "Debian");
    await mkdir(home, { recursive: true });
    const feed = join(home, "all.zip");
    const files = records.map((one) => ({ name: `${one.id}.json`, body: JSON.stringify(osvOf(one)) }));
    await writeFile(feed, makeZip(files));
    const env = { ...process.env, XDG_CACHE_HOME: join(folder, "cache") };
    const words = ["scan", archive, "--feed", feed, "--json"];
    // The first one reads layers and feed, and fills the cache of compiled code.
    const first = await runProcess(folder, words, env, packages);
    const runs = await repeat(smoke ? 1 : 11, () => runProcess(folder, words, env, packages));
    const inside = await runInside(folder, archive, feed, smoke ? 1 : 11);
    const value = median(runs);
    say(`${packages} packages, ${count} records: ${value} ms as a process (first ${first} ms), ${inside} ms inside`);
    const content = { folder, archive, records, expected: packages };
    const { peers, missing } = smoke ? { peers: {}, missing: {} } : await measureScanPeers(content, 5, say);
    return {
      name: "scan",
      value,
      unit: "ms",
      target: 600,
      peers,
      detail: { packages, records: count, first, worst: Math.max(...runs), inside, insideTarget: 300, missing },
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** For each package two records, one of which its version has; the others are about packages that the image does not hold. */
function makeRecords(packages: number, count: number): MadeRecord[] {
  return Array.from({ length: count }, (_, index) => {
    const source = index < 2 * packages ? `package-${index >> 1}` : `other-${index % 5000}`;
    return { id: `CVE-2099-${10_000 + index}`, source, fixed: index % 2 === 0 ? "1.0-2" : "1.0-1" };
  });
}

function osvOf({ id, source, fixed }: MadeRecord): object {
  const moment = new Date(Date.now() - 86_400_000).toISOString();
  const events = [{ introduced: "0" }, { fixed }];
  return {
    schema_version: "1.7.0",
    id,
    modified: moment,
    published: moment,
    summary: `A flaw of ${source}, made for this bench, that is told of in a sentence as long as such sentences usually are.`,
    affected: [{ package: { ecosystem: "Debian:12", name: source }, ranges: [{ type: "ECOSYSTEM", events }] }],
  };
}

/** A docker archive of one layer: os-release, dpkg's database, and thirty files for each package. */
async function makeArchive(packages: number): Promise<Buffer> {
  const names = Array.from({ length: packages }, (_, index) => `package-${index}`);
  const stanzas = names.map(
    (name) =>
      `Package: ${name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.0-1\nMaintainer: Nobody <nobody@example.org>\nDescription: made\n`,
  );
  const files = names.flatMap((name) => Array.from({ length: 30 }, (_, index) => `usr/share/${name}/file-${index}`));
  const layer = await tarOf([
    [
      "etc/os-release",
      'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
    ],
    ["etc/debian_version", "12.0\n"],
    ["var/lib/dpkg/status", stanzas.join("\n")],
    ...names.map((name): [string, string] => [
      `var/lib/dpkg/info/${name}.list`,
      `/.\n${files
        .filter((file) => file.startsWith(`usr/share/${name}/`))
        .map((file) => `/${file}\n`)
        .join("")}`,
    ]),
    ...files.map((file): [string, string] => [file, `content of ${file}\n`]),
  ]);
  const diffId = sha256(layer);
  const config = Buffer.from(
    JSON.stringify({
      os: "linux",
      architecture: "amd64",
      config: {},
      rootfs: { type: "layers", diff_ids: [diffId] },
      history: [{ created_by: "bench" }],
    }),
  );
  const configName = `${sha256(config).slice("sha256:".length)}.json`;
  const manifest = [{ Config: configName, RepoTags: ["bench/scan:latest"], Layers: ["layer.tar"] }];
  return tarOf([
    ["layer.tar", layer],
    [configName, config],
    ["manifest.json", JSON.stringify(manifest)],
  ]);
}

async function tarOf(entries: readonly (readonly [string, string | Buffer])[]): Promise<Buffer> {
  const archive = pack();
  for (const [name, content] of entries) archive.entry({ name, mtime: new Date(0) }, content);
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function runProcess(
  folder: string,
  words: readonly string[],
  env: NodeJS.ProcessEnv,
  packages: number,
): Promise<number> {
  const started = performance.now();
  const output = await new Promise<string>((resolve, reject) => {
    execFile(
      process.execPath,
      [program, ...words],
      { cwd: folder, env, maxBuffer: 1 << 28 },
      (error, stdout, stderr) => (error === null ? resolve(stdout) : reject(new Error(stderr, { cause: error }))),
    );
  });
  const ms = Math.round(performance.now() - started);
  const found = JSON.parse(output) as { platforms: { state: string; findings: unknown[] }[] };
  const [platform] = found.platforms;
  if (platform?.state !== "known" || platform.findings.length !== packages)
    throw new Error(`the scan found ${platform?.findings.length} of ${packages}, and is ${platform?.state}`);
  return ms;
}

/** The median of scans in this process, with the facts of layers on disk and nothing of them in memory. */
async function runInside(folder: string, archive: string, feed: string, count: number): Promise<number> {
  const registries = createRegistryClient({});
  const cache = join(folder, "cache", "tidemill");
  // Opened once before, so that what is measured is no first use of a module.
  await (await openDockerArchive(archive)).close();
  const times: number[] = [];
  try {
    for (let left = count + 1; left > 0; left -= 1) {
      const started = performance.now();
      const images = createImageReader(createLayerStore(join(cache, "layers")));
      const scan = createScan({
        images,
        registries,
        localFiles: true,
        clock: systemClock,
        version: "0.0.0",
        said: () => Promise.resolve({ own: [], documents: [], notes: [], imageOf: () => undefined }),
        knowledge: (locations, signal) =>
          loadScanFeeds(locations, { folder: join(cache, "feeds"), clock: systemClock, configured: [] }, signal),
      });
      await scan(parseInput("scan", { subject: archive, feeds: [feed] }));
      times.push(performance.now() - started);
    }
  } finally {
    await registries.close();
  }
  return Math.round(median(times.slice(1)));
}

async function repeat(count: number, work: () => Promise<number>): Promise<number[]> {
  const found: number[] = [];
  for (let left = count; left > 0; left -= 1) found.push(await work());
  return found;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}
