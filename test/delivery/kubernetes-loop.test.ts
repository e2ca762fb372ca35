import { setTimeout as delay } from "node:timers/promises";
import { describe, expect } from "vitest";
import { sha256, type Digest } from "../../src/lib/index.ts";
import { deployEnvironments } from "../../src/loop/deploy-environments.ts";
import type { Status } from "../../src/operation/index.ts";
import { smallFleets, type Started } from "../faults/fixture.ts";
import { expectInvariants } from "../faults/invariants.ts";
import { startTidemill } from "../faults/processes.ts";
import { smallPackages, until, type OpenFleet, type SmallFleet } from "../faults/small-fleet.ts";
import { undoRollout, withCluster, type SmallCluster } from "./testdata/small-cluster.ts";

const minute = 60_000;
const fleets = smallFleets();
let cluster: SmallCluster;
const it = await withCluster((started) => (cluster = started));

interface DeploymentObject {
  readonly metadata: { readonly annotations: Readonly<Record<string, string>> };
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: readonly { readonly image: string }[] } };
  };
}

/** A fleet whose image that stands apart runs as a Deployment of the cluster. */
interface Shop {
  readonly small: SmallFleet;
  readonly namespace: string;
  /** By another path the kubeconfig is not there, and no cluster is reached. */
  readonly configure: (kubeconfig?: string) => Promise<void>;
  readonly publish: (version: string) => Promise<void>;
  readonly deployment: () => Promise<DeploymentObject>;
  /** What the Deployment names. */
  readonly named: () => Promise<string | undefined>;
  /** What its pods name, each digest once. */
  readonly running: () => Promise<readonly string[]>;
}

