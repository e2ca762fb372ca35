import { describe, expect, it } from "vitest";
import { smallFleets } from "./fixture.ts";
import { hour, minute, smallPackages } from "./small-fleet.ts";

const fleets = smallFleets();
const soaking = { environments: [{ name: "staging", soak: "2h" }, { name: "production" }] };

describe("fixes that come faster than they soak", () => {
  it("starve nothing: production goes on, and ends with the newest", { timeout: 180_000 }, async () => {
    const { small, run, version, clock, fleet } = await fleets.open(await fleets.create(soaking));
    await run();
    clock.jump(3 * hour);
    await run();
    expect(await version("small-alone", "small-gauge")).toBe("1.0-1");

    // Every half hour another one; each stands in staging for two.
    const inProduction: string[] = [];
    for (let release = 2; release <= 13; release += 1) {
      await small.publish(smallPackages({ "small-gauge": `1.0-${release}` }));
      await run();
      clock.jump(30 * minute);
      await run();
      const now = (await version("small-alone", "small-gauge")) ?? "";
      if (inProduction.at(-1) !== now) inProduction.push(now);
    }
    expect(inProduction.length).toBeGreaterThan(1);
    for (let pass = 0; pass < 10; pass += 1) {
      clock.jump(hour + minute);
      await run();
    }
    expect(await version("small-alone", "small-gauge")).toBe("1.0-13");
    // It only ever went forward.
    const numbers = inProduction.map((one) => Number(one.slice(4)));
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    expect(await fleet.ctx.store.loadRebuilds({ active: true })).toEqual([]);
  });

  it(
    "reach a child with its parent, and never a parent that is older than what the child had",
    { timeout: 180_000 },
    async () => {
      const { small, run, version, clock } = await fleets.open(await fleets.create(soaking));
      await run();
      clock.jump(3 * hour);
      await run();
      expect(await version("small-app", "libsmall1")).toBe("1.0-1");
      for (const lib of ["1.0-2", "1.0-3"]) {
        await small.publish(smallPackages({ libsmall1: lib }));
        await run();
        clock.jump(hour);
      }
      for (let pass = 0; pass < 5; pass += 1) {
        await run();
        clock.jump(hour);
      }
      expect([await version("small-root", "libsmall1"), await version("small-app", "libsmall1")]).toEqual([
        "1.0-3",
        "1.0-3",
      ]);
    },
  );
});

describe("a candidate that soaks", () => {
  it(
    "keeps its place until that is over, and status says for whom another one waits",
    { timeout: 180_000 },
    async () => {
      const { small, run, version, clock, operations } = await fleets.open(await fleets.create(soaking));
      await run();
      clock.jump(3 * hour);
      await run();
      await small.publish(smallPackages({ "small-gauge": "1.0-2" }));
      await run();
      clock.jump(hour);
      await small.publish(smallPackages({ "small-gauge": "1.0-3" }));
      await run();
      expect(await version("small-alone", "small-gauge", "staging")).toBe("1.0-2");
      const waiting = (await operations.status({ image: "small-alone" })).rebuilds.at(-1);
      expect(waiting).toMatchObject({
        step: "promote",
        environment: "staging",
        until: expect.any(String) as unknown,
        reason: expect.stringContaining("an earlier candidate soaks there, and keeps its place in staging") as unknown,
      });
      // Another one that comes meanwhile goes in the place of the one that waits.
      await small.publish(smallPackages({ "small-gauge": "1.0-4" }));
      await run();
      clock.jump(hour + 3 * minute);
      await run();
      clock.jump(3 * minute);
      await run();
      expect([
        await version("small-alone", "small-gauge"),
        await version("small-alone", "small-gauge", "staging"),
      ]).toEqual(["1.0-2", "1.0-4"]);
    },
  );

  it("and is taken back takes those with it that have what it brought", { timeout: 180_000 }, async () => {
    const { small, run, version, clock, operations } = await fleets.open(await fleets.create(soaking));
    await run();
    clock.jump(3 * hour);
    await run();
    await small.publish(smallPackages({ "small-tool": "1.0-2" }));
    await run();
    await small.publish(smallPackages({ "small-tool": "1.0-2", libsmall1: "1.0-2" }));
    await run();
    expect(await version("small-app", "small-tool", "staging")).toBe("1.0-2");
    const back = { image: "small-app", environment: "staging", by: "eve", reason: "it is slow" };
    expect(await operations.rollback(back)).toMatchObject({ kind: "rolled-back" });
    for (let pass = 0; pass < 6; pass += 1) {
      await run();
      expect(await version("small-app", "small-tool", "staging")).toBe("1.0-1");
      clock.jump(hour);
    }
    expect([await version("small-app", "libsmall1"), await version("small-app", "small-tool")]).toEqual([
      "1.0-2",
      "1.0-1",
    ]);
  });
});

describe("FAULTS 18: a storm of updates", () => {
  it(
    "opens the breaker: no image is rebuilt more often than the policy allows; then it goes on",
    { timeout: 180_000 },
    async () => {
      const { small, run, version, clock, operations, fleet } = await fleets.start({
        policies: { maxRebuildsPerHour: 4 },
      });
      for (let release = 2; release <= 12; release += 1) {
        await small.publish(smallPackages({ "small-gauge": `1.0-${release}` }));
        clock.jump(minute);
        await run();
      }
      const rebuilds = await fleet.ctx.store.loadRebuilds({ image: "small-alone", limit: 100 });
      expect(rebuilds.length).toBeLessThanOrEqual(4);
      expect((await operations.plan({})).held).toMatchObject([{ image: "small-alone", kind: "breaker" }]);
      clock.jump(hour + minute);
      await run();
      expect(await version("small-alone", "small-gauge")).toBe("1.0-12");
    },
  );

  it(
    "of 10,000 events at once brings few looks at the suites, one plan, and one rebuild",
    { timeout: 120_000 },
    async () => {
      const { small, run, version, operations, events, fleet } = await fleets.start();
      await small.publish(smallPackages({ "small-gauge": "1.0-2" }));
      const asked = (): number => small.archive.requests.filter(({ path }) => path.endsWith("/InRelease")).length;
      const before = asked();
      await Promise.all(Array.from({ length: 10_000 }, () => operations.look({ references: [] })));
      // The look that went on, the one that all others share, and what is asked again where an answer was slow.
      expect(asked() - before).toBeLessThanOrEqual(6);
      await run();
      await run();
      expect(await version("small-alone", "small-gauge")).toBe("1.0-2");
      expect(await fleet.ctx.store.loadRebuilds({ image: "small-alone", limit: 100 })).toHaveLength(2);
      expect(events.filter(({ kind }) => kind === "planned")).toHaveLength(2);
    },
  );
});
