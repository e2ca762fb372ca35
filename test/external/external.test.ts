import { describe, expect, it } from "vitest";
import { missingDockerRegistry, startDockerRegistry } from "../../src/io/registry/testdata/docker-registry.ts";
import { retainDigests } from "../../src/loop/promote/index.ts";
import { smallFleets } from "../faults/fixture.ts";
import { expectInvariants } from "../faults/invariants.ts";
import { hour, minute, smallPackages } from "../faults/small-fleet.ts";
import { needs } from "../needs.ts";
import { adoptImage } from "./external-site.ts";

const missing = await missingDockerRegistry();
const fleets = smallFleets();
describe.each(["github", "gitlab", "http"] as const)("an image that a pipeline builds, by %s", (kind) => {
  it(
    "is taken as it was, and built anew by its pipeline when a package of it has a newer version",
    { timeout: 120_000 },
    async () => {
      const made = await adoptImage(fleets, kind);
      const { small, fake, run, told, operations } = made;
      await small.publish(smallPackages({ "small-gauge": "1.0-2" }));
      await run();
      expect(fake.runs).toHaveLength(1);
      const [asked] = fake.runs;
      if (asked === undefined) throw new Error("nothing was asked");
      expect(told(asked, "tag")).toMatch(/^tidemill-[0-9a-f-]{36}$/);
      expect(told(asked, "reason")).toContain("small-gauge 1.0-2");
      expect(told(asked, "repository")).toBe(made.place());
      expect(JSON.parse(told(asked, "causes"))).toMatchObject([{ kind: "package", to: "1.0-2" }]);
      const [waiting] = (await operations.status({ image: "shop" })).rebuilds;
      expect(waiting).toMatchObject({
        state: "building",
        step: "build",
        reason: expect.stringContaining("builds it: https://"),
      });

      // Nobody holds it meanwhile, and nobody asks twice.
      const rebuild = await made.newest();
      expect(rebuild).toMatchObject({ leaseOwner: null });
      await run();
      expect(fake.runs).toHaveLength(1);

      const digest = await made.push(asked, "1.0-2");
      asked.state = "succeeded";
      made.clock.jump(minute);
      await run();
      expect(await made.pointer("shop")).toBe(digest);
      expect(await made.version("shop", "small-gauge")).toBe("1.0-2");
      const why = await operations.why({ image: "shop" });
      expect(why.made).toMatchObject({ remedy: "rebuild", reason: expect.stringContaining("built by") });
      await expectInvariants(made);
    },
  );

  it("fails with its run, and says where to look", { timeout: 120_000 }, async () => {
    const made = await adoptImage(fleets, kind);
    const { small, fake, run } = made;
    await small.publish(smallPackages({ "small-gauge": "1.0-2" }));
    await run();
    const [asked] = fake.runs;
    if (asked === undefined) throw new Error("nothing was asked");
    asked.state = "failed";
    made.clock.jump(minute);
    await run();
    const failed = await made.newest();
    expect(failed).toMatchObject({ state: "failed", lastError: { code: "RUN_FAILED" } });
    expect(failed.lastError?.message).toMatch(/https:\/\/\w+\.example\//);
    expect(await made.pointer("shop")).toBe(made.first);
  });
});

describe("an image that a pipeline builds in a registry elsewhere", () => {
  needs(missing)(
    "is adopted, asked for and promoted there",
    async () => {
      const docker = await startDockerRegistry();
      fleets.onEnd(() => docker.close());
      const made = await adoptImage(fleets, "gitlab", { change: { registry: { url: docker.host, insecure: true } } });
      await made.small.publish(smallPackages({ "small-gauge": "1.0-2" }));
      await made.run();
      expect(made.told(made.asked(), "repository")).toBe(`${docker.host}/shop`);
      const digest = await made.push(made.asked(), "1.0-2");
      made.clock.jump(minute);
      await made.run();
      expect(await made.tag("shop")).toBe(digest);
    },
    120_000,
  );
});

describe("a tag that a run pushed", () => {
  it("goes with its digest when that is let go", { timeout: 120_000 }, async () => {
    const policies = { keep: 1, keepFor: "1h" };
    const made = await adoptImage(fleets, "github", { change: { policies } });
    for (const version of ["1.0-2", "1.0-3", "1.0-4"]) {
      await made.small.publish(smallPackages({ "small-gauge": version }));
      made.clock.jump(minute);
      await made.run();
      await made.push(made.asked(), version);
      made.clock.jump(minute);
      await made.run();
      expect(await made.version("shop", "small-gauge")).toBe(version);
    }
    made.clock.jump(72 * hour);
    await retainDigests(made.fleet.ctx, made.fleet.registry);
    const repository = made.fleet.ctx.repositoryOf("shop");
    const there = await Promise.all(made.fake.runs.map((run) => repository.resolve(made.told(run, "tag"))));
    expect(there.map((one) => one !== undefined)).toEqual([false, true, true]);
  });
});

describe("an image that a pipeline builds", () => {
  it("fails when its time is over, and has the run ended", { timeout: 120_000 }, async () => {
    const made = await adoptImage(fleets, "github", { pipeline: { timeout: "10m" } });
    await made.small.publish(smallPackages({ "small-gauge": "1.0-2" }));
    await made.run();
    made.clock.jump(11 * minute);
    await made.run();
    expect(await made.newest()).toMatchObject({
      state: "failed",
      lastError: { message: expect.stringContaining("within its time") },
    });
    expect(made.fake.runs).toMatchObject([{ state: "cancelled" }]);
  });

  it(
    "is asked for anew when something newer comes before its run has ended, which is cancelled",
    { timeout: 120_000 },
    async () => {
      const made = await adoptImage(fleets, "gitlab");
      const { small, fake, run } = made;
      await small.publish(smallPackages({ "small-gauge": "1.0-2" }));
      await run();
      await small.publish(smallPackages({ "small-gauge": "1.0-3" }));
      made.clock.jump(hour / 2);
      await run();
      expect(fake.runs).toMatchObject([{ state: "cancelled" }, { state: "running" }]);
      const [, second] = fake.runs;
      if (second === undefined) throw new Error("it was not asked again");
      const digest = await made.push(second, "1.0-3");
      made.clock.jump(minute);
      await run();
      expect(await made.pointer("shop")).toBe(digest);
      const states = (await made.fleet.ctx.store.loadRebuilds({ image: "shop" })).map(({ state }) => state);
      expect(states).toEqual(["promoted", "superseded", "promoted"]);
    },
  );
});
