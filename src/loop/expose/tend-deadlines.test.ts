import { afterEach, beforeEach, expect } from "vitest";
import { describeStores } from "../../../test/fakes/stores.ts";
import { deriveExposures } from "./derive-exposures.ts";
import { tendDeadlines } from "./index.ts";
import { createSmallFleet, type SmallFleet } from "./testdata/fleet.ts";

const hour = 3_600_000;
const day = 24 * hour;

describeStores("tendDeadlines", ({ it, store, clock }) => {
  let fleet: SmallFleet;
  beforeEach(async () => {
    fleet = await createSmallFleet(store(), clock);
    await fleet.declare("web");
    await fleet.publish("CVE-2026-1", "3.0-2");
    await fleet.promote("web", await fleet.build("web", "3.0-1"));
    clock.advance(hour);
    await fleet.pass();
  });
  afterEach(() => fleet.remove());

  /** Gives what is open a deadline so many days from its detection, warned of a day before. */
  const due = async (days: number): Promise<void> => {
    const [row] = await store().loadExposures({ limit: 1 });
    if (row === undefined) throw new Error("nothing is open");
    await store().noteAllExposures();
    await store().renewExposures(10, (facts) =>
      deriveExposures(
        {
          config: fleet.config,
          signals: { exploitedOf: () => [] } as never,
          policy: {
            rules: [{ framework: "own", name: "all", from: "detected", within: days * day }],
            watched: new Set(["own"]),
            warn: day,
          },
        },
        facts,
      ),
    );
  };
  const alarms = async (): Promise<string[]> =>
    (await store().loadAlarms()).map(({ code, severity, message }) => `${severity} ${code}: ${message}`);
  const tend = () => tendDeadlines({ store: store(), clock, emit: () => undefined });

  it("warns before a deadline, alarms at it with the reason, and clears it once the cure is there", async () => {
    await due(7);
    await tend();
    expect(await alarms()).toEqual([]);

    clock.advance(6 * day + hour);
    await tend();
    expect(await alarms()).toEqual([
      expect.stringMatching(
        /^warning slo-near: web in production: an exposure must be closed soon, first CVE-2026-1 .*\(own: all\): a fix is known, and no rebuild brings it yet$/,
      ),
    ]);

    clock.advance(day);
    await store().saveHold({
      image: "web",
      environment: null,
      byPerson: true,
      who: "ada",
      reason: "fair",
      until: null,
    });
    await tend();
    expect(await alarms()).toEqual([
      expect.stringMatching(
        /^error slo-missed: web in production: an exposure is past its deadline.*on hold: fair \(ada\)$/,
      ),
    ]);

    await store().saveHoldsLifted({ image: "web", environment: null, byPerson: true, who: "ada", reason: "over" });
    const cured = await fleet.build("web", "3.0-2");
    await fleet.verify(cured, "production");
    await fleet.promote("web", cured);
    await fleet.pass();
    await tend();
    expect(await alarms()).toEqual([]);
  });
});
