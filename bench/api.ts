import { once } from "node:events";
import { Agent, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { openStore, type Store } from "../src/io/store/index.ts";
import { manualClock, silentLogger } from "../src/lib/index.ts";
import { createOperations, type OperationHandlers, type Operations } from "../src/operation/index.ts";
import { createLists } from "../src/serve/operations/index.ts";
import { createHandler, createServer } from "../src/serve/index.ts";
import { writeHistory } from "./made-history.ts";
import type { BenchOptions, BenchResult } from "./main.ts";
import { storePlaces } from "./store-places.ts";

const now = Date.UTC(2026, 10, 27, 12);
/** Every page of these is asked for, one behind the other, by each of the callers. */
const lists = [
  "images?limit=100",
  "images?limit=500",
  "images?limit=100&labels=team%3Dteam-7",
  "images?limit=100&environment=production",
  "images?limit=100&name=99",
  "rebuilds?limit=100",
  "rebuilds?limit=500",
  "rebuilds?limit=100&state=failed",
  "rebuilds?limit=100&image=image-7",
  "rebuilds?limit=100&labels=team%3Dteam-7",
  "promotions?limit=100",
  "promotions?limit=100&environment=production&kind=rolled-back",
  "promotions?limit=100&image=image-7",
  "promotions?limit=100&labels=tier%3Dgold",
];
/** Pages of one list that one caller turns. */
const pages = 12;

/** Lists of 5,000 images with a year of rebuilds and promotions, over HTTP, page by page: by one caller, and by four who never rest. The value is the 99th percentile of one caller's answers, of the slower store. */
export async function runBench({ smoke, say }: BenchOptions): Promise<BenchResult> {
  const images = smoke ? 60 : 5_000;
  const found: Record<string, Measured> = {};
  for (const [name, withPlace] of storePlaces) {
    const measured = await withPlace(async (place) => {
      const store = await openStore(place, { clock: manualClock(now), log: silentLogger(), statementMs: 600_000 });
      try {
        return await measureStore(store, images, smoke ? 1 : 8);
      } finally {
        await store.close();
      }
    });
    if (measured === undefined) continue;
    found[name] = measured;
    const { one, four } = measured;
    const [slowest, its] = Object.entries(measured.lists).sort(([, a], [, b]) => b.p99 - a.p99)[0] ?? [];
    say(
      `${name}: ${measured.rebuilds} rebuilds, ${measured.promotions} promotions; one caller p50 ${one.p50} ms, p99 ${one.p99} ms (slowest ${slowest}: ${its?.p99} ms); four p50 ${four.p50} ms, p99 ${four.p99} ms`,
    );
  }
  return {
    name: "api",
    value: Math.max(...Object.values(found).map(({ one }) => one.p99)),
    unit: "ms p99",
    target: 50,
    peers: {},
    detail: { images, ...found },
  };
}

interface Percentiles {
  readonly p50: number;
  readonly p99: number;
}

interface Measured {
  readonly rebuilds: number;
  readonly promotions: number;
  readonly one: Percentiles;
  readonly four: Percentiles;
  /** Of one caller. */
  readonly lists: Readonly<Record<string, Percentiles>>;
}

async function measureStore(store: Store, images: number, rounds: number): Promise<Measured> {
  const { config } = await writeHistory(store, images, now);
  const { rebuilds, promotions } = await writeLists(store);
  const operations: Operations = createOperations(createLists({ config, store }) as OperationHandlers);
  const server = createServer(createHandler({ operations, token: "a token of the bench's own", version: "bench" }));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  /** Turns the pages of every list, `rounds` times, each caller beginning at another one; gives milliseconds by list. */
  const turnAll = async (callers: number, rounds_: number): Promise<Map<string, number[]>> => {
    const times = new Map<string, number[]>(lists.map((list) => [list, []]));
    const all = Array.from({ length: callers }, async (_, caller) => {
      const order = lists.map((_list, at) => lists[(at + caller * 3) % lists.length] ?? "");
      for (let round = 0; round < rounds_; round += 1)
        for (const list of order) await turnPages(`${origin}/api/v1/${list}`, agent, (ms) => times.get(list)?.push(ms));
    });
    await Promise.all(all);
    return times;
  };
  try {
    await turnAll(1, 1);
    const one = await turnAll(1, rounds);
    const four = await turnAll(4, Math.ceil(rounds / 4));
    return {
      rebuilds,
      promotions,
      one: percentiles([...one.values()].flat()),
      four: percentiles([...four.values()].flat()),
      lists: Object.fromEntries([...one].map(([list, ms]) => [list, percentiles(ms)])),
    };
  } finally {
    agent.destroy();
    server.close();
    server.closeAllConnections();
  }
}

function percentiles(times: readonly number[]): Percentiles {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number => Number((sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(1));
  return { p50: at(0.5), p99: at(0.99) };
}

async function turnPages(list: string, agent: Agent, took: (ms: number) => void): Promise<void> {
  let cursor: string | null = "";
  for (let page = 0; page < pages && cursor !== null; page += 1) {
    const began = performance.now();
    const text = await get(cursor === "" ? list : `${list}&cursor=${encodeURIComponent(cursor)}`, agent);
    took(performance.now() - began);
    ({ next: cursor } = JSON.parse(text) as { next: string | null });
  }
}

function get(url: string, agent: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { agent }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (piece: string) => (text += piece));
      response.on("error", reject);
      response.on("end", () => {
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`${url}: ${response.statusCode} ${text.slice(0, 200)}`));
      });
    });
    request.on("error", reject);
    request.end();
  });
}

/** A rebuild for each that is counted in the history, one in twenty of them failed, and the promotions of the others; one in fifty is taken back. */
async function writeLists(store: Store): Promise<{ readonly rebuilds: number; readonly promotions: number }> {
  const session = await store.engine.acquire();
  try {
    await session.script(
      `insert into rebuild (id, image, state, lane, not_before, candidate, recipe_key, attempts, created_at, updated_at, finished_at)
       select gen_random_uuid(), image, case when abs(hashtext(rebuild::text)) % 20 = 0 then 'failed' else 'promoted' end,
              case when abs(hashtext(rebuild::text)) % 7 = 0 then 'urgent' else 'routine' end, finished,
              'sha256:' || lpad(md5(rebuild::text), 64, '0'), 'recipe', 1, finished - interval '1 hour', finished, finished
         from exposure_rebuild`,
    );
    await session.script(
      `insert into promotion (id, image, environment, digest, rebuild, kind, state, by, reason, fence, created_at, confirmed_at)
       select gen_random_uuid(), r.image, e, r.candidate, r.id, k, 'confirmed', 'tidemill', 'DSA-1', 1,
              r.created_at + make_interval(hours => case k when 'rollback' then 30 when 'forward' then 2 end), r.created_at + interval '31 hours'
         from rebuild r, unnest('{staging,production}'::text[]) e, unnest('{forward,rollback}'::text[]) k
        where r.state = 'promoted' and (k = 'forward' or abs(hashtext(r.id::text || e)) % 50 = 0)`,
    );
    await session.script("analyze");
    const { rows } = await session.query(
      "select (select count(*)::int from rebuild) as rebuilds, (select count(*)::int from promotion) as promotions",
    );
    return { rebuilds: Number(rows[0]?.rebuilds), promotions: Number(rows[0]?.promotions) };
  } finally {
    await store.engine.release(session);
  }
}
