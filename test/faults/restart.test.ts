import { describe, expect, it } from "vitest";
import { smallFleets } from "./fixture.ts";
import { expectInvariants } from "./invariants.ts";
import { startTidemill } from "./processes.ts";
import { smallPackages, until } from "./small-fleet.ts";

const fleets = smallFleets();

describe("FAULTS 23: `tidemill up` that is killed in the middle of a build", () => {
  it("goes on within 30 seconds of its next start", { timeout: 120_000 }, async () => {
    const small = await fleets.create();
    expect((await small.tidemill(["run"])).status).toBe(0);
    await small.publish(smallPackages({ libsmall1: "1.0-2" }));
    small.archive.fail(/pool\/.*libsmall1/, { kind: "slow", ms: 600_000 });
    const up = startTidemill(small, ["up"]);
    fleets.onEnd(async () => void (await up.end("SIGKILL")));
    await until(
      "it fetches what it builds from",
      () => Promise.resolve(small.archive.requests.length > 0 && /building/.test(up.output())),
      30_000,
    );
    await up.end("SIGKILL");
    small.archive.heal();

    const began = Date.now();
    const again = startTidemill(small, ["up"]);
    fleets.onEnd(async () => void (await again.end("SIGKILL")));
    await until(
      "all of it is promoted",
      () => Promise.resolve(/promoted.*small-app.*production/i.test(again.output()) && again.output()),
      30_000,
    );
    expect(Date.now() - began).toBeLessThan(30_000);
    const asked = await small.tidemill(["status", "--json"]);
    expect(JSON.parse(asked.out)).toMatchObject({ alarms: [], rebuilds: [] });

    // A second one leaves at once, and says who is there.
    const second = await small.tidemill(["up"]);
    expect(second.status, second.err).toBe(4);
    expect(second.err).toMatch(new RegExp(`LOCKED|BUSY`));
    expect(second.err).toContain(String(again.pid));

    expect(await again.end("SIGTERM")).toBe(0);
    const open = await fleets.open(small);
    await expectInvariants(open);
    expect(await open.version("small-app", "libsmall1")).toBe("1.0-2");
  });
});
