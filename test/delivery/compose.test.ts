import { setTimeout as delay } from "node:timers/promises";
import { describe, expect } from "vitest";
import { deployEnvironments, deployFleet } from "../../src/loop/deploy-environments.ts";
import { probeEnvironments } from "../../src/loop/promote/index.ts";
import { expectInvariants } from "../faults/invariants.ts";
import { startTidemill } from "../faults/processes.ts";
import { minute, until } from "../faults/small-fleet.ts";
import { needs } from "../needs.ts";
import { startLoad } from "./testdata/load.ts";
import { webShops } from "./testdata/open-shop.ts";
import { missingWebSite } from "./testdata/web-site.ts";

const shops = webShops();
const it = needs(await missingWebSite());
const minutes = 240_000;

describe("a service of a compose file behind a proxy", () => {
  it(
    "is updated under load with no request lost",
    async () => {
      const shop = await shops.open({ drain: "2s" });
      const { run, publish, answer, site, pointer, alarms, operations } = shop;
      await run();
      expect(await alarms()).toEqual([]);
      expect(await answer()).toBe("1.0-1");
      const before = await site.containers();
      expect(before).toHaveLength(1);

      await publish("1.0-2");
      const load = startLoad(site.url);
      await run();
      await delay(1500);
      const { answers, failures } = await load.end();
      expect(failures).toEqual([]);
      const total = [...answers.values()].reduce((sum, one) => sum + one, 0);
      expect(total).toBeGreaterThan(2000);
      expect([...answers.keys()].sort()).toEqual(["1.0-1", "1.0-2"]);
      expect(await answer()).toBe("1.0-2");
      const after = await site.containers();
      expect(after).toHaveLength(1);
      expect(after).not.toEqual(before);
      const image = await site.docker("inspect", "--format", "{{.Config.Image}}", after[0] ?? "");
      expect(image).toContain(`@${await pointer("small-web")}`);
      const place = (await operations.status({ image: "small-web" })).images[0]?.environments.at(-1);
      expect(place?.deployments).toMatchObject([{ name: "shop", digest: place?.digest, waiting: null }]);
      await expectInvariants(shop);
    },
    minutes,
  );

  it(
    "never goes to a candidate that is not well: the old one goes on, and the environment goes back",
    async () => {
      const shop = await shops.open();
      const { run, publish, answer, site, pointer, operations, alarms } = shop;
      await run();
      const [good, before] = [await pointer("small-web"), await site.containers()];
      for (const [version, says, why] of [
        ["1.0-2", "sick", /it is unhealthy: it is not well/],
        ["1.0-3", "crash", /it ended with 3; it wrote: it cannot go on/],
      ] as const) {
        await publish(version, says);
        const load = startLoad(site.url, 4);
        await run();
        const { failures } = await load.end();
        expect(failures).toEqual([]);
        expect(await site.containers()).toEqual(before);
        expect(await answer()).toBe("1.0-1");
        expect(await pointer("small-web")).toBe(good);
        const { quarantines } = await operations.status({ image: "small-web" });
        expect(quarantines.map(({ reason }) => reason)).toContainEqual(expect.stringMatching(why));
      }
      expect((await alarms()).map(({ code }) => code)).toContain("deploy-failed");
      await publish("1.0-4");
      await run();
      expect(await answer()).toBe("1.0-4");
      await expectInvariants(shop);
    },
    minutes,
  );

  it(
    "that turns unhealthy in its soak is taken back: the old one serves again within a minute, the bad one is quarantined",
    async () => {
      const probes = (url: string) => [{ name: "home", http: { url }, images: ["small-web"], every: "500ms" }];
      const shop = await shops.open({}, {}, (url) => ({ soak: "4m", probes: probes(url) }));
      const { run, publish, answer, site, pointer, tag, fleet, operations, alarms } = shop;
      await run();
      const good = await pointer("small-web");
      await publish("1.0-2", "late");
      const stop = new AbortController();
      const jobs = [deployEnvironments(fleet.ctx, stop.signal), probeEnvironments(fleet.ctx, stop.signal)];
      try {
        await run();
        const bad = await pointer("small-web");
        await until("the new one serves", async () => (await answer()) === "late", 60_000);
        await until("it is sick", async () => (await fetch(site.url)).status === 503, 60_000);
        const sick = Date.now();
        await until("the old one serves", async () => (await answer()) === "1.0-1", 60_000);
        expect(Date.now() - sick).toBeLessThan(60_000);
        await until("nothing else does", async () => (await site.containers()).length === 1, 30_000);
        expect([await pointer("small-web"), await tag("small-web")]).toEqual([good, good]);
        const status = await operations.status({ image: "small-web" });
        expect(status.quarantines).toMatchObject([{ digest: bad, by: "tidemill" }]);
        expect((await alarms()).map(({ code }) => code)).toContain("probe-failing");
        expect((await operations.plan({})).held).toMatchObject([{ image: "small-web", kind: "quarantine" }]);
      } finally {
        stop.abort();
        await Promise.all(jobs);
      }
    },
    minutes,
  );

  it(
    "loses no request where the server is killed again and again while it deploys",
    async () => {
      const { small, site, answer, close, run, publish } = await shops.open({ drain: "2s" });
      await run();
      await publish("1.0-2");
      await close();
      const env = { ...small.env, DOCKER_HOST: process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock" };
      const load = startLoad(site.url, 4);
      for (let round = 0; round < 6; round += 1) {
        const server = startTidemill({ ...small, env }, ["up"]);
        // It builds and promotes within two seconds of its start; containers come and go for the next eight.
        await delay(2000 + Math.random() * 6000);
        await server.end("SIGKILL");
      }
      const last = startTidemill({ ...small, env }, ["up"]);
      try {
        const isSettled = async () => (await site.containers()).length === 1 && (await answer()) === "1.0-2";
        await until("it is settled", isSettled, 90_000);
        await delay(3000);
        expect(await isSettled()).toBe(true);
      } finally {
        await last.end("SIGTERM");
      }
      const { failures, answers } = await load.end();
      expect(failures).toEqual([]);
      expect([...answers.keys()].sort()).toEqual(["1.0-1", "1.0-2"]);
    },
    minutes,
  );

  it(
    "is pulled from the server's own registry, and runs on without it",
    async () => {
      const { small, site, answer, close } = await shops.open();
      await close();
      const env = { ...small.env, DOCKER_HOST: process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock" };
      const server = startTidemill({ ...small, env }, ["up"]);
      try {
        await until("it serves", async () => (await answer().catch(() => "")) === "1.0-1", 60_000);
        const [, address] = /http:\/\/(127\.0\.0\.1:\d+)/.exec(server.output()) ?? [];
        const image = await site.docker("inspect", "--format", "{{.Config.Image}}", ...(await site.containers()));
        expect(image.startsWith(`${address}/small-web@sha256:`), `${image} is pulled from ${address}`).toBe(true);
      } finally {
        await server.end("SIGTERM");
      }
      expect(await answer()).toBe("1.0-1");
    },
    minutes,
  );

  it(
    "goes on where a process was ended between the new container and the end of the old one",
    async () => {
      const { run, publish, answer, site, pointer, fleet, clock, operations } = await shops.open({ drain: "5s" });
      await run();
      await publish("1.0-2");
      await operations.hold({ image: "small-web", environment: "production", by: "ada", reason: "later" });
      await run();
      await operations.resume({ image: "small-web", environment: "production", by: "ada", reason: "now" });
      // The deployment alone, so that it can be stopped.
      const { store } = fleet.ctx;
      const stop = new AbortController();
      clock.jump(2 * minute);
      await fleet.work();
      const deploying = deployFleet({ ...fleet.ctx, signal: stop.signal }).catch(() => "stopped");
      await until("both run", async () => (await site.containers()).length === 2, 30_000);
      await delay(500);
      stop.abort();
      expect(await deploying).toBe("stopped");
      expect(await site.containers()).toHaveLength(2);
      expect(await answer()).toMatch(/^1\.0-[12]$/);
      expect(await store.loadDeployments({ states: ["intent"] })).toHaveLength(1);
      await run();
      expect(await site.containers()).toHaveLength(1);
      expect(await answer()).toBe("1.0-2");
      const attempts = await store.loadDeployments({ digest: (await pointer("small-web")) ?? "sha256:" });
      expect(attempts).toMatchObject([{ state: "confirmed" }]);
    },
    minutes,
  );

  it(
    "that cannot run twice ends before the new one begins, and comes back where that fails",
    async () => {
      const ports = ["127.0.0.1::8080"];
      const shop = await shops.open({ order: "stop-first" }, { ports, container_name: `only-${process.pid}` });
      const { run, publish, answer, site, pointer, alarms } = shop;
      await run();
      const [first] = await site.containers();
      await publish("1.0-2");
      await run();
      await until("the new one answers", async () => (await answer()) === "1.0-2", 10_000);
      expect(await site.containers()).toHaveLength(1);
      expect(await site.containers()).not.toContain(first);
      const good = await pointer("small-web");
      await publish("1.0-3", "crash");
      await run();
      await until("the old one answers", async () => (await answer()) === "1.0-2", 10_000);
      expect(await site.containers()).toHaveLength(1);
      expect(await pointer("small-web")).toBe(good);
      expect((await alarms()).map(({ code }) => code)).toContain("deploy-failed");
    },
    minutes,
  );

  it(
    "without a health check is refused, unless it is said how long it has to run",
    async () => {
      const { run, site, alarms, operations, answer, reopen } = await shops.open(
        {},
        { healthcheck: { disable: true } },
      );
      await run();
      expect(await alarms()).toMatchObject([
        { code: "deploy-stuck", message: expect.stringContaining("health check") },
      ]);
      expect(await site.containers()).toEqual([]);
      expect((await operations.status({})).quarantines).toEqual([]);
      const again = await reopen({ steady: "2s" });
      await again.run();
      expect(await again.alarms()).toEqual([]);
      expect(await answer()).toBe("1.0-1");
    },
    minutes,
  );

  it(
    "that a person stopped or replaced is left alone, until one says otherwise",
    async () => {
      const { run, site, alarms, operations, publish, answer } = await shops.open();
      await run();
      await site.docker("rm", "--force", ...(await site.containers()));
      await run();
      expect(await alarms()).toMatchObject([{ code: "deploy-absent" }]);
      expect(await site.containers()).toEqual([]);
      const ask = { image: "small-web", environment: "production", by: "ada", reason: "it is to run" };
      expect(await operations.deploy(ask)).toMatchObject({ kind: "asked", deployments: [{ runs: true }] });
      expect(await answer()).toBe("1.0-1");
      expect(await alarms()).toEqual([]);

      // By its own file, as a person would: another image comes in its place.
      await site.docker("commit", (await site.containers())[0] ?? "", `${site.project}:own`);
      await site.compose("up", "-d", "--no-deps", "web");
      const foreign = await site.containers();
      await publish("1.0-2");
      await run();
      expect(await site.containers()).toEqual(foreign);
      expect(await alarms()).toMatchObject([{ code: "deploy-conflict" }]);
      expect(await operations.deploy(ask)).toMatchObject({ kind: "asked", deployments: [{ runs: true }] });
      expect(await answer()).toBe("1.0-2");
      expect(await site.containers()).toHaveLength(1);
    },
    minutes,
  );
});
