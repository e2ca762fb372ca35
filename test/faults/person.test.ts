import { describe, expect, it } from "vitest";
import { smallFleets } from "./fixture.ts";
import { hour, minute, smallPackages } from "./small-fleet.ts";

const fleets = smallFleets();
const ada = { by: "ada", reason: "it is slow" };

describe("a person's rollback", () => {
  it("is obeyed: its versions do not come back, a newer one does", { timeout: 180_000 }, async () => {
    const { small, run, operations, version, tag, pointer, clock } = await fleets.start();
    const good = await pointer("small-app");
    const updated = smallPackages({ libsmall1: "1.0-2", "small-tool": "1.0-2" });
    await small.publish(updated);
    await run();
    const bad = await pointer("small-app");
    expect(bad).not.toBe(good);
    const back = await operations.rollback({ image: "small-app", environment: "production", ...ada });
    expect(back).toMatchObject({ kind: "rolled-back", to: good });
    expect(await tag("small-app")).toBe(good);

    for (let pass = 0; pass < 5; pass += 1) {
      clock.jump(6 * hour);
      await run();
      expect(await pointer("small-app")).toBe(good);
      expect(await tag("small-app")).toBe(good);
    }
    const refused = await operations.promote({
      image: "small-app",
      environment: "production",
      digest: bad ?? "",
      ...ada,
    });
    expect(refused).toMatchObject({ kind: "refused", reasons: [expect.stringContaining("quarantine")] });
    expect((await operations.plan({})).held).toMatchObject([{ image: "small-app", kind: "quarantine" }]);
    // The same versions by another way are the same versions.
    await operations.rebuild({ image: "small-app", by: "eve", reason: "again" });
    await run();
    expect(await pointer("small-app")).toBe(good);

    await small.publish(smallPackages({ libsmall1: "1.0-3", "small-tool": "1.0-3" }));
    clock.jump(6 * hour);
    expect(await run()).toMatchObject({ failed: 0 });
    expect([await version("small-app", "libsmall1"), await version("small-app", "small-tool")]).toEqual([
      "1.0-3",
      "1.0-3",
    ]);
  });

  it("of staging ends what was on its way to production", { timeout: 180_000 }, async () => {
    const environments = [{ name: "staging", soak: "2h" }, { name: "production" }];
    const { small, run, operations, version, clock, pointer, fleet } = await fleets.open(
      await fleets.create({ environments }),
    );
    await run();
    clock.jump(3 * hour);
    await run();
    expect(await version("small-alone", "small-gauge")).toBe("1.0-1");
    await small.publish(smallPackages({ "small-gauge": "1.0-2" }));
    await run();
    expect(await version("small-alone", "small-gauge", "staging")).toBe("1.0-2");
    const back = await operations.rollback({ image: "small-alone", environment: "staging", ...ada });
    expect(back).toMatchObject({ kind: "rolled-back" });
    clock.jump(3 * hour);
    await run();
    expect(await version("small-alone", "small-gauge")).toBe("1.0-1");
    expect(await fleet.ctx.store.loadOpenIntents()).toEqual([]);

    await small.publish(smallPackages({ "small-gauge": "1.0-3" }));
    await run();
    clock.jump(3 * hour);
    await run();
    expect(await version("small-alone", "small-gauge")).toBe("1.0-3");
    expect(await pointer("small-alone", "staging")).toBe(await pointer("small-alone"));
  });
});

describe("a person's hold", () => {
  it("stops an image until a person resumes it; the rest goes on", { timeout: 180_000 }, async () => {
    const { small, run, operations, version, clock } = await fleets.start();
    await operations.hold({ image: "small-root", ...ada });
    await small.publish(smallPackages({ libsmall1: "1.0-2", "small-gauge": "1.0-2" }));
    for (let pass = 0; pass < 3; pass += 1) {
      clock.jump(hour);
      await run();
    }
    expect(await version("small-root", "libsmall1")).toBe("1.0-1");
    expect(await version("small-alone", "small-gauge")).toBe("1.0-2");
    expect((await operations.status({})).images.find(({ name }) => name === "small-root")).toMatchObject({
      state: "held",
    });
    await operations.resume({ image: "small-root", ...ada });
    clock.jump(2 * minute);
    await run();
    expect([await version("small-root", "libsmall1"), await version("small-app", "libsmall1")]).toEqual([
      "1.0-2",
      "1.0-2",
    ]);
  });

  it("of an environment lets an update come as far as the one before it", { timeout: 180_000 }, async () => {
    const { small, run, operations, version, clock } = await fleets.start();
    await operations.hold({ environment: "production", ...ada });
    await small.publish(smallPackages({ "small-gauge": "1.0-2" }));
    await run();
    expect(await version("small-alone", "small-gauge", "staging")).toBe("1.0-2");
    expect(await version("small-alone", "small-gauge")).toBe("1.0-1");
    await operations.resume({ environment: "production", ...ada });
    clock.jump(2 * minute);
    await run();
    expect(await version("small-alone", "small-gauge")).toBe("1.0-2");
  });

  it("that ends by itself needs no person", { timeout: 180_000 }, async () => {
    const { small, run, operations, version, clock } = await fleets.start();
    await operations.hold({ image: "small-alone", until: new Date(clock.now() + hour).toISOString(), ...ada });
    await small.publish(smallPackages({ "small-gauge": "1.0-2" }));
    await run();
    expect(await version("small-alone", "small-gauge")).toBe("1.0-1");
    clock.jump(hour + minute);
    await run();
    expect(await version("small-alone", "small-gauge")).toBe("1.0-2");
  });
});
