import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect } from "vitest";
import { missingDockerRegistry, startDockerRegistry } from "../../src/io/registry/testdata/docker-registry.ts";
import { postgresKind } from "../fakes/stores.ts";
import { needs } from "../needs.ts";
import { smallFleets } from "./fixture.ts";
import { expectInvariants } from "./invariants.ts";
import { startTidemill } from "./processes.ts";
import { smallPackages, until } from "./small-fleet.ts";
import { createSmallSystem } from "./small-system.ts";

const fleets = smallFleets();
const missing = postgresKind.missing ?? (await missingDockerRegistry());

describe("FAULTS 24: two servers that deploy to one system", () => {
  for (const signal of ["SIGKILL", "SIGSTOP"] as const)
    needs(missing)(
      `do it once, also where the one that is at it gets ${signal}`,
      async () => {
        const { place, remove } = await postgresKind.createPlace();
        fleets.onEnd(remove);
        if (!("databaseUrl" in place)) throw new Error("PostgreSQL has addresses");
        const registry = await startDockerRegistry();
        fleets.onEnd(() => registry.close());
        const change = { registry: { url: registry.host, insecure: true }, watch: { interval: "1h" } };
        const small = await fleets.create(change, { DATABASE_URL: place.databaseUrl });
        const system = await createSmallSystem(small.folder);
        fleets.onEnd(() => system.end());
        const shop = { environment: "production", images: ["small-alone"], command: system.command };
        await small.configure({ ...change, deployments: { shop } });
        const open = await fleets.open(small);
        await open.run();
        const first = await open.pointer("small-alone");
        await small.publish(smallPackages({ "small-gauge": "1.0-2" }));
        await system.behave({ broken: true });
        await open.run();
        const second = await open.pointer("small-alone");
        if (second === undefined || second === first) throw new Error("nothing was promoted");
        await system.behave({ slow: second });

        const processes = ["one", "two"].map((name) => startTidemill(small, ["up"], join(small.folder, name)));
        for (const running of processes) fleets.onEnd(async () => void (await running.end("SIGKILL")));
        const { store } = open.fleet.ctx;
        const attempt = async () => (await store.loadDeployments({ name: "shop", digest: second }))[0];
        const before = (await attempt())?.fence ?? 0;
        const begun = await until(
          "one of them is at it",
          async () => {
            const one = await attempt();
            return one !== undefined && one.fence > before ? one : undefined;
          },
          30_000,
        );
        const owner = String(begun.detail["owner"]);
        await until("it has begun", () => system.isSlow(), 10_000);
        const at = processes.find(({ pid }) => owner.startsWith(`${pid}-`));
        if (at === undefined) throw new Error(`${owner} is none of ours`);
        process.kill(at.pid, signal);
        // Whoever follows is not held up.
        await system.behave({});
        await until("the other one did it", async () => (await attempt())?.state === "confirmed", 60_000);
        expect(await system.runs("small-alone")).toBe(second);
        const done = await attempt();
        expect(done).toMatchObject({ id: begun.id, detail: { takenOver: true } });
        expect(done?.fence).toBeGreaterThan(begun.fence);
        expect((await system.calls()).filter(({ digest }) => digest === second)).toHaveLength(1);
        if (signal === "SIGSTOP") {
          // Woken up long after its lease it ends what it had begun, and leaves the rest to the other.
          process.kill(at.pid, "SIGCONT");
          await until("what it had begun has ended", () => system.isEnded(), 30_000);
          await delay(2000);
          expect(await attempt()).toEqual(done);
          expect(await system.runs("small-alone")).toBe(second);
        }
        await Promise.all(processes.map(({ end }) => end("SIGKILL")));
        await expectInvariants(open);
      },
      120_000,
    );
});
