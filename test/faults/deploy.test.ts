import { describe, expect, it } from "vitest";
import { probeEnvironments } from "../../src/loop/promote/index.ts";
import { deployEnvironments } from "../../src/loop/deploy-environments.ts";
import type { Digest } from "../../src/lib/index.ts";
import { smallFleets, type Started } from "./fixture.ts";
import { expectInvariants } from "./invariants.ts";
import { startSickService } from "./sick-service.ts";
import { minute, smallPackages, until, type Change } from "./small-fleet.ts";
import { createSmallSystem, type SmallSystem } from "./small-system.ts";

const fleets = smallFleets();
const update = (version: string) => smallPackages({ "small-gauge": version });

interface Deployed extends Started {
  readonly system: SmallSystem;
  /** What runs of the image that stands apart. */
  readonly runs: () => Promise<string | undefined>;
  readonly place: () => Promise<
    { readonly digest: Digest | null; readonly since: string | null; readonly waiting: string | null } | undefined
  >;
  /** A new version of it. */
  readonly publish: (version: string) => Promise<void>;
}

/** Three images in production, of which a system runs the one that stands apart. */
async function startDeployed(change: (system: SmallSystem) => Change = () => ({})): Promise<Deployed> {
  const small = await fleets.create();
  const system = await createSmallSystem(small.folder);
  const shop = { environment: "production", images: ["small-alone"], command: system.command };
  await small.configure({ deployments: { shop }, ...change(system) });
  const started = await fleets.open(small);
  return {
    ...started,
    system,
    runs: () => system.runs("small-alone"),
    place: async () =>
      (await started.operations.status({ image: "small-alone" })).images[0]?.environments
        .flatMap(({ deployments }) => deployments)
        .at(-1),
    publish: async (version) => small.publish(update(version)),
  };
}

/** Deploys on the machine's timers, as a server does, until the end of the test. */
function startDeploying({ fleet }: Started): void {
  const stop = new AbortController();
  const running = Promise.all([deployEnvironments(fleet.ctx, stop.signal), probeEnvironments(fleet.ctx, stop.signal)]);
  fleets.onEnd(async () => {
    stop.abort();
    await running;
  });
}

