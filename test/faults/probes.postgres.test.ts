import { join } from "node:path";
import { describe, expect } from "vitest";
import { missingDockerRegistry, startDockerRegistry } from "../../src/io/registry/testdata/docker-registry.ts";
import { postgresKind } from "../fakes/stores.ts";
import { needs } from "../needs.ts";
import { smallFleets } from "./fixture.ts";
import { expectInvariants } from "./invariants.ts";
import { startTidemill } from "./processes.ts";
import { startSickService } from "./sick-service.ts";
import { smallPackages, until } from "./small-fleet.ts";

const fleets = smallFleets();
const missing = postgresKind.missing ?? (await missingDockerRegistry());

describe("FAULTS 24, 29: two servers that watch one soak", () => {
  needs(missing)(
    "take an unhealthy image back once, also where the one that asks is killed",
    async () => {
      const { place, remove } = await postgresKind.createPlace();
      fleets.onEnd(remove);
      if (!("databaseUrl" in place)) throw new Error("PostgreSQL has addresses");
      const registry = await startDockerRegistry();
      fleets.onEnd(() => registry.close());
      const service = await startSickService();
      fleets.onEnd(() => service.close());
      const home = { name: "home", images: ["small-alone"], http: { url: service.url }, every: "300ms", timeout: "1s" };
      const small = await fleets.create(
        {
          environments: [{ name: "staging" }, { name: "production", soak: "1h", probes: [home] }],
          registry: { url: registry.host, insecure: true },
          watch: { interval: "1h" },
        },
        { DATABASE_URL: place.databaseUrl },
      );
      const open = await fleets.open(small);
      await open.run();
      const good = await open.pointer("small-alone");
      await small.publish(smallPackages({ "small-gauge": "1.0-2" }));
      await open.run();
      const bad = await open.pointer("small-alone");
      expect(bad).not.toBe(good);

      const processes = ["one", "two"].map((name) => startTidemill(small, ["up"], join(small.folder, name)));
      for (const running of processes) fleets.onEnd(async () => void (await running.end("SIGKILL")));
      const { store } = open.fleet.ctx;
      const soakNow = async () =>
        (await store.loadSoaks("small-alone")).find(({ environment }) => environment === "production");
      const proberNow = async (): Promise<string | undefined> =>
        ((await soakNow())?.detail["prober"] as { readonly owner: string } | undefined)?.owner;
      const owner = await until("one of them asks", proberNow, 30_000);
      await until("it soaks", async () => ((await soakNow())?.stoodMs ?? 0) > 600, 15_000);
      await processes.find(({ pid }) => owner.startsWith(`${pid}-`))?.end("SIGKILL");
      service.isWell = async () => (await open.tag("small-alone")) !== bad;
      const sick = Date.now();
      await until("the old one serves", async () => (await open.tag("small-alone")) === good, 60_000);
      expect(Date.now() - sick).toBeLessThan(20_000);
      await until("the pointer says so", async () => (await open.pointer("small-alone")) === good, 10_000);
      expect(await proberNow()).not.toBe(owner);
      const moves = await store.loadPromotions({ image: "small-alone", environment: "production" });
      expect(moves.filter(({ kind }) => kind === "rollback")).toHaveLength(1);
      expect(await store.loadQuarantines("small-alone")).toMatchObject([{ digest: bad, who: "tidemill" }]);
      await Promise.all(processes.map(({ end }) => end("SIGKILL")));
      await expectInvariants(open);
    },
    120_000,
  );
});
