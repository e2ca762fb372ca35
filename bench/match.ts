import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { advisoryKey, buildAdvisoryIndex, keysOfUnit, matchUnit, type Advisory } from "../src/core/advisory/index.ts";
import { parseConfig } from "../src/core/config/index.ts";
import { inventoryKey, type InstalledPackage, type Inventory } from "../src/core/inventory/index.ts";
import { createFeed } from "../src/io/feeds/index.ts";
import { openStore, type Store } from "../src/io/store/index.ts";
import { sha256, silentLogger, systemClock, type Digest } from "../src/lib/index.ts";
import type { Context } from "../src/loop/context.ts";
import { createHolders, matchFindings } from "../src/loop/match/index.ts";
import { recordOrigin, writeRecordsZip } from "./made-records.ts";
import type { BenchOptions, BenchResult } from "./main.ts";

const packagesEach = 300;
const common = 120;

interface Sizes {
  readonly records: number;
  readonly images: number;
  readonly inventories: number;
  readonly manyImages: number;
  readonly asks: number;
}

/**
 * The whole match: 300,000 advisories against 10,000 images of 300 packages, which share 2,500 inventories, in the embedded database: inventories taken apart, every package looked
 * up, every finding written. Then, of 100,000 images, from one new advisory to the list of those that it touches, for advisories of packages that hang in all of them and in few.
 */