describe("a system that is deployed to", () => {
  it("is made to use what its environment names, is seen to, and said to", { timeout: 180_000 }, async () => {
    const started = await startDeployed();
    const { run, pointer, runs, place, system, publish, events, clock } = started;
    expect(await run()).toMatchObject({ built: 3, failed: 0 });
    const first = await pointer("small-alone");
    expect(await runs()).toBe(first);
    expect(await place()).toEqual({ name: "shop", digest: first, since: expect.any(String), waiting: null });
    expect(events.filter(({ kind }) => kind === "deployed")).toMatchObject([{ image: "small-alone", digest: first }]);
    // Nothing is deployed twice.
    await run();
    expect(await system.calls()).toMatchObject([{ action: "apply", digest: first }]);

    clock.jump(minute);
    await publish("1.0-2");
    await run();
    const second = await pointer("small-alone");
    expect(second).not.toBe(first);
    expect(await runs()).toBe(second);
    const [, call] = await system.calls();
    expect(call).toMatchObject({ action: "apply", digest: second });
    await expectInvariants(started);
  });

  it("begins the soak: what does not run yet does not soak", { timeout: 180_000 }, async () => {
    const started = await startDeployed((system) => ({
      environments: [{ name: "staging", soak: "10m" }, { name: "production" }],
      deployments: { lab: { environment: "staging", images: ["small-alone"], command: system.command } },
    }));
    const { run, pointer, system, operations, clock, place, alarms } = started;
    await system.behave({ broken: true });
    await run();
    const staged = await pointer("small-alone", "staging");
    clock.jump(60 * minute);
    await run();
    // An hour in staging, but nothing runs there: the others have soaked.
    expect(await pointer("small-app")).toBeDefined();
    expect(await pointer("small-alone")).toBeUndefined();
    const [waiting] = (await operations.status({ image: "small-alone" })).rebuilds;
    expect(waiting?.reason).toContain("it does not run in staging yet: lab: ");
    expect(waiting?.reason).toContain("the system is away");
    expect(await alarms()).toMatchObject([{ code: "deploy-stuck", subject: "small-alone in lab" }]);

    await system.behave({});
    await run();
    expect(await place()).toMatchObject({ digest: staged, waiting: null });
    expect(await alarms()).toEqual([]);
    expect(await pointer("small-alone")).toBeUndefined();
    clock.jump(9 * minute);
    await run();
    expect(await pointer("small-alone")).toBeUndefined();
    clock.jump(2 * minute);
    await run();
    expect(await pointer("small-alone")).toBe(staged);
  });

  it(
    "that does not take a digest gets the old one back, and so does the environment",
    { timeout: 180_000 },
    async () => {
      const started = await startDeployed();
      const { run, pointer, tag, runs, place, system, publish, operations, alarms, version } = started;
      await run();
      const good = await pointer("small-alone");
      await publish("1.0-2");
      // Its candidate has a name only once it is made.
      await system.behave({ broken: true });
      await run();
      const bad = await pointer("small-alone");
      if (bad === undefined || bad === good) throw new Error("nothing was promoted");
      await system.behave({ refuses: [bad] });
      await run();
      expect([await pointer("small-alone"), await tag("small-alone"), await runs()]).toEqual([good, good, good]);
      expect(await place()).toMatchObject({ digest: good, since: expect.any(String), waiting: null });
      const status = await operations.status({ image: "small-alone" });
      expect(status.quarantines).toMatchObject([{ digest: bad, reason: expect.stringContaining("it does not start") }]);
      expect((await alarms()).map(({ code }) => code)).toContain("deploy-failed");
      const actions = (await system.calls()).map(({ action, digest }) => [action, digest]);
      expect(actions).toEqual([
        ["apply", good],
        ["apply", bad],
        ["undo", good],
      ]);
      await run();
      expect((await system.calls()).length).toBe(3);

      await publish("1.0-3");
      await run();
      expect(await version("small-alone", "small-gauge")).toBe("1.0-3");
      expect(await runs()).toBe(await pointer("small-alone"));
      expect((await alarms()).map(({ code }) => code)).not.toContain("deploy-failed");
      await expectInvariants(started);
    },
  );

  it("that does not take the first one is told of and left alone", { timeout: 180_000 }, async () => {
    const { run, pointer, system, place, alarms, operations } = await startDeployed();
    await system.behave({ broken: true });
    await run();
    const only = await pointer("small-alone");
    if (only === undefined) throw new Error("nothing was promoted");
    await system.behave({ refuses: [only] });
    await run();
    await run();
    expect((await alarms()).map(({ code }) => code)).toContain("deploy-failed");
    expect((await operations.status({})).quarantines).toMatchObject([{ digest: only }]);
    expect(await place()).toMatchObject({ digest: null, waiting: "it failed, and there is nothing to go back to" });
    expect((await system.calls()).filter(({ action }) => action === "apply")).toHaveLength(1);
  });

  it(
    "that is away is told of and tried again; nothing is quarantined or goes back for it",
    { timeout: 180_000 },
    async () => {
      const started = await startDeployed();
      const { run, pointer, runs, system, publish, operations, alarms } = started;
      await run();
      const old = await runs();
      await publish("1.0-2");
      await system.behave({ broken: true });
      await run();
      const wanted = await pointer("small-alone");
      expect(await runs()).toBe(old);
      expect(await alarms()).toMatchObject([
        { code: "deploy-stuck", message: expect.stringContaining("the system is away") },
      ]);
      expect((await operations.status({})).quarantines).toEqual([]);
      const shop = async () => (await operations.doctor({})).checks.find(({ name }) => name === "deployment shop");
      expect(await shop()).toMatchObject({ state: "failed", message: expect.stringContaining("the system is away") });
      await system.behave({});
      await run();
      expect(await runs()).toBe(wanted);
      expect(await shop()).toMatchObject({ state: "ok" });
      expect(await alarms()).toEqual([]);
    },
  );

  it("may run something else before the first deployment, and is taken over", { timeout: 180_000 }, async () => {
    const { run, pointer, runs, system } = await startDeployed();
    await system.make("small-alone", `sha256:${"1".repeat(64)}`);
    await run();
    expect(await runs()).toBe(await pointer("small-alone"));
  });
});

