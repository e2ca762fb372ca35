import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect } from "vitest";
import { pgliteKind, postgresKind, storeKinds, testStart } from "../../../test/fakes/stores.ts";
import { needs } from "../../../test/needs.ts";
import { manualClock, silentLogger } from "../../lib/index.ts";
import { openStore, type Store, type StorePlace } from "../store/index.ts";
import { createQueue, type Queue } from "./create-queue.ts";

const log = silentLogger();
const open = (place: StorePlace): Promise<Store> => openStore(place, { clock: manualClock(testStart), log });

/** Counts, and tells when a number is reached and how many milliseconds after `from` that was. */
function counter(): {
  readonly handler: () => Promise<void>;
  count: () => number;
  reached: (wanted: number) => Promise<void>;
} {
  const state = { count: 0 };
  let told = Promise.withResolvers<void>();
  return {
    handler: () => {
      state.count += 1;
      told.resolve();
      told = Promise.withResolvers();
      return Promise.resolve();
    },
    count: () => state.count,
    reached: async (wanted) => {
      while (state.count < wanted) await told.promise;
    },
  };
}

async function jobsOf(store: Store, topic: string, state: string): Promise<number> {
  const session = await store.engine.acquire();
  try {
    const text = "select count(*) as count from pgboss.job where name = $1 and state::text = $2";
    return Number((await session.query(text, [topic, state])).rows[0]?.count);
  } finally {
    await store.engine.release(session);
  }
}

describe.each(storeKinds)("createQueue ($name)", (kind) => {
  const it = needs(kind.missing);
  let made: Awaited<ReturnType<typeof kind.createPlace>> | undefined;
  let store: Store;
  let queue: Queue;
  const place = (): StorePlace => {
    if (made === undefined) throw new Error("there is no place");
    return made.place;
  };
  const restart = async (): Promise<void> => {
    await queue.close();
    await store.close();
    store = await open(place());
    queue = createQueue(store.engine, { log });
  };

  // One store for all of them, each with topics of its own: a PGlite takes a second to open.
  if (kind.missing === undefined) {
    beforeAll(async () => {
      made = await kind.createPlace();
      store = await open(made.place);
    });
    beforeEach(() => {
      queue = createQueue(store.engine, { log });
    });
    afterEach(() => queue.close());
    afterAll(async () => {
      await store.close();
      await made?.remove();
    });
  }

  it("costs nothing until somebody uses it", async () => {
    const session = await store.engine.acquire();
    const { rows } = await session.query("select to_regnamespace('pgboss')::text as found");
    await store.engine.release(session);
    expect(rows).toEqual([{ found: null }]);
  });

  it("wakes a handler of this process in less than a second", async () => {
    const woken = counter();
    queue.onWake("here", woken.handler);
    await queue.wake("here");
    await woken.reached(1);
    const start = performance.now();
    await queue.wake("here");
    await woken.reached(2);
    expect(performance.now() - start).toBeLessThan(1_000);
  });

  it("makes few runs of a thousand wake-ups, and none is left", async () => {
    const woken = counter();
    const gate = Promise.withResolvers<void>();
    queue.onWake("many", async () => {
      await woken.handler();
      await gate.promise;
    });
    await queue.wake("many");
    await woken.reached(1);
    await Promise.all(Array.from({ length: 1_000 }, () => queue.wake("many")));
    gate.resolve();
    await woken.reached(2);
    await delay(500);
    expect(woken.count()).toBeLessThanOrEqual(3);
    if (kind.name === "PostgreSQL") expect(await jobsOf(store, "many", "created")).toBe(0);
  });

  it("keeps one of a thousand wake-ups that nobody hears, over a restart", async () => {
    await Promise.all(Array.from({ length: 1_000 }, () => queue.wake("build")));
    expect(await jobsOf(store, "build", "created")).toBe(1);
    await restart();
    const woken = counter();
    queue.onWake("build", woken.handler);
    await woken.reached(1);
    await delay(100);
    expect(woken.count()).toBe(1);
  });

  it("wakes at a time that was set before a restart, once for each second", async () => {
    const at = Date.now() + 1_500;
    await Promise.all(Array.from({ length: 100 }, () => queue.schedule(at, "watch")));
    expect(await jobsOf(store, "watch", "created")).toBe(1);
    await restart();
    const woken = counter();
    queue.onWake("watch", woken.handler);
    await woken.reached(1);
    expect(Date.now()).toBeGreaterThanOrEqual(at);
    expect(Date.now()).toBeLessThan(at + 5_000);
  });

  it("goes on after a handler that failed", async () => {
    const woken = counter();
    queue.onWake("failing", async () => {
      await woken.handler();
      throw new Error("no");
    });
    await queue.wake("failing");
    await woken.reached(1);
    await queue.wake("failing");
    await woken.reached(2);
  });

  it("leaves the store's transactions alone, and they it", async () => {
    queue.onWake("beside", () => store.saveAudit("tidemill", "woken", {}));
    await Promise.all([
      ...Array.from({ length: 50 }, () => queue.wake("beside")),
      ...Array.from({ length: 50 }, (_, index) => store.saveAudit("ann", "noted", { index })),
    ]);
    expect(await store.verifyAudit()).toMatchObject({ kind: "intact" });
    expect(await store.loadAudit({ actions: ["noted"], limit: 100 })).toHaveLength(50);
  });

  it("wakes nobody once it is closed, and says nothing", async () => {
    const woken = counter();
    queue.onWake("closed", woken.handler);
    await queue.wake("closed");
    await woken.reached(1);
    await queue.close();
    await queue.wake("closed");
    await queue.schedule(0, "closed");
    await delay(200);
    expect(woken.count()).toBe(1);
  });
});

