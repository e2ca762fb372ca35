import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { measurePeers } from "./increment-peers.ts";
import { makePackage } from "./made-archive.ts";
import { basePackages, patchOf, patchedBytes, patchedName, withBenchMill, type BenchMill } from "./made-fleet.ts";
import type { BenchOptions, BenchResult } from "./main.ts";

const image = "web";

/**
 * From a security update to the candidate: one image of 60 packages, of which one of 6 MB is patched. The new index is verified and on disk and the .deb is
 * downloaded before the clock starts; what is measured is the universe, the closure, converting the package, assembling, and the push to the embedded
 * registry. The process has built the image before, as a server has.
 */
export async function runBench({ smoke, say }: BenchOptions): Promise<BenchResult> {
  const stanzas = smoke ? 2000 : 60_000;
  return withBenchMill(stanzas, [{ name: image, packages: ["part-0"] }], async (mill, archive) => {
    const release = await Promise.all(basePackages().map(makePackage));
    await archive.publishRelease(release);
    await archive.publishSecurity([]);
    await mill.build(await mill.resolve(image));
    say(`an image of ${release.length} packages, a release of ${stanzas} packages; ${patchedName} is patched`);

    const runs: Run[] = [];
    const patched: string[] = [];
    let debs: ReadonlyMap<string, string> = new Map();
    for (let number = 1; number <= (smoke ? 1 : 5); number += 1) {
      await archive.publishSecurity([await makePackage(patchOf(number))]);
      debs = await mill.download(image);
      patched.push(debs.get(patchedName) ?? "");
      runs.push(await measure(mill));
    }
    const value = median(runs.map(({ ms }) => ms));
    const others = [...debs.values()].filter((path) => !patched.includes(path));
    const content = { folder: join(archive.folder, "peers"), others, patched, registry: mill.host };
    const { peers, missing } = smoke ? { peers: {}, missing: {} } : await measurePeers(content, say);
    const steps = (pick: (run: Run) => number): number => median(runs.map(pick));
    say(`median ${value} ms: ${runs.map(({ ms }) => ms).join(", ")}`);
    return {
      name: "increment",
      value,
      unit: "ms",
      target: 500,
      peers,
      detail: {
        packages: release.length,
        stanzas,
        patchedBytes,
        worst: Math.max(...runs.map(({ ms }) => ms)),
        resolve: steps((run) => run.resolve),
        cpu: steps((run) => run.cpu),
        requests: steps((run) => run.requests),
        bytesUp: steps((run) => run.bytesUp),
        missing,
      },
    };
  });
}

interface Run {
  readonly ms: number;
  /** Of them until the closure was known. */
  readonly resolve: number;
  /** Milliseconds of all threads, user and system. */
  readonly cpu: number;
  readonly requests: number;
  readonly bytesUp: number;
}

async function measure(mill: BenchMill): Promise<Run> {
  const before = mill.client.stats();
  const cpuBefore = process.cpuUsage();
  const started = performance.now();
  const request = await mill.resolve(image);
  const resolved = performance.now();
  const built = await mill.build(request);
  const ended = performance.now();
  const cpu = process.cpuUsage(cpuBefore);
  const after = mill.client.stats();
  if (!(await mill.holds(image, built.digest))) throw new Error(`the registry has no ${built.digest}`);
  if (built.bytesUploaded < 1_000_000) throw new Error(`only ${built.bytesUploaded} bytes are new`);
  return {
    ms: Math.round(ended - started),
    resolve: Math.round(resolved - started),
    cpu: Math.round((cpu.user + cpu.system) / 1000),
    requests: after.requests - before.requests,
    bytesUp: after.bytesUp - before.bytesUp,
  };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}
