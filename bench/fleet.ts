import { performance } from "node:perf_hooks";
import { makePackage, type PackageSpec } from "./made-archive.ts";
import { basePackages, patchOf, patchedName, withBenchMill, type BenchMill } from "./made-fleet.ts";
import type { BenchOptions, BenchResult } from "./main.ts";

const ownCount = 300;
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
    const specs = [...basePackages(), ...ownPackages()];
    await archive.publishRelease(await Promise.all(specs.map(makePackage)));
    await archive.publishSecurity([]);
    const setUp = await measure(mill, names);
    say(`day 0: ${count} images in ${setUp.seconds} s; ${patchedName} is patched`);

    await archive.publishSecurity([await makePackage(patchOf(1))]);
    for (const name of names.slice(0, 1)) await mill.download(name);
    const run = await measure(mill, names);
    const changed = names.filter((name) => run.digests.get(name) !== setUp.digests.get(name)).length;
    if (changed !== count) throw new Error(`${changed} digests are new, not ${count}`);
    if (new Set(run.digests.values()).size !== count) throw new Error("images have the same digest");
    for (const [name, digest] of run.digests)
      if (!(await mill.holds(name, digest))) throw new Error(`the registry has no ${digest} of ${name}`);
    const { digests: _, seconds, ...figures } = run;
    say(`${count} new digests in ${seconds} s, ${figures.cpu} s of CPU: ${figures.requests} requests`);
    return {
      name: "fleet",
      value: seconds,
      unit: "s",
      target: 10,
      peers: {},
      detail: { images: count, stanzas, workers, ...figures, setUp: setUp.seconds },
    };
  });
}

interface Run {
  readonly seconds: number;
  /** Of all threads, user and system. */
  readonly cpu: number;
  readonly requests: number;
  readonly bytesUp: number;
  readonly digests: ReadonlyMap<string, string>;
}

async function measure(mill: BenchMill, names: readonly string[]): Promise<Run> {
  const before = mill.client.stats();
  const cpuBefore = process.cpuUsage();
  const started = performance.now();
  const digests = new Map<string, string>();
  const waiting = [...names];
  const work = async (): Promise<void> => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift())
      digests.set(name, (await mill.build(await mill.resolve(name))).digest);
  };
  await Promise.all(Array.from({ length: workers }, work));
  const seconds = inSeconds(performance.now() - started);
  const cpu = process.cpuUsage(cpuBefore);
  const after = mill.client.stats();
  return {
    seconds,
    cpu: inSeconds((cpu.user + cpu.system) / 1000),
    requests: after.requests - before.requests,
    bytesUp: after.bytesUp - before.bytesUp,
    digests,
  };
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
