import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { once } from "node:events";
import { symlink, unlink } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect } from "vitest";
import { describeStores, pgliteKind, postgresKind, testStart } from "../../../test/fakes/stores.ts";
import { needs } from "../../../test/needs.ts";
import { manualClock, silentLogger } from "../../lib/index.ts";
import { openStore, type StorePlace } from "./open-store.ts";
import { withConnection } from "./sql-engine.ts";

const options = { clock: manualClock(testStart), log: silentLogger() };

describeStores(
  "a statement that takes too long",
  ({ it, store, kind }) => {
    const slow =
      kind.name === "PGlite" ? "select count(*) from generate_series(1, 1000000000000)" : "select pg_sleep(60)";

    it("is ended at its bound, timers go on meanwhile, and the store works afterwards", async () => {
      let ticks = 0;
      const timer = setInterval(() => (ticks += 1), 20);
      const started = performance.now();
      await expect(withConnection(store().engine, (session) => session.query(slow))).rejects.toMatchObject({
        code: "TIMEOUT",
        retry: true,
      });
      clearInterval(timer);
      expect(performance.now() - started).toBeLessThan(60_000);
      expect(ticks).toBeGreaterThan(5);
      await store().saveAudit("ann", "noted", {});
      expect(await store().verifyAudit()).toMatchObject({ kind: "intact" });
    });

    it("takes its transaction with it, and nothing that was committed", async () => {
      await store().saveSetting("kept", 1);
      await expect(
        withConnection(store().engine, async (session) => {
          await session.query("begin");
          await session.query("insert into setting (key, value) values ('lost', '1')");
          await session.query(slow);
        }),
      ).rejects.toMatchObject({ code: "TIMEOUT" });
      expect(await store().loadSetting("lost")).toBeUndefined();
      expect(await store().loadSetting("kept")).toBe(1);
    });
  },
  { statementMs: 3_000 },
);

/** A road to the database that can be cut, or be there and lead nowhere. */
async function createRoad(databaseUrl: string): Promise<{
  readonly place: StorePlace;
  readonly cut: () => Promise<void>;
  readonly mend: () => Promise<void>;
  readonly stall: () => void;
}> {
  const url = new URL(databaseUrl);
  const folder = url.searchParams.get("host");
  const port = Number(url.port === "" ? 5432 : url.port);
  const target = folder?.startsWith("/") ? { path: join(folder, `.s.PGSQL.${port}`) } : { host: url.hostname, port };
  const sockets = new Set<Socket>();
  const make = async (listenPort: number): Promise<Server> => {
    const server = createServer((near) => {
      const far = connect(target);
      for (const socket of [near, far]) {
        sockets.add(socket);
        socket.on("error", () => undefined).on("close", () => [near, far].forEach((one) => one.destroy()));
      }
      near.pipe(far);
      far.pipe(near);
    });
    server.listen(listenPort, "127.0.0.1");
    await once(server, "listening");
    return server;
  };
  let server = await make(0);
  const road = (server.address() as AddressInfo).port;
  const end = (): void => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  return {
    place: { databaseUrl: `postgres://127.0.0.1:${road}${url.pathname}` },
    cut: async () => {
      const closed = once(server, "close");
      server.close();
      end();
      await closed;
    },
    mend: async () => {
      server = await make(road);
    },
    stall: () => {
      for (const socket of sockets) socket.unpipe().pause();
    },
  };
}

describe("PostgreSQL", () => {
  const it = needs(postgresKind.missing);

  it("that goes away every half second under load: what was confirmed is there, once, and the chain holds", async () => {
    const made = await postgresKind.createPlace();
    const road = await createRoad("databaseUrl" in made.place ? made.place.databaseUrl : "");
    const store = await openStore(road.place, options);
    try {
      const confirmed: number[] = [];
      const unknown: string[] = [];
      const load = new AbortController();
      const write = async (worker: number): Promise<void> => {
        for (let count = 0; !load.signal.aborted; count += 1) {
          const id = worker * 100_000 + count;
          try {
            await store.saveAudit("ann", "noted", { id });
            confirmed.push(id);
          } catch (error) {
            unknown.push((error as { code: string }).code);
          }
        }
      };
      const workers = [1, 2, 3, 4].map(write);
      for (let cuts = 0; cuts < 6; cuts += 1) {
        await delay(300);
        await road.cut();
        await delay(200);
        await road.mend();
      }
      await delay(300);
      load.abort();
      await Promise.all(workers);
      // Where the connection went while it committed nobody knows: that is said, and nothing else is.
      expect(new Set(unknown)).toSatisfy((codes: Set<string>) => [...codes].every((code) => code === "UNAVAILABLE"));
      const rows = await store.loadAudit({ actions: ["noted"], limit: 1_000_000 });
      const ids = rows.map(({ detail }) => Number(detail["id"]));
      expect(new Set(ids).size).toBe(ids.length);
      expect(confirmed.filter((id) => !ids.includes(id))).toEqual([]);
      expect(confirmed.length).toBeGreaterThan(10);
      expect(await store.verifyAudit()).toMatchObject({ kind: "intact" });
    } finally {
      await store.close();
      await road.cut();
      await made.remove();
    }
  });

  it("behind a half-open connection: the statement ends within its bound, the next one gets through", async () => {
    const made = await postgresKind.createPlace();
    const road = await createRoad("databaseUrl" in made.place ? made.place.databaseUrl : "");
    const store = await openStore(road.place, { ...options, statementMs: 500 });
    try {
      await store.saveAudit("ann", "noted", {});
      road.stall();
      const started = performance.now();
      await expect(store.loadAudit()).rejects.toMatchObject({ retry: true });
      expect(performance.now() - started).toBeLessThan(20_000);
      expect(await store.loadAudit()).toHaveLength(1);
    } finally {
      await store.close();
      await road.cut();
      await made.remove();
    }
  });
});

describe("a disk that is full", () => {
  const it = needs(process.platform === "linux" ? undefined : "/dev/full is Linux's");

  it("lets nothing go on before it is written down; what it kept out is in the file after the next start", async () => {
    const made = await pgliteKind.createPlace();
    const audit = join("dir" in made.place ? made.place.dir : "", "audit.jsonl");
    try {
      await unlink(audit).catch(() => undefined);
      await symlink("/dev/full", audit);
      const full = await openStore(made.place, options);
      await expect(full.saveAudit("ann", "noted", {})).rejects.toMatchObject({ code: "DISK", retry: true });
      await full.close();
      await unlink(audit);
      const store = await openStore(made.place, options);
      expect(await store.verifyAudit()).toMatchObject({ kind: "intact" });
      expect(await store.loadAudit({ actions: ["noted"] })).toHaveLength(1);
      await store.close();
    } finally {
      await made.remove();
    }
  });
});