describe("two processes on one PostgreSQL", () => {
  const it = needs(postgresKind.missing);
  const children: ChildProcess[] = [];
  afterEach(() => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
  });

  /** A process that prints a line whenever it is woken. */
  async function startListener(databaseUrl: string): Promise<AsyncIterator<string>> {
    const file = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);
    const script = `
      import { createQueue } from ${file("create-queue.ts")};
      import { openStore } from ${file("../store/index.ts")};
      import { silentLogger, systemClock } from ${file("../../lib/index.ts")};
      const log = silentLogger();
      const store = await openStore({ databaseUrl: ${JSON.stringify(databaseUrl)} }, { clock: systemClock, log });
      createQueue(store.engine, { log }).onWake("build", async () => process.stdout.write("woken\\n"));
      setInterval(() => undefined, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.push(child);
    await once(child, "spawn");
    return createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  it("a wake-up of one reaches the other in less than a second, also after its listener was cut off", async () => {
    const made = await postgresKind.createPlace();
    const store = await open(made.place);
    const queue = createQueue(store.engine, { log });
    try {
      const lines = await startListener("databaseUrl" in made.place ? made.place.databaseUrl : "");
      await queue.wake("build");
      expect((await lines.next()).value).toBe("woken");
      for (let count = 0; count < 3; count += 1) {
        await delay(20);
        const start = performance.now();
        await queue.wake("build");
        expect((await lines.next()).value).toBe("woken");
        expect(performance.now() - start).toBeLessThan(1_000);
      }
      const session = await store.engine.acquire();
      await session.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tidemill-listen' and datname = current_database()",
      );
      await store.engine.release(session);
      await delay(400);
      await queue.wake("build");
      expect((await lines.next()).value).toBe("woken");
    } finally {
      await queue.close();
      await store.close();
      await made.remove();
    }
  });
});

describe("a queue whose database is gone", () => {
  const it = needs(pgliteKind.missing);

  it("lets whoever wakes go on", async () => {
    const made = await pgliteKind.createPlace();
    const store = await open(made.place);
    const queue = createQueue(store.engine, { log });
    await store.close();
    await queue.wake("plan");
    await queue.schedule(0, "plan");
    await queue.close();
    await made.remove();
  });
});
