import { performance } from "node:perf_hooks";
import { makePackage, type PackageSpec } from "./made-archive.ts";
import { basePackages, patchOf, patchedName, smallName, withBenchMill, type BenchMill } from "./made-fleet.ts";
import type { BenchOptions, BenchResult } from "./main.ts";

const ownCount = 300;
/** The packages that stay as they are are small, so that a thousand copies of what images share in part have room on the disk. */
const smaller = 4;
/** Images that are worked on at the same time. */
const workers = 8;

/**
 * From one patched package to the new digests of 1,000 images that share it, each in its own repository of the embedded registry. The images have 60 packages in
 * common, and each has a choice of 300 more, a file and an environment of its own. Yesterday's fleet is set up before the clock starts; the new index
 * is on disk and the .deb is downloaded.
 */
export async function runBench({ smoke, say }: BenchOptions): Promise<BenchResult> {
  const count = smoke ? 50 : 1000;
  const stanzas = smoke ? 2000 : 60_000;
  const names = Array.from({ length: count }, (_, at) => `image-${at}`);
  const images = names.map((name, at) => ({ name, packages: ["part-0", ...ownOf(at)] }));
  return withBenchMill(stanzas, images, async (mill, archive) => {
    const specs = [...basePackages(smaller), ...ownPackages()];
    await archive.publishRelease(await Promise.all(specs.map(makePackage)));
    await archive.publishSecurity([]);
    const setUp = await measure(mill, names);
    say(`day 0: ${count} images in ${setUp.seconds} s; ${patchedName} is patched`);

    const large = await makePackage(patchOf(1));
    await archive.publishSecurity([large]);
    await mill.download(names[0] ?? "");
    const run = await measure(mill, names, setUp);
    await check(mill, setUp, run);
    say(
      `${count} new digests in ${run.seconds} s, ${run.cpu} s of CPU: ${run.requests} requests, ${run.bytesUp} bytes`,
    );
    // In images that are not each other's parents such a layer holds other packages in each, and is hashed and sent for each.
    await archive.publishSecurity([large, await makePackage(patchOf(1, smallName, smaller))]);
    await mill.download(names[0] ?? "");
    const small = await measure(mill, names.slice(0, 100), run);
    await check(mill, run, small);
    const seconds = run.seconds;
    const few = small.digests.size;
    say(
      `a package that shares its layer, ${few} images: ${small.seconds} s, ${small.requests} requests, ${small.bytesUp} bytes`,
    );
    return {
      name: "fleet",
      value: seconds,
      unit: "s",
      target: 10,
      peers: {},
      detail: {
        images: count,
        stanzas,
        workers,
        ...figuresOf(run),
        setUp: setUp.seconds,
        small: { images: few, seconds: small.seconds, ...figuresOf(small) },
      },
    };
  });
}

function figuresOf({ cpu, requests, bytesUp, newLayers, placements }: Run) {
  return { cpu, requests, bytesUp, newLayers, placements };
}

interface Run {
  readonly seconds: number;
  /** Of all threads, user and system. */
  readonly cpu: number;
  readonly requests: number;
  readonly bytesUp: number;
  /** Layers that some repository did not have, each once, and how many times one came to a repository: what was not sent was mounted. */
  readonly newLayers: number;
  readonly placements: number;
  readonly layers: ReadonlyMap<string, readonly string[]>;
  readonly digests: ReadonlyMap<string, string>;
}

async function measure(mill: BenchMill, names: readonly string[], earlier?: Run): Promise<Run> {
  const before = mill.client.stats();
  const cpuBefore = process.cpuUsage();
  const started = performance.now();
  const digests = new Map<string, string>();
  const layers = new Map<string, readonly string[]>();
  const waiting = [...names];
  const work = async (): Promise<void> => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const { digest, platforms } = await mill.build(await mill.resolve(name));
      digests.set(name, digest);
      layers.set(
        name,
        platforms.flatMap((platform) => platform.layers.map(({ descriptor }) => descriptor.digest)),
      );
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  const seconds = inSeconds(performance.now() - started);
  const cpu = process.cpuUsage(cpuBefore);
  const after = mill.client.stats();
  const placed = [...layers].flatMap(([name, now]) => {
    const had = new Set(earlier?.layers.get(name));
    return now.filter((digest) => !had.has(digest));
  });
  return {
    seconds,
    newLayers: new Set(placed).size,
    placements: placed.length,
    layers,
    cpu: inSeconds((cpu.user + cpu.system) / 1000),
    requests: after.requests - before.requests,
    bytesUp: after.bytesUp - before.bytesUp,
    digests,
  };
}

/** Every image has a digest that is new and its own, and its repository holds it. */
async function check(mill: BenchMill, before: Run, after: Run): Promise<void> {
  const old = new Set(before.digests.values());
  const fresh = new Set([...after.digests.values()].filter((digest) => !old.has(digest)));
  if (fresh.size !== after.digests.size) throw new Error(`${fresh.size} digests are new, not ${after.digests.size}`);
  for (const [name, digest] of after.digests)
    if (!(await mill.holds(name, digest))) throw new Error(`the registry has no ${digest} of ${name}`);
}

function inSeconds(ms: number): number {
  return Math.round(ms / 10) / 100;
}

/** Small packages that some images have. */
function ownPackages(): PackageSpec[] {
  return Array.from({ length: ownCount }, (_, at): PackageSpec => {
    const depends = at % 3 === 0 ? `part-7, own-${(at + 1) % ownCount}` : "part-1 (>= 1.0)";
    return { name: `own-${at}`, version: "2.0-1", unpacked: 20_000 + at * 100, files: 5, depends, packing: "gz" };
  });
}

/** From two to four of them, another choice in every image. */
function ownOf(image: number): string[] {
  return Array.from({ length: 2 + (image % 3) }, (_, at) => `own-${(image * 7 + at * (11 + (image % 13))) % ownCount}`);
}
