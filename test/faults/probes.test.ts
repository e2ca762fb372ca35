import { describe, expect, it } from "vitest";
import { probeEnvironments, retainDigests } from "../../src/loop/promote/index.ts";
import type { Digest } from "../../src/lib/index.ts";
import { smallFleets, type Started } from "./fixture.ts";
import { expectInvariants } from "./invariants.ts";
import { startSickService, type SickService } from "./sick-service.ts";
import { hour, smallPackages, until, type Change, type SmallFleet } from "./small-fleet.ts";

const fleets = smallFleets();
const update = (version: string) => smallPackages({ "small-gauge": version });

type Document = Record<string, unknown>;

interface Probed extends Started {
  readonly service: SickService;
  readonly probe: () => void;
  /** Makes the service sick wherever it runs one of these. */
  readonly sicken: (...digests: (Digest | undefined)[]) => void;
}

/** Three images in production; after that an update of one is asked after by a probe. */
async function startProbed(production: Document, probe: Document = {}): Promise<Probed> {
  const service = await startSickService();
  fleets.onEnd(() => service.close());
  const small = await fleets.create();
  const first = await fleets.open(small);
  await first.run();
  await first.close();
  const home = {
    name: "home",
    http: { url: service.url },
    images: ["small-alone"],
    every: "100ms",
    timeout: "2s",
    ...probe,
  };
  const change: Change = {
    environments: [{ name: "staging" }, { name: "production", probes: [home], ...production }],
  };
  await small.configure(change);
  const started = await fleets.open(small);
  return {
    ...started,
    service,
    sicken: (...digests) => {
      service.isWell = async () => !digests.includes(await started.tag("small-alone"));
    },
    probe: () => void startProbes(started),
  };
}

/** Asks on the machine's timers, as a server does, until the end of the test or the call of what it gives. */
function startProbes({ fleet }: Started): () => Promise<void> {
  const stop = new AbortController();
  const running = probeEnvironments(fleet.ctx, stop.signal);
  const end = async (): Promise<void> => {
    stop.abort();
    await running;
  };
  fleets.onEnd(end);
  return end;
}

describe("FAULTS 29: an image that turns unhealthy in its soak", () => {
  it(
    "is taken back, quarantined and told of with the evidence; the next one with other content goes on",
    { timeout: 180_000 },
    async () => {
      const probed = await startProbed({ soak: "2s" });
      const { small, run, pointer, tag, alarms, operations, events, service, version } = probed;
      const good = await pointer("small-alone");
      await small.publish(update("1.0-2"));
      await run();
      const bad = await pointer("small-alone");
      expect(bad).not.toBe(good);
      probed.probe();
      // Healthy for a good part of its soak, then sick.
      await until("it has soaked for a while", async () => (await stoodIn(probed, "production")) > 800, 10_000);
      expect(await pointer("small-alone")).toBe(bad);
      const place = async () => (await operations.status({ image: "small-alone" })).images[0]?.environments.at(-1);
      expect((await place())?.soak).toEqual({ until: expect.any(String), trouble: null });
      probed.sicken(bad);
      const sick = Date.now();
      await until("the old one serves", async () => (await tag("small-alone")) === good, 10_000);
      expect(Date.now() - sick).toBeLessThan(10_000);
      await until("the pointer says so", async () => (await pointer("small-alone")) === good, 5000);

      const [alarm] = await alarms();
      expect(alarm).toMatchObject({ code: "probe-failing", subject: "small-alone:production" });
      expect(alarm?.message).toMatch(/the probe home failed 3 times in a row since .*: it answered 503/);
      // Told a moment after the pointer moved.
      await until("it is told", () => Promise.resolve(events.some(({ kind }) => kind === "rolled-back")), 10_000);
      const [back] = await probed.fleet.ctx.store.loadPromotions({
        image: "small-alone",
        environment: "production",
        limit: 1,
      });
      expect(back).toMatchObject({
        kind: "rollback",
        by: "tidemill",
        detail: { probe: "home", passed: [false, false, false] },
      });
      const status = await operations.status({ image: "small-alone" });
      expect(status.quarantines).toMatchObject([{ digest: bad, by: "tidemill" }]);
      // No pass has looked since: nobody may read that it runs all that is offered.
      expect(status.images).toMatchObject([
        { state: "held", reason: expect.stringContaining("was left (tidemill): ") },
      ]);

      // It is asked after the old one as well, which is well, and nothing comes back.
      await run();
      expect(await pointer("small-alone")).toBe(good);
      expect((await operations.plan({})).held).toMatchObject([{ image: "small-alone", kind: "quarantine" }]);
      await small.publish(update("1.0-3"));
      await run();
      expect(await version("small-alone", "small-gauge")).toBe("1.0-3");
      await until("the alarm is over with the soak", async () => (await alarms()).length === 0, 15_000);
      expect(service.asked()).toBeGreaterThan(10);
      await expectInvariants(probed);
    },
  );

  it("that comes and goes is found by a window of answers", { timeout: 180_000 }, async () => {
    const probed = await startProbed({ soak: "1m" }, { failures: { count: 3, of: 8 } });
    const good = await probed.pointer("small-alone");
    await probed.small.publish(update("1.0-2"));
    await probed.run();
    const bad = await probed.pointer("small-alone");
    let turn = 0;
    probed.service.isWell = async () => (await probed.tag("small-alone")) !== bad || (turn += 1) % 3 !== 0;
    probed.probe();
    await until("it is taken back", async () => (await probed.pointer("small-alone")) === good, 15_000);
    expect((await probed.alarms())[0]?.message).toContain("3 of ");
  });

  it("goes to nothing that cannot be pulled: it is held and told of", { timeout: 180_000 }, async () => {
    const probed = await startProbed({ soak: "1m" });
    const { fleet, small, run, pointer, tag, alarms, operations } = probed;
    const good = await pointer("small-alone");
    await small.publish(update("1.0-2"));
    await run();
    const bad = await pointer("small-alone");
    if (good === undefined) throw new Error("nothing runs");
    await fleet.ctx.repositoryOf("small-alone").deleteManifest(good);
    probed.sicken(bad);
    probed.probe();
    await until("it is held", async () => (await operations.status({})).holds.length > 0, 15_000);
    expect(await operations.status({})).toMatchObject({
      holds: [
        {
          image: "small-alone",
          environment: "production",
          setBy: "tidemill",
          reason: expect.stringContaining("cannot be pulled"),
        },
      ],
      quarantines: [{ digest: bad }],
    });
    expect(await alarms()).toMatchObject([{ code: "probe-failing" }]);
    expect([await pointer("small-alone"), await tag("small-alone")]).toEqual([bad, bad]);
    const back = { image: "small-alone", environment: "production", digest: good, by: "ada", reason: "sick" };
    expect(await operations.rollback(back)).toMatchObject({ kind: "refused", reasons: [/cannot be pulled/] });
  });

  it(
    "is not taken back a second time where what it was taken back to fails as well",
    { timeout: 180_000 },
    async () => {
      const probed = await startProbed({ soak: "1m" });
      const { small, run, pointer, alarms, fleet } = probed;
      const good = await pointer("small-alone");
      await small.publish(update("1.0-2"));
      await run();
      probed.service.isWell = () => false;
      probed.probe();
      await until("it is taken back", async () => (await pointer("small-alone")) === good, 15_000);
      const asked = probed.service.asked();
      await until("the old one was asked after", () => Promise.resolve(probed.service.asked() > asked + 10), 15_000);
      expect(await pointer("small-alone")).toBe(good);
      expect(await alarms()).toMatchObject([{ code: "probe-failing" }]);
      const moves = await fleet.ctx.store.loadPromotions({ image: "small-alone", environment: "production" });
      expect(moves.filter(({ kind }) => kind === "rollback")).toHaveLength(1);
    },
  );

  it("and what it goes back to is never collected, however long ago it was good", { timeout: 180_000 }, async () => {
    const probed = await startProbed({ soak: "1m" });
    const { small, run, pointer, tag, fleet, clock, operations } = probed;
    const good = await pointer("small-alone");
    await small.publish(update("1.0-2"));
    await run();
    const bad = await pointer("small-alone");
    clock.jump(90 * 24 * hour);
    expect(await operations.retention({ image: "small-alone" })).toMatchObject({
      images: [
        {
          image: "small-alone",
          keep: expect.arrayContaining([
            expect.objectContaining({ digest: bad, why: "named" }),
            expect.objectContaining({ digest: good, why: "way-back" }),
          ]),
          drop: [],
        },
      ],
    });
    await expect(operations.retention({ image: "none" })).rejects.toMatchObject({ code: "NOT_FOUND" });
    await retainDigests(fleet.ctx, fleet.registry);
    probed.sicken(bad);
    probed.probe();
    await until("the old one serves", async () => (await tag("small-alone")) === good, 15_000);
    await expectInvariants(probed);
  });
});

