import { describe, expect, it } from "vitest";
import { smallFleets } from "./fixture.ts";
import { expectInvariants } from "./invariants.ts";
import { smallPackages } from "./small-fleet.ts";

const fleets = smallFleets();

describe("after a person's rollback", () => {
  it(
    "status and why say what serves, what was left and why, and what is awaited; the next one goes on",
    { timeout: 90_000 },
    async () => {
      const fleet = await fleets.start();
      const { small, run, operations, pointer, version } = fleet;
      const good = await pointer("small-alone");
      await small.publish(smallPackages({ "small-gauge": "1.0-2" }));
      await run();
      const bad = await pointer("small-alone");
      const asked = { image: "small-alone", environment: "production", by: "eve", reason: "errors since noon" };
      expect(await operations.rollback(asked)).toMatchObject({ kind: "rolled-back", from: bad, to: good });

      const short = (digest: string | undefined): string => digest?.slice(7, 19) ?? "";
      const image = async () => (await operations.status({ image: "small-alone" })).images[0];
      expect(await image()).toMatchObject({ state: "held" });
      expect((await image())?.reason).toBe(
        `production serves ${short(good)}; ${short(bad)} was left (eve): errors since noon; small-gauge 1.0-2 is held back; it waits for a newer one`,
      );
      expect((await operations.status({ image: "small-alone" })).quarantines).toMatchObject([
        { digest: bad, by: "eve" },
      ]);
      const left = await operations.why({ image: "small-alone", digest: bad });
      expect(left).toMatchObject({ quarantined: "errors since noon", environments: ["staging"] });
      const serving = await operations.why({ image: "small-alone" });
      expect(serving.promotions.at(-1)).toMatchObject({
        kind: "rolled-back",
        from: bad,
        by: "eve",
        reason: "errors since noon",
      });
      // The same stays said after the next pass, and nothing is tried.
      await run();
      expect((await image())?.reason).toContain("was left (eve): errors since noon");
      expect(await pointer("small-alone")).toBe(good);

      // A hold beside it is lifted by a person alone; then the next candidate with other content goes on.
      await operations.hold({ image: "small-alone", by: "eve", reason: "until it is clear" });
      await small.publish(smallPackages({ "small-gauge": "1.0-3" }));
      await run();
      expect((await image())?.reason).toBe("eve holds it: until it is clear");
      await operations.resume({ image: "small-alone", by: "eve", reason: "it is clear" });
      await run();
      expect(await version("small-alone", "small-gauge")).toBe("1.0-3");
      expect(await image()).toMatchObject({ state: "current" });
      await expectInvariants(fleet);
    },
  );
});
