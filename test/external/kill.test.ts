import { describe, expect, it } from "vitest";
import { smallFleets } from "../faults/fixture.ts";
import { expectInvariants } from "../faults/invariants.ts";
import { startTidemill, type RunningTidemill } from "../faults/processes.ts";
import { minute, smallPackages } from "../faults/small-fleet.ts";
import { adoptImage, type Kind } from "./external-site.ts";

const fleets = smallFleets();

describe.each<[Kind, "before" | "after"]>([
  ["github", "after"],
  ["gitlab", "after"],
  ["http", "after"],
  ["github", "before"],
])("a process that is killed while it asks the pipeline (%s), %s the run has begun", (kind, when) => {
  it("has it asked once", { timeout: 180_000 }, async () => {
    const running: { child?: RunningTidemill } = {};
    let isArmed = false;
    const strike = (): "lost" | undefined => {
      if (!isArmed) return undefined;
      isArmed = false;
      process.kill(running.child?.pid ?? 0, "SIGKILL");
      return when === "before" ? "lost" : undefined;
    };
    // Lists show late what was begun.
    const made = await adoptImage(fleets, kind, { fake: { lagMs: 300, onStart: strike } });
    await made.close();
    await made.small.publish(smallPackages({ "small-gauge": "1.0-2" }));
    isArmed = true;
    const child = (running.child = startTidemill(made.small, ["run"]));
    await child.ended;
    expect(isArmed, child.output()).toBe(false);
    expect(made.fake.runs).toHaveLength(when === "before" ? 0 : 1);

    const again = await fleets.open(made.small);
    for (let pass = 0; pass < 4; pass += 1) {
      again.clock.jump(20_000);
      await again.run();
    }
    expect(made.fake.runs).toHaveLength(1);
    const digest = await made.pushTo(again, made.asked(), "1.0-2");
    made.asked().state = "succeeded";
    again.clock.jump(minute);
    await again.run();
    expect(await again.pointer("shop")).toBe(digest);
    await expectInvariants(again);
  });
});
