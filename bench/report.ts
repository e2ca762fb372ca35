import { performance } from "node:perf_hooks";
import { openStore, type Store } from "../src/io/store/index.ts";
import { manualClock, silentLogger } from "../src/lib/index.ts";
import type { Context } from "../src/loop/context.ts";
import { createExposure, createHistory, createReport } from "../src/serve/operations/index.ts";
import { writeHistory, type MadeHistory } from "./made-history.ts";
import type { BenchOptions, BenchResult } from "./main.ts";
import { storePlaces } from "./store-places.ts";

const now = Date.UTC(2026, 10, 27, 12);

/**
 * Questions about a year of 10,000 images in two environments, asked of a server that runs: the report of the year, whole and by team, what is open, who had an advisory and from when until when, an image's year, and what was
 * done. In the embedded database, and in PostgreSQL where DATABASE_URL names one. Each answer is compared with what was written. The value is the slowest question's median.
 */
export async function runBench({ smoke, say }: BenchOptions): Promise<BenchResult> {
  const images = smoke ? 40 : 10_000;
  const found: Record<string, Measured> = {};
  for (const [name, withPlace] of storePlaces) {
    const measured = await withPlace(async (place) => {
      const clock = manualClock(now);
      const store = await openStore(place, { clock, log: silentLogger(), statementMs: 600_000 });
      try {
        return await measureStore(store, images, smoke ? 1 : 7);
      } finally {
        await store.close();
      }
    });
    if (measured === undefined) continue;
    found[name] = measured;
    const { made, ms } = measured;
    const told = Object.entries(ms).map(
      ([question, { median, worst, cpu }]) => `${question} ${median} (${worst}, ${cpu} of CPU)`,
    );
    say(
      `${name}: ${images} images, ${made.exposures} exposures, ${made.rebuilds} rebuilds, ${made.auditRows} audit rows, written in ${made.writeMs} ms; ` +
        `milliseconds, median (worst, CPU): ${told.join(", ")}`,
    );
  }
  const slowest = Object.values(found).flatMap(({ ms }) => Object.values(ms).map(({ median }) => median));
  return {
    name: "report",
    value: Math.max(...slowest),
    unit: "ms",
    target: 1_000,
    peers: {},
    detail: {
      images,
      ...Object.fromEntries(
        Object.entries(found).map(([name, { made, ms }]) => [
          name,
          {
            exposures: made.exposures,
            rebuilds: made.rebuilds,
            auditRows: made.auditRows,
            writeMs: made.writeMs,
            ms,
          },
        ]),
      ),
    },
  };
}

interface Measured {
  readonly made: MadeHistory;
  /** `cpu`: of all threads of this process, the embedded database's among them; the least of all runs. */
  readonly ms: Readonly<Record<string, { readonly median: number; readonly worst: number; readonly cpu: number }>>;
}

async function measureStore(store: Store, images: number, runs: number): Promise<Measured> {
  const made = await writeHistory(store, images, now);
  const parts: Pick<Context, "store" | "config" | "feeds" | "clock" | "evidence"> = {
    store,
    config: made.config,
    feeds: [],
    clock: manualClock(now),
    evidence: undefined,
  };
  const ctx = parts as Context;
  const report = createReport(ctx, { version: "bench" });
  const exposure = createExposure(ctx);
  const history = createHistory(ctx);
  const questions: Record<string, () => Promise<void>> = {
    report: async () => checkReport(await report({ period: "365d" }), made),
    reportByTeam: async () => checkReport(await report({ period: "365d", label: "team" }), made),
    reportQuarter: async () => {
      const { document } = await report({ period: "90d", label: "team" });
      expectSame("parts", document.parts.length, Math.min(images, 40));
    },
    open: async () => {
      const { exposures } = await exposure({ environment: "production", days: 0, limit: 500 });
      expectSame("open", exposures.length, Math.min(500, made.open));
    },
    advisory: async () => {
      const { exposures } = await exposure({ advisory: made.advisory.id, days: 400, limit: 10_000 });
      expectSame("lives", exposures.length, Math.min(10_000, made.advisory.lives));
    },
    image: async () => {
      const { exposures } = await exposure({ image: "image-7", days: 400, limit: 10_000 });
      if (exposures.length === 0) throw new Error("image-7 was exposed to nothing");
    },
    history: async () => {
      const { events } = await history({ limit: 500 });
      expectSame("events", events.length, 500);
    },
    historyOfImage: async () => {
      const { events } = await history({ image: "image-7", environment: "production", limit: 500 });
      if (events.length === 0) throw new Error("nothing was done to image-7");
    },
  };
  const ms: Record<string, { median: number; worst: number; cpu: number }> = {};
  for (const [name, ask] of Object.entries(questions)) {
    const times: number[] = [];
    const cpus: number[] = [];
    for (let left = runs; left > 0; left -= 1) {
      const started = performance.now();
      const before = process.cpuUsage();
      await ask();
      const { user, system } = process.cpuUsage(before);
      times.push(Math.round(performance.now() - started));
      cpus.push(Math.round((user + system) / 1000));
    }
    const median = times.toSorted((a, b) => a - b)[times.length >> 1] ?? 0;
    ms[name] = { median, worst: Math.max(...times), cpu: Math.min(...cpus) };
  }
  return { made, ms };
}

function checkReport({ document }: Awaited<ReturnType<ReturnType<typeof createReport>>>, made: MadeHistory): void {
  const { opened, open, fixToProduction } = document.fleet;
  expectSame("opened", opened, made.opened);
  expectSame("open", open, made.open);
  const sorted = made.fix.toSorted((a, b) => a - b);
  const rank = (share: number): number => Math.floor((sorted[Math.ceil(sorted.length * share) - 1] ?? 0) / 1000);
  expectSame("fixes", fixToProduction.count, sorted.length);
  expectSame("median", fixToProduction.medianSeconds ?? NaN, rank(0.5));
  expectSame("95th percentile", fixToProduction.p95Seconds ?? NaN, rank(0.95));
}

function expectSame(what: string, told: number, made: number): void {
  if (told !== made) throw new Error(`${what}: ${told} are told of, ${made} were written`);
}