describe("somebody else who changes what a system runs", () => {
  it("to what was good there is obeyed: the environment goes back and is held", { timeout: 180_000 }, async () => {
    const started = await startDeployed();
    const { run, pointer, tag, runs, system, publish, operations } = started;
    await run();
    const good = await pointer("small-alone");
    await publish("1.0-2");
    await run();
    const left = await pointer("small-alone");
    if (good === undefined) throw new Error("nothing runs");
    await system.make("small-alone", good);
    await run();
    expect([await pointer("small-alone"), await tag("small-alone"), await runs()]).toEqual([good, good, good]);
    const status = await operations.status({ image: "small-alone" });
    expect(status.holds).toMatchObject([{ environment: "production", setBy: "person", by: "somebody, at shop" }]);
    expect(status.quarantines).toMatchObject([{ digest: left }]);
    await publish("1.0-3");
    await run();
    expect(await runs()).toBe(good);
    await expectInvariants(started);
  });

  it("to anything else is never overwritten, and shown until a person decides", { timeout: 180_000 }, async () => {
    const started = await startDeployed();
    const { run, runs, system, publish, alarms, place, operations, pointer } = started;
    await run();
    const foreign = `sha256:${"1".repeat(64)}`;
    await system.make("small-alone", foreign);
    await run();
    expect((await operations.status({ image: "small-alone" })).images[0]).toMatchObject({
      state: "unknown",
      reason: expect.stringContaining("it does not run in production: shop: somebody else"),
    });
    await publish("1.0-2");
    await run();
    expect(await runs()).toBe(foreign);
    expect(await alarms()).toMatchObject([{ code: "deploy-conflict", message: expect.stringContaining(foreign) }]);
    expect(await place()).toMatchObject({ since: null, waiting: expect.stringContaining(foreign) });

    const wanted = await pointer("small-alone");
    const ask = { image: "small-alone", environment: "production", by: "ada", reason: "it is ours" };
    const planned = await operations.deploy({ ...ask, dryRun: true });
    expect(planned).toMatchObject({ kind: "planned", digest: wanted, deployments: [{ name: "shop", problem: null }] });
    expect(await runs()).toBe(foreign);
    expect(await operations.deploy(ask)).toMatchObject({ kind: "asked", deployments: [{ name: "shop", runs: true }] });
    expect(await runs()).toBe(wanted);
    expect(await alarms()).toEqual([]);
    expect(await operations.deploy(ask)).toMatchObject({ kind: "unchanged" });
    const { events } = await operations.history({ image: "small-alone", limit: 1 });
    expect(events).toMatchObject([{ kind: "deployed", by: "ada", to: wanted }]);
    const { deployments } = await operations.why({ image: "small-alone" });
    expect(deployments.at(-1)).toMatchObject({ name: "shop", state: "deployed", by: "ada", reason: "it is ours" });
    expect(await operations.deploy({ ...ask, image: "small-app" })).toMatchObject({ kind: "refused" });
    await expectInvariants(started);
  });
});

describe("a system that takes its time", () => {
  it(
    "is asked for what the environment names by then: a way back waits for nothing",
    { timeout: 180_000 },
    async () => {
      const started = await startDeployed();
      const { run, pointer, runs, system, publish, operations, alarms } = started;
      await run();
      const good = await runs();
      await publish("1.0-2");
      await system.behave({ broken: true });
      await run();
      const slow = await pointer("small-alone");
      if (slow === undefined) throw new Error("nothing was promoted");
      await system.behave({ slow });
      startDeploying(started);
      await until("it is under way", () => system.isSlow(), 10_000);
      await operations.rollback({ image: "small-alone", environment: "production", by: "ada", reason: "it is slow" });
      const began = Date.now();
      await until("it is settled", async () => (await started.place())?.since !== null, 10_000);
      expect(Date.now() - began).toBeLessThan(8000);
      expect([await runs(), await pointer("small-alone")]).toEqual([good, good]);
      await until("its alarm is over", async () => (await alarms()).length === 0, 5000);
      await expectInvariants(started);
    },
  );
});

describe("a system that runs what turns unhealthy", () => {
  it("runs the old digest again within seconds, held to nothing", { timeout: 180_000 }, async () => {
    const service = await startSickService();
    fleets.onEnd(() => service.close());
    const home = { name: "home", http: { url: service.url }, images: ["small-alone"], every: "100ms" };
    const started = await startDeployed((system) => ({
      environments: [{ name: "staging" }, { name: "production", soak: "1h", probes: [home] }],
      deployments: { shop: { environment: "production", images: ["small-alone"], command: system.command } },
    }));
    const { run, pointer, runs, publish, operations } = started;
    await run();
    const good = await runs();
    await publish("1.0-2");
    await run();
    const bad = await pointer("small-alone");
    expect(await runs()).toBe(bad);
    // What the service is, is what the system runs.
    service.isWell = async () => (await runs()) !== bad;
    await operations.hold({ image: "small-alone", environment: "production", by: "ada", reason: "fair" });
    const sick = Date.now();
    startDeploying(started);
    await until("the old one runs", async () => (await runs()) === good, 15_000);
    expect(Date.now() - sick).toBeLessThan(10_000);
    await until("it is said to", async () => (await pointer("small-alone")) === good, 5000);
    await expectInvariants(started);
  });
});
