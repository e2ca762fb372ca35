import { describe, expect, it } from "vitest";
import { reverifyRunning, type VerifyAgain } from "../../src/loop/reverify-running.ts";
import { smallFleets, type Started } from "./fixture.ts";
import { expectInvariants } from "./invariants.ts";
import { hour, smallPackages } from "./small-fleet.ts";

const fleets = smallFleets();

/** Two releases of one image in production, the newest last. */
async function startTwice(rules: Record<string, unknown>, staging: Record<string, unknown> = {}): Promise<Started> {
  const environments = [
    { name: "staging", ...staging },
    { name: "production", ...rules },
  ];
  const started = await fleets.open(await fleets.create({ environments }));
  await started.run();
  await started.small.publish(smallPackages({ "small-gauge": "1.0-2" }));
  await started.run();
  return started;
}

/** Checks that fail for these images, and how often they were asked. */
function failing(...images: string[]): VerifyAgain & { readonly asked: string[] } {
  const asked: string[] = [];
  const verify: VerifyAgain = (_, { rebuild }, { name }) => {
    asked.push(`${rebuild.image}:${name}`);
    const failed = images.includes(rebuild.image);
    return Promise.resolve({
      kind: "verified",
      verdict: failed ? "failed" : "passed",
      reasons: failed ? ["scan failed"] : [],
    });
  };
  return Object.assign(verify, { asked });
}

describe("what runs, verified again", () => {
  it(
    "is looked at on its schedule, by the very checks that it passed, and when advisories changed",
    { timeout: 180_000 },
    async () => {
      const { fleet, run, clock, alarms, operations } = await startTwice({ reverify: "24h" });
      const verify = failing();
      await reverifyRunning(fleet.ctx, verify);
      expect(verify.asked).toEqual([]);
      clock.jump(25 * hour);
      await reverifyRunning(fleet.ctx, verify);
      await reverifyRunning(fleet.ctx, verify);
      expect(verify.asked.toSorted()).toEqual([
        "small-alone:production",
        "small-app:production",
        "small-root:production",
      ]);
      await fleet.ctx.store.saveSetting("matched-feeds", { contents: { osv: "another" }, checked: 1 });
      await reverifyRunning(fleet.ctx, verify);
      expect(verify.asked).toHaveLength(6);
      // The real ones, by way of a pass.
      clock.jump(25 * hour);
      expect(await run()).toMatchObject({ failed: 0, rolledBack: 0 });
      expect(await alarms()).toEqual([]);
      expect((await operations.status({})).quarantines).toEqual([]);
    },
  );

  it("raises an alarm where it fails, and clears it where it passes again", { timeout: 180_000 }, async () => {
    const { fleet, clock, alarms, pointer } = await startTwice({ reverify: "24h" });
    const before = await pointer("small-alone");
    clock.jump(25 * hour);
    await reverifyRunning(fleet.ctx, failing("small-alone"));
    expect(await alarms()).toMatchObject([
      {
        code: "reverification-failed",
        subject: "small-alone:production",
        message: expect.stringContaining("scan failed"),
      },
    ]);
    expect(await pointer("small-alone")).toBe(before);
    clock.jump(25 * hour);
    await reverifyRunning(fleet.ctx, failing());
    expect(await alarms()).toEqual([]);
  });

  it("goes no further once it failed in the environment before", { timeout: 180_000 }, async () => {
    const { fleet, clock, run, operations, pointer, version } = await startTwice({ auto: false }, { reverify: "24h" });
    expect(await version("small-alone", "small-gauge", "staging")).toBe("1.0-2");
    const candidate = await pointer("small-alone", "staging");
    clock.jump(25 * hour);
    await reverifyRunning(fleet.ctx, failing("small-alone"));
    const promote = {
      image: "small-alone",
      environment: "production",
      digest: candidate ?? "",
      by: "ada",
      reason: "now",
    };
    const refused = await operations.promote(promote);
    expect(refused).toMatchObject({ kind: "refused" });
    expect(JSON.stringify(refused)).toContain(
      "tidemill rejected it for staging: verified again, it failed: scan failed",
    );
    await run();
    const [rebuild] = await fleet.ctx.store.loadRebuilds({ image: "small-alone" });
    expect(rebuild).toMatchObject({ state: "failed", candidate });
  });

  it(
    "is taken back where the environment says so, once, and not from what it was taken back to",
    { timeout: 180_000 },
    async () => {
      const started = await startTwice({ reverify: { every: "24h", failed: "rollback" } });
      const { fleet, clock, alarms, version } = started;
      clock.jump(25 * hour);
      await reverifyRunning(fleet.ctx, failing("small-alone"));
      expect(await version("small-alone", "small-gauge")).toBe("1.0-1");
      clock.jump(25 * hour);
      await reverifyRunning(fleet.ctx, failing("small-alone"));
      expect(await version("small-alone", "small-gauge")).toBe("1.0-1");
      expect(await alarms()).toMatchObject([{ code: "reverification-failed" }]);
      await expectInvariants(started);
    },
  );
});
