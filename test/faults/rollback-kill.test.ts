import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { Digest } from "../../src/lib/index.ts";
import type { Status } from "../../src/operation/index.ts";
import { smallFleets } from "./fixture.ts";
import { expectInvariants } from "./invariants.ts";
import { startTidemill, type RunningTidemill } from "./processes.ts";
import { startSickService } from "./sick-service.ts";
import { smallPackages, until, type OpenFleet, type SmallFleet } from "./small-fleet.ts";

const fleets = smallFleets();

/** A fleet whose newest image soaks in production and whose service is sick as long as that image runs. */
async function startSick(): Promise<{ readonly small: SmallFleet; readonly good: Digest; readonly bad: Digest }> {
  const service = await startSickService();
  fleets.onEnd(() => service.close());
  const small = await fleets.create();
  const first = await fleets.open(small);
  await first.run();
  const good = await first.pointer("small-alone");
  await first.close();
  const home = { name: "home", http: { url: service.url }, images: ["small-alone"], every: "100ms", failures: 2 };
  await small.configure({
    environments: [{ name: "staging" }, { name: "production", soak: "1h", probes: [home] }],
    watch: { interval: "1h" },
  });
  const second = await fleets.open(small);
  await small.publish(smallPackages({ "small-gauge": "1.0-2" }));
  await second.run();
  const bad = await second.pointer("small-alone");
  await second.close();
  if (good === undefined || bad === undefined) throw new Error("nothing runs");
  service.isWell = () => false;
  return { small, good, bad };
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

/** What the server that holds the state says; undefined while it does not answer yet. */
async function statusOf(small: SmallFleet): Promise<Status | undefined> {
  const asked = await small.tidemill(["status", "small-alone", "--json"]);
  return asked.status === 0 ? (JSON.parse(asked.out) as Status) : undefined;
}

async function untilServed(small: SmallFleet, running: RunningTidemill, digest: Digest): Promise<void> {
  // Before it holds the state, whoever asks would take it.
  await until("the server is there", () => Promise.resolve(/http:\/\//.test(running.output())), 30_000);
  const named = async () =>
    (await statusOf(small))?.images[0]?.environments.find(({ name }) => name === "production")?.digest === digest;
  await until("the old one serves", named, 60_000);
}

/** One that is killed again and again while it takes an image back, at moments that fall all over the way. */
async function killOften(kills: number): Promise<void> {
  const { small, good, bad } = await startSick();
  for (let round = 0; round < kills; round += 1) {
    const running = startTidemill(small, ["up"]);
    // The start of the program takes about a second; two probes and the way back the next half.
    await delay(700 + Math.random() * 1300);
    await running.end("SIGKILL");
    await look(small, expectInvariants);
  }
  const began = Date.now();
  const last = startTidemill(small, ["up"]);
  fleets.onEnd(async () => void (await last.end("SIGKILL")));
  await untilServed(small, last, good);
  expect(Date.now() - began).toBeLessThan(60_000);
  await last.end("SIGKILL");
  await look(small, async (open) => {
    await expectInvariants(open);
    expect(await open.tag("small-alone")).toBe(good);
    const { store } = open.fleet.ctx;
    const moves = await store.loadPromotions({
      image: "small-alone",
      environment: "production",
      states: ["confirmed"],
    });
    expect(moves.filter(({ kind }) => kind === "rollback")).toHaveLength(1);
    expect(await store.loadQuarantines("small-alone")).toMatchObject([{ digest: bad }]);
    expect((await open.alarms()).map(({ code }) => code)).toEqual(["probe-failing"]);
    expect(await store.loadOpenIntents()).toEqual([]);
  });
}

describe("FAULTS 23, 29: a way back that is killed at any moment", () => {
  it("is taken once, by whoever follows, with its quarantine and its alarm", { timeout: 180_000 }, async () => {
    await Promise.all([killOften(5), killOften(5)]);
  });

  it.each(["alarm", "intent", "tag", "confirmation"] as const)(
    "goes on where the process ended right after its %s",
    { timeout: 180_000 },
    async (step) => {
      const { small, good, bad } = await startSick();
      await look(small, async ({ fleet, pointer }) => {
        const { store } = fleet.ctx;
        const subject = { code: "probe-failing", subject: "small-alone:production" } as const;
        const message = `small-alone@${bad} is unhealthy in production`;
        await store.saveAlarm({ ...subject, severity: "error", message });
        if (step === "alarm") return;
        const reason = "unhealthy: the probe home failed";
        const intent = { image: "small-alone", environment: "production", by: "tidemill", reason } as const;
        const saved = await store.saveIntent({
          ...intent,
          digest: good,
          kind: "rollback",
          leaving: (await pointer("small-alone")) ?? "sha256:",
          quarantine: {
            image: "small-alone",
            digest: bad,
            packages: [],
            reason,
            who: "tidemill",
          },
        });
        if (saved.kind !== "saved") throw new Error(saved.kind);
        if (step === "intent") return;
        await fleet.ctx.repositoryOf("small-alone").tag(good, "production", {});
        if (step === "confirmation") await store.savePromotion(saved.promotion);
      });
      const running = startTidemill(small, ["up"]);
      fleets.onEnd(async () => void (await running.end("SIGKILL")));
      await untilServed(small, running, good);
      await until("the alarm stands", async () => (await statusOf(small))?.alarms.length === 1, 30_000);
      await running.end("SIGKILL");
      await look(small, async (open) => {
        await expectInvariants(open);
        expect([await open.pointer("small-alone"), await open.tag("small-alone")]).toEqual([good, good]);
        expect(await open.fleet.ctx.store.loadQuarantines("small-alone")).toMatchObject([{ digest: bad }]);
        expect((await open.alarms()).map(({ code }) => code)).toEqual(["probe-failing"]);
      });
    },
  );
});
