import { join } from "node:path";
import { describe, expect } from "vitest";
import { missingDockerRegistry, startDockerRegistry } from "../../src/io/registry/testdata/docker-registry.ts";
import { postgresKind } from "../fakes/stores.ts";
import { needs } from "../needs.ts";
import { smallFleets } from "./fixture.ts";
import { expectInvariants } from "./invariants.ts";
import { startTidemill, type RunningTidemill } from "./processes.ts";
import { smallPackages, until, type SmallFleet } from "./small-fleet.ts";

const fleets = smallFleets();
const missing = postgresKind.missing;
const missingEither = missing ?? (await missingDockerRegistry());

/** A database of its own for a test: its address. */
async function createDatabase(): Promise<string> {
  const { place, remove } = await postgresKind.createPlace();
  fleets.onEnd(remove);
  if (!("databaseUrl" in place)) throw new Error("PostgreSQL has addresses");
  return place.databaseUrl;
}

function startUp(small: SmallFleet, name: string): RunningTidemill {
  const running = startTidemill(small, ["up"], join(small.folder, name));
  fleets.onEnd(async () => void (await running.end("SIGKILL")));
  return running;
}

describe("the small fleet on PostgreSQL", () => {
  needs(missing)(
    "builds, renews what an update reaches, and takes back what a person rolls back",
    async () => {
      const small = await fleets.create({}, { DATABASE_URL: await createDatabase() });
      const open = await fleets.open(small);
      expect(await open.run()).toMatchObject({ built: 3, failed: 0, alarms: [] });
      await small.publish(smallPackages({ libsmall1: "1.0-2" }));
      expect(await open.run()).toMatchObject({ rebuilt: 2, failed: 0, alarms: [] });
      expect(await open.version("small-app", "libsmall1")).toBe("1.0-2");
      const back = { image: "small-app", environment: "production", by: "ada", reason: "drill" };
      expect(await open.operations.rollback(back)).toMatchObject({ kind: "rolled-back" });
      expect(await open.run()).toMatchObject({ failed: 0, alarms: [] });
      expect(await open.version("small-app", "libsmall1")).toBe("1.0-1");
      await expectInvariants(open);
    },
    60_000,
  );
});

describe("FAULTS 23, 24: two processes on one database and one registry", () => {
  needs(missingEither)(
    "do the work once, and take over from one that is killed within 30 seconds",
    async () => {
      const registry = await startDockerRegistry();
      fleets.onEnd(() => registry.close());
      const small = await fleets.create(
        { registry: { url: registry.host, insecure: true }, watch: { interval: "2s" } },
        { DATABASE_URL: await createDatabase() },
      );
      const open = await fleets.open(small);
      const { store } = open.fleet.ctx;
      const processes = [startUp(small, "one"), startUp(small, "two")];
      const inProduction = (image: string, name: string, version: string) =>
        until(`${image} runs ${name} ${version}`, async () => (await open.version(image, name)) === version, 60_000);
      await inProduction("small-app", "small-tool", "1.0-1");
      await inProduction("small-alone", "small-gauge", "1.0-1");

      small.archive.fail(/pool\/.*libsmall1/, { kind: "slow", ms: 600_000 });
      await small.publish(smallPackages({ libsmall1: "1.0-2", "small-gauge": "1.0-2" }));
      const owner = await until(
        "one of them builds",
        async () =>
          (await store.loadRebuilds({ image: "small-root", active: true })).find(({ state }) => state === "building")
            ?.leaseOwner ?? undefined,
        30_000,
      );
      // The other one goes on meanwhile.
      await inProduction("small-alone", "small-gauge", "1.0-2");
      const victim = processes.find(({ pid }) => owner.startsWith(`${pid}-`));
      expect(victim).toBeDefined();
      await victim?.end("SIGKILL");
      small.archive.heal();
      const killed = Date.now();
      await until(
        "the other one has taken it over",
        async () => {
          const [rebuild] = await store.loadRebuilds({ image: "small-root" });
          return rebuild !== undefined && rebuild.leaseOwner !== owner;
        },
        35_000,
      );
      expect(Date.now() - killed).toBeLessThan(30_000);
      await inProduction("small-app", "libsmall1", "1.0-2");

      const rebuilds = await store.loadRebuilds({ limit: 100 });
      const count = (image: string): number => rebuilds.filter((one) => one.image === image).length;
      expect([count("small-root"), count("small-app"), count("small-alone")]).toEqual([2, 2, 2]);
      expect(rebuilds.filter(({ attempts }) => attempts !== 1)).toEqual([]);
      expect(rebuilds.filter(({ detail }) => detail["crashes"] !== undefined).map(({ image }) => image)).toEqual([
        "small-root",
      ]);
      const moves = (await store.loadPromotions({ states: ["confirmed"], limit: 100 })).map(
        ({ image, environment, digest }) => `${image}:${environment} ${digest}`,
      );
      expect(moves).toHaveLength(12);
      expect(new Set(moves).size).toBe(12);
      expect(await open.alarms()).toEqual([]);
      await Promise.all(processes.map(({ end }) => end("SIGKILL")));
      await expectInvariants(open);
    },
    150_000,
  );
});
