import { describe, expect, it } from "vitest";
import type { DebSpec } from "../fakes/make-deb.ts";
import { smallFleets } from "./fixture.ts";
import { hour, minute, smallPackages } from "./small-fleet.ts";
import { asDebian, createToldFeeds } from "./told-feeds.ts";

const fleets = smallFleets();
const day = 24 * hour;

describe("FAULTS 15: an ordinary new version", () => {
  it(
    "waits out its cool-down on our first-seen clock, whatever age its files claim",
    { timeout: 180_000 },
    async () => {
      const { small, run, version, clock, operations } = await fleets.start({ policies: { coolDown: "3d" } });
      const old = (packages: readonly DebSpec[]): DebSpec[] =>
        packages.map((one) => (one.name === "small-gauge" ? { ...one, mtime: 946_684_800 } : one));
      await small.publish(old(smallPackages({ "small-gauge": "1.0-2" })));
      clock.jump(hour);
      await run();
      const [held] = (await operations.plan({})).held;
      expect(held).toMatchObject({ image: "small-alone", kind: "cool-down" });
      const until = Date.parse(held?.until ?? "");
      expect(Math.abs(until - clock.now() - 3 * day)).toBeLessThan(5 * minute);
      clock.jump(3 * day - 10 * minute);
      await run();
      expect(await version("small-alone", "small-gauge")).toBe("1.0-1");
      clock.jump(11 * minute);
      await run();
      expect(await version("small-alone", "small-gauge")).toBe("1.0-2");
    },
  );
});

describe("FAULTS 16: a version that is called a security fix", () => {
  const [weak, known, more] = ["CVE-2099-0007", "CVE-2099-0008", "CVE-2099-0009"];
  const critical = { database_specific: { severity: "CRITICAL" } };

  it(
    "waits the short cool-down by the word of one weak feed; known exploited, vouched for or distro-signed it goes at once",
    { timeout: 120_000 },
    async () => {
      const small = await fleets.create();
      const { feeds, tell, exploited } = await createToldFeeds(small);
      const configured = {
        feeds,
        suites: ["release", "security"],
        policies: { coolDown: "3d" },
        images: { "small-alone": { packages: ["small-base", "small-gauge"], entrypoint: ["/usr/bin/small-gauge"] } },
      };
      await small.configure(configured);
      const publish = (version: string) => small.publish(asDebian(smallPackages({ "small-gauge": version })));
      const publishSecurity = (version: string) =>
        small.publish(
          smallPackages({ "small-gauge": version }).filter(({ name }) => name === "small-gauge"),
          { suite: "small-security" },
        );
      await publish("1.0-1");
      await publishSecurity("1.0-1");
      const fleet = await fleets.open(small);
      const { run, version, operations, clock } = fleet;
      const gauge = () => version("small-alone", "small-gauge");
      const alone = ["small-alone"];
      await run(alone);
      clock.jump(hour);

      await publish("1.0-2");
      await tell(weak, "small-gauge", "1.0-2", critical);
      await run(alone);
      expect(await gauge()).toBe("1.0-1");
      const [held] = (await operations.plan({})).held;
      expect(held).toMatchObject({
        image: "small-alone",
        kind: "cool-down",
        reason: "small-gauge 1.0-2 (CVE-2099-0007) in the short cool-down of what feeds call a security fix",
      });
      expect(Math.abs(Date.parse(held?.until ?? "") - clock.now() - day)).toBeLessThan(5 * minute);
      const shown = (await operations.status({ image: "small-alone" })).images[0];
      expect(shown).toMatchObject({ state: "waiting", reason: expect.stringContaining("short cool-down") as unknown });
      clock.jump(day - 10 * minute);
      await run(alone);
      expect(await gauge()).toBe("1.0-1");
      clock.jump(11 * minute);
      await run(alone);
      expect(await gauge()).toBe("1.0-2");
      expect((await operations.why({ image: "small-alone" })).chain[0]?.cause).toMatchObject({
        summary: expect.stringMatching(/1\.0-1 → 1\.0-2.*CVE-2099-0007.*by the short cool-down/) as unknown,
      });

      // Known to be exploited: at once, also when that becomes known later.
      await publish("1.0-3");
      await tell(known, "small-gauge", "1.0-3");
      await run(alone);
      expect(await gauge()).toBe("1.0-2");
      await exploited(known);
      await run(alone);
      expect(await gauge()).toBe("1.0-3");

      // By a signed suite of security updates: at once, whatever feeds say.
      await publishSecurity("1.0-4");
      await run(alone);
      expect(await gauge()).toBe("1.0-4");
    },
  );

  it(
    "goes at once where a second kind of feed says so too, or policy trusts the one",
    { timeout: 120_000 },
    async () => {
      const small = await fleets.create();
      const { feeds, tell } = await createToldFeeds(small);
      const image = { packages: ["small-base", "small-gauge"], entrypoint: ["/usr/bin/small-gauge"] };
      const rest = { policies: { coolDown: "3d" }, images: { "small-alone": image } };
      await small.configure({ feeds, ...rest });
      await small.publish(asDebian(smallPackages()));
      const first = await fleets.open(small);
      await first.run(["small-alone"]);
      await small.publish(asDebian(smallPackages({ "small-gauge": "1.0-2" })));
      await tell(more, "small-gauge", "1.0-2", critical);
      await first.run(["small-alone"]);
      expect(await first.version("small-alone", "small-gauge")).toBe("1.0-1");
      await first.close();
      const trusted = feeds.map((one) => (one.kind === "osv" ? { ...one, trust: "strong" } : one));
      await small.configure({ feeds: trusted, ...rest });
      const second = await fleets.open(small);
      await second.run(["small-alone"]);
      expect(await second.version("small-alone", "small-gauge")).toBe("1.0-2");
    },
  );
});