let count = 0;
async function openShop(): Promise<Shop> {
  count += 1;
  const namespace = `loop-${count}`;
  await cluster.ask("POST", "/api/v1/namespaces", { metadata: { name: namespace } });
  const labels = { app: "web" };
  const containers = [{ name: "web", image: "registry.example/web:stable" }];
  const group = `/apis/apps/v1/namespaces/${namespace}/deployments`;
  await cluster.ask("POST", group, {
    metadata: { name: "web", labels },
    spec: { replicas: 2, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
  });
  const small = await fleets.create();
  const configure = (kubeconfig = cluster.kubeconfig("admin")): Promise<void> =>
    small.configure({
      watch: { interval: "1h" },
      deployments: {
        shop: {
          environment: "production",
          images: ["small-alone"],
          deadline: "60s",
          kubernetes: {
            kubeconfig,
            namespaces: [namespace],
            workloads: ["deployment/web"],
            containers: { "small-alone": ["web"] },
          },
        },
      },
    });
  await configure();
  const deployment = async (): Promise<DeploymentObject> =>
    (await cluster.ask("GET", `${group}/web`)) as DeploymentObject;
  return {
    small,
    namespace,
    configure,
    publish: (version) => small.publish(smallPackages({ "small-gauge": version })),
    deployment,
    named: async () => (await deployment()).spec.template.spec.containers[0]?.image.split("@")[1],
    running: async () => {
      const { items } = (await cluster.ask("GET", `/api/v1/namespaces/${namespace}/pods`)) as {
        readonly items: readonly { readonly spec: { readonly containers: readonly { readonly image: string }[] } }[];
      };
      return [...new Set(items.map(({ spec }) => spec.containers[0]?.image.split("@")[1] ?? "a tag"))];
    },
  };
}

/** How the node takes digests that nobody has seen yet: those that are still to be built. */
function behaveNext(how: Parameters<SmallCluster["behave"]>[1]): void {
  cluster.behave("*", how);
  fleets.onEnd(() => {
    cluster.behave("*", "ready");
    return Promise.resolve();
  });
}

async function deployFirst(shop: Shop): Promise<Started & { readonly good: Digest }> {
  const started = await fleets.open(shop.small);
  expect(await started.run()).toMatchObject({ built: 3, failed: 0, alarms: [] });
  const good = await started.pointer("small-alone");
  if (good === undefined) throw new Error("nothing was promoted");
  expect(await shop.named()).toBe(good);
  cluster.behave(good, "ready");
  return { ...started, good };
}

describe("the whole loop, with a real API server", () => {
  it(
    "brings a fix to a Deployment with its cause, and takes back what crashes",
    async () => {
      const shop = await openShop();
      const started = await deployFirst(shop);
      const { run, pointer, good, alarms, operations, version } = started;
      await shop.publish("1.0-2");
      expect(await run()).toMatchObject({ rebuilt: 1, failed: 0, alarms: [] });
      const fixed = await pointer("small-alone");
      expect(fixed).not.toBe(good);
      expect(await version("small-alone", "small-gauge")).toBe("1.0-2");
      expect(await shop.named()).toBe(fixed);
      await expect.poll(() => shop.running(), { timeout: 20_000 }).toEqual([fixed]);
      const { annotations } = (await shop.deployment()).metadata;
      expect(annotations["kubernetes.io/change-cause"]).toMatch(/small-gauge.*1\.0-2/);
      if (fixed === undefined) throw new Error("nothing was promoted");
      cluster.behave(fixed, "ready");

      behaveNext("crash");
      await shop.publish("1.0-3");
      await run();
      await run();
      expect([await pointer("small-alone"), await shop.named()]).toEqual([fixed, fixed]);
      await expect.poll(() => shop.running(), { timeout: 20_000 }).toEqual([fixed]);
      expect((await alarms()).map(({ code }) => code)).toContain("deploy-failed");
      const { quarantines } = await operations.status({ image: "small-alone" });
      expect(quarantines).toMatchObject([{ reason: expect.stringMatching(/CrashLoopBackOff; it ended with 3/) }]);
      await expectInvariants(started);
    },
    4 * minute,
  );

  it(
    "obeys a person who undoes the rollout in the middle of it: the environment goes back and is held, with the reason",
    async () => {
      const shop = await openShop();
      const started = await deployFirst(shop);
      const { run, pointer, good, operations, alarms } = started;
      behaveNext("slow");
      await shop.publish("1.0-2");
      const running = run();
      await until("the next one is on its way", async () => (await shop.running()).length === 2, minute);
      const next = await pointer("small-alone");
      expect(next).not.toBe(good);
      await undoRollout(cluster, shop.namespace, "web");
      await running;
      await run();
      expect([await pointer("small-alone"), await shop.named()]).toEqual([good, good]);
      await expect.poll(() => shop.running(), { timeout: 20_000 }).toEqual([good]);
      const status = await operations.status({ image: "small-alone" });
      expect(status.holds).toMatchObject([
        {
          environment: "production",
          setBy: "person",
          by: "somebody, at shop",
          reason: expect.stringContaining("took out"),
        },
      ]);
      expect(status.quarantines).toMatchObject([{ digest: next }]);
      expect((await alarms()).map(({ code }) => code)).not.toContain("deploy-failed");
      await shop.publish("1.0-3");
      await run();
      expect(await shop.named()).toBe(good);
      await expectInvariants(started);
    },
    4 * minute,
  );
});

describe("a server that deploys to a cluster", () => {
  it(
    "hears of a hand's change from the cluster, and looks then, not at the next time that it would ask",
    async () => {
      const shop = await openShop();
      const started = await deployFirst(shop);
      const { ctx } = started.fleet;
      let looks = 0;
      const targetOf: typeof ctx.targetOf = (name) => {
        const target = ctx.targetOf(name);
        return {
          ...target,
          observe: (place, signal) => {
            looks += 1;
            return target.observe(place, signal);
          },
        };
      };
      const stop = new AbortController();
      const running = deployEnvironments({ ...ctx, targetOf }, stop.signal);
      fleets.onEnd(async () => {
        stop.abort();
        await running;
      });
      // The first, and the one for what was before the cluster told of changes.
      await expect.poll(() => looks, { timeout: 20_000 }).toBe(2);
      const image = `registry.example/web@${sha256("by hand")}`;
      await cluster.ask("PATCH", `/apis/apps/v1/namespaces/${shop.namespace}/deployments/web`, {
        spec: { template: { spec: { containers: [{ name: "web", image }] } } },
      });
      const codes = async () => (await started.alarms()).map(({ code }) => code);
      // Without being told, the next look is half a minute away.
      await expect.poll(codes, { timeout: 15_000 }).toContain("deploy-conflict");
      expect(await shop.named()).toBe(sha256("by hand"));
    },
    4 * minute,
  );
});

describe("a check in a cluster, with a real API server", () => {
  it(
    "keeps out what its Job fails with, shows what it said, and waits where there is no cluster to ask",
    async () => {
      const namespace = "loop-checks";
      await cluster.ask("POST", "/api/v1/namespaces", { metadata: { name: namespace } });
      const small = await fleets.create();
      const configure = (kubeconfig = cluster.kubeconfig("admin")): Promise<void> => {
        const job = { kubeconfig, namespace, command: ["small-gauge", "--check"] };
        const staging = { name: "staging", checks: [{ name: "gauge", job, timeout: "30s" }] };
        return small.configure({ watch: { interval: "1h" }, environments: [staging, { name: "production" }] });
      };
      const publish = (version: string) => small.publish(smallPackages({ "small-gauge": version }));
      await configure();
      // Digests follow from what is in them: those of the other tests are known to the node already.
      await publish("3.0-1");
      behaveNext({ exit: 0, log: "it measures" });
      const started = await fleets.open(small);
      const alone = ["small-alone"];
      expect(await started.run(alone)).toMatchObject({ built: 1, failed: 0 });
      const good = await started.pointer("small-alone");
      expect(good).toBeDefined();
      expect(await started.operations.log({ image: "small-alone", check: "gauge" })).toMatchObject({
        check: { name: "job: gauge (linux/amd64)", verdict: "passed" },
        lines: ["it measures"],
      });

      cluster.behave("*", { exit: 3, log: "it does not measure" });
      await publish("3.0-2");
      expect(await started.run(alone)).toMatchObject({ failed: 1 });
      expect(await started.pointer("small-alone")).toBe(good);
      const log = await started.operations.log({ image: "small-alone", check: "gauge" });
      expect(log).toMatchObject({ check: { verdict: "failed" }, lines: ["it does not measure"] });
      const why = await started.operations.why({ image: "small-alone", digest: log.check?.digest ?? "" });
      expect(JSON.stringify(why)).toContain("candidate ended with status 3");
      await expectInvariants(started);
      await started.close();

      cluster.behave("*", { exit: 0 });
      await configure("gone.yaml");
      await publish("3.0-3");
      const away = await fleets.open(small);
      await away.run(alone);
      expect(await away.pointer("small-alone")).toBe(good);
      await away.close();
      await configure();
      const back = await fleets.open(small);
      back.clock.jump(11 * minute);
      await back.run(alone);
      expect(await back.version("small-alone", "small-gauge")).toBe("3.0-3");
      const left = await cluster.ask("GET", `/apis/batch/v1/namespaces/${namespace}/jobs`);
      expect(left).toMatchObject({ items: [] });
    },
    4 * minute,
  );
});

async function look<T>(small: SmallFleet, ask: (open: OpenFleet) => Promise<T>): Promise<T> {
  const open = await small.open();
  try {
    return await ask(open);
  } finally {
    await open.close();
  }
}

/** A fleet whose next image is promoted and not deployed yet, for no cluster was reached; now one is. */
async function startPromoted(): Promise<{ readonly shop: Shop; readonly good: Digest; readonly next: Digest }> {
  const shop = await openShop();
  const first = await deployFirst(shop);
  const { good } = first;
  await first.close();
  await shop.configure("gone.yaml");
  await shop.publish("1.0-2");
  const next = await look(shop.small, async ({ run, pointer, alarms }) => {
    await run();
    expect((await alarms()).map(({ code }) => code)).toContain("deploy-stuck");
    return pointer("small-alone");
  });
  if (next === undefined || next === good) throw new Error("nothing was promoted");
  await shop.configure();
  return { shop, good, next };
}

describe("FAULTS 23: a deployment to a cluster whose worker is killed", () => {
  for (const how of ["ready", "crash"] as const)
    it(
      `in the moment of its patch and at any other ends as one that was not (${how})`,
      async () => {
        const { shop, good, next } = await startPromoted();
        const { small } = shop;
        cluster.behave(next, how);
        const wanted = how === "ready" ? next : good;
        for (let round = 0; round < 4; round += 1) {
          const running = startTidemill(small, ["up"]);
          const changed = until("it is patched", async () => (await shop.named()) === next, 20_000).catch(
            () => undefined,
          );
          // The first is killed as soon as the server has its patch, the others wherever they are.
          await (round === 0 ? changed : delay(1500 + round * 700 + Math.random() * 1000));
          await running.end("SIGKILL");
          await changed;
          await look(small, expectInvariants);
        }
        const running = startTidemill(small, ["up"]);
        fleets.onEnd(async () => void (await running.end("SIGKILL")));
        await until("the server is there", () => Promise.resolve(/http:\/\//.test(running.output())), 30_000);
        const isSettled = async (): Promise<boolean> => {
          const asked = await small.tidemill(["status", "small-alone", "--json"]);
          if (asked.status !== 0) return false;
          const place = (JSON.parse(asked.out) as Status).images[0]?.environments.at(-1);
          const [one] = place?.deployments ?? [];
          return place?.digest === wanted && one?.digest === wanted && one.since !== null;
        };
        await until("it is settled", isSettled, 90_000);
        await running.end("SIGKILL");
        expect(await shop.named()).toBe(wanted);
        await expect.poll(() => shop.running(), { timeout: 20_000 }).toEqual([wanted]);
        await look(small, async (open) => {
          await expectInvariants(open);
          const { store } = open.fleet.ctx;
          const attempts = await store.loadDeployments({ name: "shop", image: "small-alone" });
          expect(attempts.filter(({ finishedAt }) => finishedAt === null)).toEqual([]);
          // Nobody but us was there: no kill is taken for a person's hand.
          expect(await store.loadHolds("small-alone")).toEqual([]);
          const moves = await store.loadPromotions({ image: "small-alone", environment: "production" });
          const back = moves.filter(({ kind, state }) => kind === "rollback" && state === "confirmed");
          expect(back).toHaveLength(how === "ready" ? 0 : 1);
        });
      },
      5 * minute,
    );
});
