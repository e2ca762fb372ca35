import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { takeBack } from "../../src/loop/promote/index.ts";
import type { Digest } from "../../src/lib/index.ts";
import type { Status } from "../../src/operation/index.ts";
import { smallFleets } from "./fixture.ts";
import { expectInvariants } from "./invariants.ts";
import { startTidemill, type RunningTidemill } from "./processes.ts";
import { smallPackages, until, type OpenFleet, type SmallFleet } from "./small-fleet.ts";
import { createSmallSystem, type SmallSystem } from "./small-system.ts";

const fleets = smallFleets();

interface Promoted {
  readonly small: SmallFleet;
  readonly system: SmallSystem;
  readonly good: Digest;
  readonly next: Digest;
}

/** A fleet whose newest image is promoted to production and not deployed yet, for its system was away; now it is back. */
async function startPromoted(): Promise<Promoted> {
  const small = await fleets.create();
  const system = await createSmallSystem(small.folder);
  const shop = { environment: "production", images: ["small-alone"], command: system.command };
  await small.configure({ deployments: { shop }, watch: { interval: "1h" } });
  const found = await look(small, async ({ run, pointer }) => {
    await run();
    const good = await pointer("small-alone");
    await small.publish(smallPackages({ "small-gauge": "1.0-2" }));
    await system.behave({ broken: true });
    await run();
    return { good, next: await pointer("small-alone") };
  });
  await system.behave({});
  const { good, next } = found;
  if (good === undefined || next === undefined || good === next) throw new Error("nothing was promoted");
  return { small, system, good, next };
}

/** Looks into the state of a fleet that no process holds. */
async function look<T>(small: SmallFleet, ask: (open: OpenFleet) => Promise<T>): Promise<T> {
  const open = await small.open();
  try {
    return await ask(open);
  } finally {
    await open.close();
  }
}

async function untilDeployed(small: SmallFleet, running: RunningTidemill, digest: Digest): Promise<void> {
  await until("the server is there", () => Promise.resolve(/http:\/\//.test(running.output())), 30_000);
  const isDeployed = async (): Promise<boolean> => {
    const asked = await small.tidemill(["status", "small-alone", "--json"]);
    if (asked.status !== 0) return false;
    const place = (JSON.parse(asked.out) as Status).images[0]?.environments.at(-1);
    const [one] = place?.deployments ?? [];
    return place?.digest === digest && one?.digest === digest && one.since !== null;
  };
  await until("it is deployed", isDeployed, 60_000);
}

/** What holds however often it was killed: the place runs what the pointer names, nothing is under way, each attempt ended once. */
async function expectSettled({ small, system }: Promoted, digest: Digest): Promise<void> {
  await look(small, async (open) => {
    await expectInvariants(open);
    expect([await open.pointer("small-alone"), await open.tag("small-alone")]).toEqual([digest, digest]);
    expect(await system.runs("small-alone")).toBe(digest);
    const attempts = await open.fleet.ctx.store.loadDeployments({ name: "shop", image: "small-alone" });
    expect(attempts.filter(({ finishedAt }) => finishedAt === null)).toEqual([]);
    // A later worker has a higher fence: what a late one asks for can be told from it.
    const fences = (await system.calls()).map(({ fence }) => fence);
    expect(fences).toEqual([...fences].sort((a, b) => a - b));
  });
}

async function finish(one: Promoted, digest: Digest): Promise<void> {
  const running = startTidemill(one.small, ["up"]);
  fleets.onEnd(async () => void (await running.end("SIGKILL")));
  await untilDeployed(one.small, running, digest);
  await running.end("SIGKILL");
  await expectSettled(one, digest);
}

/** Does what a worker did up to a step of the one attempt that is under way, as if it had been killed there. */
async function stopAfter({ small, system, good, next }: Promoted, step: string): Promise<void> {
  await look(small, async ({ fleet }) => {
    const { store } = fleet.ctx;
    const lease = await store.leasePlace({ name: "shop", image: "small-alone", owner: "killed", leaseMs: 3_600_000 });
    if (lease === undefined) throw new Error("the place is taken");
    const wanted = { environment: "production", digest: next, by: "tidemill", reason: "production names it" };
    const saved = await store.saveDeployIntent(lease, wanted);
    if (saved.kind !== "saved") throw new Error(saved.kind);
    const { id } = saved.deployment;
    if (step === "intent") return;
    await system.make("small-alone", next);
    if (step === "effect") return;
    if (step === "applied") return void (await store.saveDeployment(lease, id, { to: "applied" }));
    await store.saveDeployment(lease, id, { to: "failing", reason: "it does not start" });
    if (step === "failing") return;
    await system.make("small-alone", good);
    if (step === "undone") return;
    const alarm = { code: "deploy-failed", subject: "small-alone:production" };
    const said = { message: "it could not be deployed", reason: "it does not start", alarm };
    await takeBack(fleet.ctx, { image: "small-alone", environment: "production", digest: next, ...said });
  });
}

describe("FAULTS 23: a deployment that is killed", () => {
  it.each(["intent", "effect", "applied"])(
    "goes on where it ended right after its %s",
    { timeout: 90_000 },
    async (step) => {
      const promoted = await startPromoted();
      await stopAfter(promoted, step);
      await finish(promoted, promoted.next);
      const ids = (await promoted.system.calls()).filter(({ digest }) => digest === promoted.next).map(({ id }) => id);
      expect(new Set(ids).size).toBeLessThanOrEqual(1);
    },
  );

  it.each(["failing", "undone", "taken back"])(
    "that failed is undone and taken back by whoever follows, also right after it is %s",
    { timeout: 90_000 },
    async (step) => {
      const promoted = await startPromoted();
      await promoted.system.behave({ refuses: [promoted.next] });
      await stopAfter(promoted, step);
      await finish(promoted, promoted.good);
      await look(promoted.small, async ({ fleet, alarms }) => {
        const { store } = fleet.ctx;
        expect(await store.loadQuarantines("small-alone")).toMatchObject([{ digest: promoted.next }]);
        expect((await alarms()).map(({ code }) => code)).toContain("deploy-failed");
        const moves = await store.loadPromotions({ image: "small-alone", environment: "production" });
        expect(moves.filter(({ kind, state }) => kind === "rollback" && state === "confirmed")).toHaveLength(1);
      });
    },
  );

  it("at any moment, again and again, ends as one that was not", { timeout: 240_000 }, async () => {
    for (const refuses of [false, true]) {
      const promoted = await startPromoted();
      if (refuses) await promoted.system.behave({ refuses: [promoted.next] });
      for (let round = 0; round < 5; round += 1) {
        const running = startTidemill(promoted.small, ["up"]);
        // The start of the program takes about a second; what it does then is done within the next half.
        await delay(800 + Math.random() * 1200);
        await running.end("SIGKILL");
        await look(promoted.small, expectInvariants);
      }
      await finish(promoted, refuses ? promoted.good : promoted.next);
    }
  });
});
