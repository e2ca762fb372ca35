import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { createImageReader, createLayerStore, type ImageReader } from "../src/io/layer/index.ts";
import { createRegistryClient, createRegistryServer, type RegistryClient } from "../src/io/registry/index.ts";
import type { Digest } from "../src/lib/index.ts";
import { createRebaser, type RebaseOutcome } from "../src/loop/build/index.ts";
import { buildGoProgram } from "../test/go-program.ts";
import { madeBase, madeInstall, madeOwn, pushMade } from "./made-rebase.ts";
import type { BenchOptions, BenchResult } from "./main.ts";

const installs = 10;
/** Images that are worked on at the same time. */
const workers = 8;
const crane = "github.com/google/go-containerregistry/cmd/crane@v0.22.1";

/**
 * From a new base to the rebased digests of 1,000 images, each with a status of its own, in its own repository of the embedded registry: merge, all checks, config, manifest and merge
 * layer. The process has built the images and read what their layers hold, as a server has that keeps them. `cold` is the same with another base by a process that knows nothing of the
 * registry and has to fetch from its cache folder what layers hold.
 */
export async function runBench({ smoke, say }: BenchOptions): Promise<BenchResult> {
  const count = smoke ? 40 : 1000;
  const home = await mkdtemp(join(tmpdir(), "tidemill-bench-"));
  const server = await createRegistryServer({ dir: join(home, "registry") });
  const { host } = await server.listen(0);
  const facts = join(home, "facts");
  try {
    const fleet = await setUp(host, count, facts);
    say(`${count} images on one base, ${fleet.layers} layers each`);
    const warm = await measure(host, fleet, fleet.base, fleet);
    say(`${warm.ms} ms an image, ${warm.cpu} ms of CPU: ${warm.requests} requests, ${warm.bytesUp} bytes sent`);
    const client = createRegistryClient();
    const cold = await measure(host, fleet, fleet.next, {
      client,
      reader: createImageReader(createLayerStore(facts)),
    });
    await client.close();
    say(`${cold.ms} ms where nothing is in memory, ${cold.cpu} ms of CPU`);
    await fleet.client.close();
    const peer = await measureCrane(host, fleet, smoke ? 2 : 20);
    say(`crane rebase: ${peer.ms ?? peer.missing} ms an image, without merge or checks`);
    return {
      name: "rebase",
      value: warm.ms,
      unit: "ms",
      target: 5,
      peers: { "crane rebase": peer.ms },
      detail: {
        images: count,
        workers,
        ...warm,
        cold,
        ...(peer.missing === undefined ? {} : { missing: { crane: peer.missing } }),
      },
    };
  } finally {
    await server.close();
    await rm(home, { recursive: true, force: true });
  }
}

interface MadeFleet {
  readonly old: Digest;
  readonly base: Digest;
  /** A later one. */
  readonly next: Digest;
  readonly client: RegistryClient;
  readonly reader: ImageReader;
  readonly images: ReadonlyMap<string, Digest>;
  readonly layers: number;
}

async function setUp(host: string, count: number, facts: string): Promise<MadeFleet> {
  const client = createRegistryClient();
  const bases = client.repository(`${host}/base`);
  const below = madeBase(0);
  const run = { Env: ["PATH=/usr/bin"], Cmd: ["/usr/bin/base-0-0"] };
  const old = await pushMade(bases, below, run, []);
  const base = await pushMade(bases, madeBase(1), run, []);
  const next = await pushMade(bases, madeBase(2), run, []);
  const reader = createImageReader(createLayerStore(facts));
  for (const each of [base, next]) await reader.read(bases, each);
  const shared = Array.from({ length: installs }, (_, at) => madeInstall(at));
  const images = new Map<string, Digest>();
  let layers = 0;
  for (let at = 0; at < count; at += 1) {
    const install = shared[at % installs];
    if (install === undefined) continue;
    const name = `image-${at}`;
    const repository = client.repository(`${host}/${name}`);
    const made = [...below, install, madeOwn(at % installs, at)];
    layers = made.length;
    const digest = await pushMade(repository, made, { ...run, Cmd: ["/usr/bin/base-1-0", name] }, ["base"]);
    await reader.read(repository, digest);
    images.set(name, digest);
  }
  return { old, base, next, client, reader, images, layers };
}

interface Run {
  /** Milliseconds an image, of the clock. */
  readonly ms: number;
  /** Of all threads, the registry's too. */
  readonly cpu: number;
  readonly requests: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
}

async function measure(
  host: string,
  { old, images }: MadeFleet,
  base: Digest,
  { client, reader }: Pick<MadeFleet, "client" | "reader">,
): Promise<Run> {
  const before = client.stats();
  const rebaser = createRebaser({ images: reader, findBase: () => Promise.resolve(undefined) });
  const bases = client.repository(`${host}/base`);
  const waiting = [...images];
  const done = new Map<string, Digest>();
  const cpuBefore = process.cpuUsage();
  const started = performance.now();
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [name, digest] = next;
      const sink = client.repository(`${host}/${name}`);
      const outcome = await rebaser.rebase({
        image: { source: sink, reference: digest },
        oldBase: { source: bases, reference: old },
        base: { source: bases, reference: base },
        sink,
        mountFrom: ["base"],
      });
      done.set(name, digestOf(outcome));
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  const ms = (performance.now() - started) / images.size;
  const cpu = process.cpuUsage(cpuBefore);
  const stats = client.stats();
  if (new Set(done.values()).size !== images.size) throw new Error("not every image has a digest of its own");
  for (const [name, digest] of done)
    if ((await client.repository(`${host}/${name}`).resolve(digest)) === undefined)
      throw new Error(`the registry has no ${digest} of ${name}`);
  const round = (value: number): number => Math.round(value * 100) / 100;
  return {
    ms: round(ms),
    cpu: round((cpu.user + cpu.system) / 1000 / images.size),
    requests: stats.requests - before.requests,
    bytesUp: stats.bytesUp - before.bytesUp,
    bytesDown: stats.bytesDown - before.bytesDown,
  };
}

function digestOf(outcome: RebaseOutcome): Digest {
  if (outcome.kind !== "rebased") throw new Error(JSON.stringify(outcome).slice(0, 1000));
  const [platform] = outcome.platforms;
  if (platform === undefined || platform.packages.length === 0 || platform.layers.mergeBytes === 0)
    throw new Error("nothing was merged");
  return outcome.digest;
}

/** The same images with crane, which swaps the layers and leaves the rest as it is; null where it is not there. */
async function measureCrane(
  host: string,
  { old, base, images }: MadeFleet,
  count: number,
): Promise<{ readonly ms: number | null; readonly missing?: string }> {
  const program = await buildGoProgram(crane);
  if (program.missing !== undefined) return { ms: null, missing: program.missing };
  const names = [...images].slice(0, count);
  const started = performance.now();
  for (const [name, digest] of names) {
    const image = `${host}/${name}`;
    const words = [
      "rebase",
      `${image}@${digest}`,
      "--insecure",
      "--old_base",
      `${host}/base@${old}`,
      "--new_base",
      `${host}/base@${base}`,
    ];
    await run(program.path, [...words, "--tag", `${image}:crane`]);
  }
  return { ms: Math.round(((performance.now() - started) / names.length) * 10) / 10 };
}

function run(program: string, words: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile(program, [...words], { timeout: 60_000 }, (error, _, stderr) => {
      if (error === null) resolve();
      else reject(new Error(stderr === "" ? error.message : stderr, { cause: error }));
    });
  });
}
