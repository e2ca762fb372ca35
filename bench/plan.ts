import { performance } from "node:perf_hooks";
import { planRebuilds, type PackageUpdate, type PlanFacts, type PlanImage } from "../src/core/plan/index.ts";
import type { BenchOptions, BenchResult } from "./main.ts";

const now = 1_800_000_000_000;
const depth = 5;
const packagesEach = 300;

interface Fleet {
  readonly images: number;
  readonly inventories: number;
}

/**
 * From one patched package to the whole plan, for a fleet of 100,000 images in trees five deep that share 2,000 inventories of 300 packages. The package is in
 * every inventory, so that every image is to be rebuilt: nothing can be worse. The facts are made before the clock starts; each run plans from
 * scratch, with nothing kept from the run before.
 */
export async function runBench({ smoke, say }: BenchOptions): Promise<BenchResult> {
  const fleet = smoke ? { images: 2000, inventories: 40 } : { images: 100_000, inventories: 2000 };
  const everywhere = makeFacts(fleet, "package-0");
  const somewhere = makeFacts(fleet, `package-${fleet.inventories + packagesEach - 1}`);
  say(`${fleet.images} images, ${depth} deep, ${fleet.inventories} inventories of ${packagesEach} packages`);

  const all = measure(everywhere, smoke ? 1 : 7);
  check(all, { rebuilds: fleet.images, waves: depth });
  say(`in every image: ${all.rebuilds} rebuilds in ${all.waves} waves, median ${all.median} ms, worst ${all.worst} ms`);
  const few = measure(somewhere, smoke ? 1 : 7);
  check(few, { rebuilds: countReached(somewhere), waves: few.waves });
  say(`in one inventory, and below: ${few.rebuilds} rebuilds, median ${few.median} ms`);
  return {
    name: "plan",
    value: all.median,
    unit: "ms",
    target: 1000,
    peers: {},
    detail: { ...fleet, depth, packagesEach, worst: all.worst, rebuilds: all.rebuilds, few: few.median },
  };
}

interface Measured {
  readonly median: number;
  readonly worst: number;
  readonly rebuilds: number;
  readonly waves: number;
}

function measure(facts: PlanFacts, runs: number): Measured {
  const times: number[] = [];
  let rebuilds = 0;
  let waves = 0;
  for (let run = 0; run < runs; run += 1) {
    const started = performance.now();
    const plan = planRebuilds(facts);
    times.push(Math.round(performance.now() - started));
    rebuilds = plan.waves.reduce((sum, wave) => sum + wave.length, 0);
    waves = plan.waves.length;
  }
  times.sort((a, b) => a - b);
  return { median: times[times.length >> 1] ?? 0, worst: times.at(-1) ?? 0, rebuilds, waves };
}

function check(found: Measured, expected: { readonly rebuilds: number; readonly waves: number }): void {
  if (found.rebuilds !== expected.rebuilds || found.waves !== expected.waves) {
    throw new Error(
      `${found.rebuilds} rebuilds in ${found.waves} waves, expected ${expected.rebuilds} in ${expected.waves}`,
    );
  }
}

/** Images whose inventories hold the patched package, and all below them: parents stand before their children in these facts. */
function countReached({ images, inventories, updates }: PlanFacts): number {
  const holders = new Set<string>();
  for (const [key, packages] of inventories)
    if (packages.some(({ name }) => name === updates[0]?.name)) holders.add(key);
  const reached = new Set<string>();
  for (const { name, parents, current } of images) {
    const holds = current?.inventories.some((key) => holders.has(key)) === true;
    if (holds || parents.some((parent) => reached.has(parent))) reached.add(name);
  }
  return reached.size;
}

/** Every inventory holds `package-0` and a window of the others; the last of them stands in the last inventory only. */
function makeFacts({ images, inventories }: Fleet, patched: string): PlanFacts {
  const shared = Array.from({ length: inventories }, (_, at) => {
    const packages = Array.from({ length: packagesEach }, (__, place) => describe(place === 0 ? 0 : at + place + 1));
    return [`sha256:${at.toString(16).padStart(64, "0")}`, packages] as const;
  });
  return {
    now,
    images: Array.from({ length: images }, (_, at) => makeImage(at, images, shared[at % inventories]?.[0] ?? "")),
    inventories: new Map(shared),
    updates: [makeUpdate(patched)],
    holds: [],
    policy: {
      coolDown: 3 * 86_400_000,
      securityCoolDown: 86_400_000,
      exempt: ["security-suites"],
      maxRebuildsPerHour: 12,
    },
  };
}

function describe(number: number) {
  const name = `package-${number}`;
  return { name, architecture: "amd64", version: `1:${number}.2.3-4+deb12u1`, source: name };
}

/** Five generations of growing size. */
function makeImage(at: number, images: number, inventory: string): PlanImage {
  const starts = [0, 0.0005, 0.005, 0.05, 0.25, 1].map((share) => Math.floor(images * share));
  const level = starts.findIndex((start, index) => at >= start && at < (starts[index + 1] ?? 0));
  const above = starts[level - 1];
  const parents = (starts[level] ?? 0) - (above ?? 0);
  return {
    name: nameOf(at),
    parents: above === undefined ? [] : [nameOf(above + (at % parents))],
    bases: [],
    broken: undefined,
    securityOnly: false,
    inherited: undefined,
    recipeKey: "0".repeat(64),
    current: {
      digest: `sha256:${at.toString(16).padStart(64, "a")}`,
      recipeKey: "0".repeat(64),
      inventories: [inventory],
    },
    requests: [],
    failure: undefined,
    settled: undefined,
    recent: 0,
    blocked: [],
    takesSome: true,
  };
}

/** A name whose place in the alphabet has nothing to do with its number. */
function nameOf(at: number): string {
  return `team-${(at * 7919) % 101}/image-${((at * 2_654_435_761) % 4_294_967_296).toString(36)}-${at}`;
}

function makeUpdate(name: string): PackageUpdate {
  const version = "9:1.0-1+deb12u2";
  return {
    name,
    architecture: "amd64",
    version,
    source: name,
    sourceVersion: version,
    origin: "debian/bookworm-security",
    security: true,
    urgent: true,
    firstSeen: now,
    baseline: false,
    advisories: ["DSA-1-1", "CVE-2026-0001"],
  };
}