export async function runBench({ smoke, say }: BenchOptions): Promise<BenchResult> {
  const sizes: Sizes = smoke
    ? { records: 3_000, images: 100, inventories: 25, manyImages: 1_000, asks: 50 }
    : { records: 300_000, images: 10_000, inventories: 2_500, manyImages: 100_000, asks: 1_000 };
  const folder = await mkdtemp(join(tmpdir(), "tidemill-bench-match-"));
  await mkdir(join(folder, "data"));
  const store = await openStore({ dir: join(folder, "data") }, { clock: systemClock, log: silentLogger() });
  try {
    const zip = join(folder, "all.zip");
    await writeRecordsZip(zip, sizes.records);
    const feed = createFeed({ name: "osv", kind: "osv", location: zip }, join(folder, "cache"), systemClock);
    const status = await feed.refresh();
    if (status.fault === "failing") throw new Error(status.alarm);
    const { generation } = await feed.load();
    const names = new Set<string>();
    for (const { text } of generation?.keys() ?? []) {
      const [name = "", ecosystem = ""] = text.split("\u0001");
      if (ecosystem === "debian:12") names.add(name);
    }
    const pool = [...names].sort();
    await fillFleet(store, makeInventories(pool, sizes.inventories), sizes.images);

    globalThis.gc?.();
    const ctx = context(store, [feed]);
    const delays = monitorEventLoopDelay({ resolution: 2 });
    let rss = 0;
    const sampling = setInterval(() => (rss = Math.max(rss, process.memoryUsage.rss())), 20);
    delays.enable();
    const started = performance.now();
    const result = await matchFindings(ctx);
    const ms = performance.now() - started;
    delays.disable();
    clearInterval(sampling);
    if (result.opened === 0) throw new Error("nothing was found");
    const again = performance.now();
    const second = await matchFindings(ctx);
    const idleMs = performance.now() - again;
    if (second.packages !== 0) throw new Error("what had not changed was looked at again");
    say(
      `${status.advisories} advisories, ${sizes.images} images in ${sizes.inventories} inventories: ${result.packages} packages, ${result.opened} findings in ${Math.round(ms)} ms; ` +
        `longest stop of the main thread ${Math.round(delays.max / 1e6)} ms; ${Math.round(rss / 1e6)} MB resident; again ${Math.round(idleMs)} ms`,
    );

    await fillImages(store, sizes.images, sizes.manyImages);
    const asks = await measureAsks(store, pool, sizes.asks);
    say(
      `${sizes.manyImages} images, one new advisory: p50 ${asks.p50} ms, p99 ${asks.p99} ms, worst ${asks.worst} ms, first ${asks.first} ms; reach ${asks.least} to ${asks.most} images`,
    );
    return {
      name: "match",
      value: Math.round(ms),
      unit: "ms",
      target: 60_000,
      peers: {},
      detail: {
        ...sizes,
        origin: recordOrigin(),
        packages: result.packages,
        findings: result.opened,
        stallMs: Math.round(delays.max / 1e6),
        rssMB: Math.round(rss / 1e6),
        againMs: Math.round(idleMs),
        newAdvisoryMs: asks,
      },
    };
  } finally {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function context(store: Store, feeds: Context["feeds"]): Context {
  const parsed = parseConfig(
    "version: 1\nupstreams: { debian: { kind: debian, codename: bookworm } }\nenvironments: [{ name: production }]\nimages: { web: { recipe: packages, upstream: debian, packages: [curl] } }\n",
    {},
  );
  if (parsed.kind === "invalid") throw new Error("the configuration is invalid");
  const signal = new AbortController().signal;
  const parts: Pick<Context, "store" | "feeds" | "config" | "signal" | "emit"> = {
    store,
    feeds,
    config: parsed.config,
    signal,
    emit: () => undefined,
  };
  return parts as Context;
}

/** Inventories with packages in common, in one of a few versions, and others that are the rarer the later they stand in the pool. */
function makeInventories(pool: readonly string[], count: number): Inventory[] {
  let seed = 1;
  const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  const all = [...pool, ...Array.from({ length: 3_000 }, (_, at) => `clean-${at}`)];
  const nameAt = (at: number): string => all[Math.floor((at * 7919) % all.length)] ?? "base";
  return Array.from({ length: count }, (_, number): Inventory => {
    const packages = new Map<string, InstalledPackage>();
    const add = (name: string): void => {
      // Four versions of each in the fleet; three of four packages have all that was ever fixed.
      const version = random() < 0.75 ? `99:${number % 2}.0-1` : `${Math.floor(random() * 2)}.5-1`;
      packages.set(name, {
        type: "deb",
        name,
        version,
        architecture: "amd64",
        source: name,
        sourceVersion: version,
        layer: sha256(`${number % 50}`),
      });
    };
    for (let at = 0; at < common; at += 1) add(nameAt(at));
    while (packages.size < packagesEach) add(nameAt(common + Math.floor(random() ** 3 * (all.length - common))));
    return {
      platform: { os: "linux", architecture: "amd64" },
      os: { id: "debian", versionId: "12", codename: "bookworm", prettyName: "Debian GNU/Linux 12 (bookworm)" },
      packages: [...packages.values()],
      status: "complete",
      system: "complete",
      problems: [],
    };
  });
}

const inventoryKeys: Digest[] = [];

async function fillFleet(store: Store, inventories: readonly Inventory[], images: number): Promise<void> {
  inventoryKeys.length = 0;
  for (let at = 0; at < inventories.length; at += 25) {
    const some = inventories.slice(at, at + 25);
    await store.saveInventories(some);
    inventoryKeys.push(...some.map((one) => inventoryKey(one)));
  }
  await fillImages(store, 0, images);
}

/** Images with a digest in production each, `from` up to `to`: as their promotions would have left them. */
async function fillImages(store: Store, from: number, to: number): Promise<void> {
  const session = await store.engine.acquire();
  try {
    for (let at = from; at < to; at += 1000) {
      const rows = Array.from({ length: Math.min(1000, to - at) }, (_, index) => {
        const image = `image-${at + index}`;
        const key = inventoryKeys[(at + index) % inventoryKeys.length];
        return { image, digest: sha256(image), inventories: { "linux/amd64": key } };
      });
      const text = JSON.stringify(rows);
      await session.query(
        "insert into image (name, repository, definition, recipe_key) select r.image, r.image, '{}', 'k' from jsonb_to_recordset($1::jsonb) as r(image text)",
        [text],
      );
      await session.query(
        `insert into image_digest (image, digest, platforms, inventories, recipe_key, created_at)
         select r.image, r.digest, '["linux/amd64"]', r.inventories, 'k', now() from jsonb_to_recordset($1::jsonb) as r(image text, digest text, inventories jsonb)`,
        [text],
      );
      await session.query(
        "insert into pointer (image, environment, digest, since) select r.image, 'production', r.digest, now() - random() * interval '30 days' from jsonb_to_recordset($1::jsonb) as r(image text, digest text)",
        [text],
      );
    }
    await session.query("analyze");
  } finally {
    await store.engine.release(session);
  }
}

interface Asks {
  readonly first: number;
  readonly p50: number;
  readonly p99: number;
  readonly worst: number;
  readonly least: number;
  readonly most: number;
}

/** From one advisory that nobody knew to the images that it touches, for packages of all reaches. */
async function measureAsks(store: Store, pool: readonly string[], count: number): Promise<Asks> {
  const holders = createHolders(store);
  const times: number[] = [];
  const reaches: number[] = [];
  let first = 0;
  for (let at = 0; at <= count; at += 1) {
    const name = pool[Math.floor((at * 7919) % pool.length)] ?? "";
    const advisory: Advisory = {
      id: `CVE-2027-${10_000 + at}`,
      aliases: [],
      upstream: [],
      summary: "",
      published: undefined,
      modified: undefined,
      withdrawn: undefined,
      affected: [
        {
          ...advisoryKey("Debian:12", name),
          ranges: [{ introduced: "0", fixed: `99:${at % 4}.0-1` }],
          versions: [],
        },
      ],
    };
    const started = performance.now();
    const index = buildAdvisoryIndex([advisory]);
    const packages = await store.loadPackagesOfKeys(advisory.affected);
    const touched = packages.filter((one) => keysOfUnit(one).length > 0 && matchUnit(one, index).findings.length > 0);
    const found = await holders.find(touched.map(({ id }) => id));
    const ms = performance.now() - started;
    if (at === 0) first = ms;
    else {
      times.push(ms);
      reaches.push(found.length);
    }
  }
  times.sort((a, b) => a - b);
  const part = (share: number): number => Math.round((times[Math.floor(share * (times.length - 1))] ?? 0) * 10) / 10;
  return {
    first: Math.round(first),
    p50: part(0.5),
    p99: part(0.99),
    worst: part(1),
    least: Math.min(...reaches),
    most: Math.max(...reaches),
  };
}
