import { describe, expect, it } from "vitest";
import type { Digest } from "../../src/lib/index.ts";
import { smallFleets, type Started } from "./fixture.ts";
import { expectInvariants } from "./invariants.ts";
import { hour, minute, smallPackages } from "./small-fleet.ts";

const fleets = smallFleets();
const gauge = (version: string) => smallPackages({ "small-gauge": version });

/** Moves production of small-alone by hand, as a registry's own tools do. */
async function moveTag({ fleet }: Started, to: Digest | undefined): Promise<void> {
  if (to === undefined) throw new Error("there is no digest to move to");
  const repository = fleet.ctx.repositoryOf("small-alone");
  const from = (await repository.resolve("production"))?.digest;
  await repository.tag(to, "production", { ifMatch: from ?? "absent" });
}

async function startUpdated(): Promise<Started & { readonly good: Digest; readonly bad: Digest }> {
  const started = await fleets.start();
  const good = await started.pointer("small-alone");
  await started.small.publish(gauge("1.0-2"));
  await started.run();
  const bad = await started.pointer("small-alone");
  if (good === undefined || bad === undefined || good === bad) throw new Error("nothing was updated");
  return { ...started, good, bad };
}

describe("FAULTS 7: a person who goes back by moving the tag", () => {
  it(
    "is obeyed at the next watch: held by a person's hand, quarantined, never overwritten",
    { timeout: 180_000 },
    async () => {
      const started = await startUpdated();
      const { run, pointer, tag, operations, alarms, small, clock, version, good, bad } = started;
      await moveTag(started, good);
      await run();
      expect([await tag("small-alone"), await pointer("small-alone")]).toEqual([good, good]);
      const status = await operations.status({ image: "small-alone" });
      expect(status.holds).toMatchObject([{ image: "small-alone", environment: "production", setBy: "person" }]);
      expect(status.quarantines).toMatchObject([{ digest: bad, by: "somebody, by tag" }]);
      expect(await alarms()).toEqual([]);

      await small.publish(gauge("1.0-3"));
      for (let pass = 0; pass < 3; pass += 1) {
        clock.jump(6 * hour);
        await run();
        expect(await tag("small-alone")).toBe(good);
      }
      expect(await version("small-alone", "small-gauge", "staging")).toBe("1.0-3");
      await expectInvariants(started);
      await operations.resume({ image: "small-alone", environment: "production", by: "ada", reason: "it is mended" });
      clock.jump(2 * minute);
      await run();
      expect(await version("small-alone", "small-gauge")).toBe("1.0-3");
    },
  );

  it("is obeyed as well where the next update was on its way already", { timeout: 180_000 }, async () => {
    const started = await startUpdated();
    const { run, pointer, tag, operations, small, good } = started;
    await small.publish(gauge("1.0-3"));
    await moveTag(started, good);
    await run();
    expect([await tag("small-alone"), await pointer("small-alone")]).toEqual([good, good]);
    expect((await operations.status({ image: "small-alone" })).holds).toMatchObject([{ setBy: "person" }]);
    await run();
    expect(await tag("small-alone")).toBe(good);
    await expectInvariants(started);
  });

  it("does not bring back what is in quarantine", { timeout: 180_000 }, async () => {
    const started = await startUpdated();
    const { run, tag, operations, good, bad } = started;
    await operations.rollback({ image: "small-alone", environment: "production", by: "ada", reason: "slow" });
    await moveTag(started, bad);
    await run();
    expect(await tag("small-alone")).toBe(good);
  });
});

describe("FAULTS 24: a worker that was stopped past its lease and wakes up", () => {
  it(
    "has its late write repaired at the next watch, and nobody takes it for a person's",
    { timeout: 180_000 },
    async () => {
      const small = await fleets.create({
        environments: [{ name: "staging" }, { name: "production", approvals: { count: 1 } }],
      });
      const first = await fleets.open(small);
      await first.run();
      const { store } = first.fleet.ctx;
      // One worker writes its intent down, and is stopped before it moves the tag.
      const stopped = await store.leaseRebuild({
        owner: "stopped",
        leaseMs: 60_000,
        image: "small-alone",
        rebuild: (await store.loadRebuilds({ image: "small-alone", active: true }))[0]?.id ?? "",
      });
      const candidate = stopped?.rebuild.candidate;
      if (stopped === undefined || candidate === null || candidate === undefined) throw new Error("nothing waits");
      const intent = {
        image: "small-alone",
        environment: "production",
        digest: candidate,
        kind: "forward",
        by: "tidemill",
        reason: "fresh",
      } as const;
      expect(await store.saveIntent(intent, stopped)).toMatchObject({ kind: "saved" });
      await first.close();

      const started = await fleets.open(small);
      const { run, operations, clock, tag, pointer, alarms } = started;
      const approve = () =>
        operations.approve({ image: "small-alone", environment: "production", by: "ada", reason: "tried" });
      await approve();
      clock.jump(2 * minute);
      await run();
      expect(await pointer("small-alone")).toBe(candidate);
      await small.publish(gauge("1.0-2"));
      await run();
      await approve();
      clock.jump(2 * minute);
      await run();
      const newest = await pointer("small-alone");
      expect(newest).not.toBe(candidate);
      // It can change nothing in our store any more; in a registry without If-Match its write goes through.
      expect(await started.fleet.ctx.store.saveIntent(intent, stopped)).toEqual({ kind: "lost" });
      await moveTag(started, candidate);
      await run();
      expect([await tag("small-alone"), await pointer("small-alone")]).toEqual([newest, newest]);
      expect((await operations.status({ image: "small-alone" })).holds).toEqual([]);
      expect((await alarms()).filter(({ subject }) => subject.startsWith("small-alone"))).toEqual([]);
      await expectInvariants(started);
    },
  );
});