/** A fleet whose staging is asked after all through a soak of a second and a half, and whose first candidates are in production. */
async function startSoaking(small: SmallFleet, url: string): Promise<Started> {
  const home = { name: "home", http: { url }, images: ["small-alone"], every: "100ms" };
  await small.configure({
    environments: [{ name: "staging", soak: "1500ms", probes: [home] }, { name: "production" }],
  });
  return fleets.open(small);
}

const stoodIn = async ({ fleet }: Started, environment: string): Promise<number> =>
  (await fleet.ctx.store.loadSoaks("small-alone")).find((one) => one.environment === environment)?.stoodMs ?? 0;

describe("FAULTS 26: a soak that probes watch", () => {
  it(
    "ends by what was watched: a clock put forward or a stopped process counts for nothing, and it goes on where it was",
    { timeout: 180_000 },
    async () => {
      const service = await startSickService();
      fleets.onEnd(() => service.close());
      const small = await fleets.create();
      const first = await fleets.open(small);
      await first.run();
      await first.close();
      const started = await startSoaking(small, service.url);
      const { run, pointer, clock, operations } = started;
      const before = await pointer("small-alone");
      await small.publish(update("1.0-2"));
      await run();
      clock.jump(24 * hour);
      await run();
      // A day has gone by, and nobody watched.
      expect(await pointer("small-alone")).toBe(before);
      const [waiting] = (await operations.status({ image: "small-alone" })).rebuilds;
      expect(waiting?.reason).toContain("has not asked yet");

      const end = startProbes(started);
      await until("half of it", async () => (await stoodIn(started, "staging")) > 300, 10_000);
      clock.set(24 * hour);
      await until("more of it", async () => (await stoodIn(started, "staging")) > 600, 10_000);
      clock.set(-48 * hour);
      await end();
      const half = await stoodIn(started, "staging");
      expect(half).toBeLessThan(1500);
      clock.jump(24 * hour);
      await run();
      expect(await pointer("small-alone")).toBe(before);
      await started.close();

      const again = await fleets.open(small);
      startProbes(again);
      await until("all of it", async () => (await stoodIn(again, "staging")) >= 1500, 10_000);
      // The clock that was wrong said when to look again.
      again.clock.jump(72 * hour);
      await again.run();
      expect(await again.pointer("small-alone")).not.toBe(before);
    },
  );
});
