import { describe, expect, it } from "vitest";
import { smallFleets } from "./fixture.ts";
import { hour, minute, smallPackages, type Change } from "./small-fleet.ts";

const fleets = smallFleets();
const why = { reason: "tried it" };

const update = smallPackages({ "small-gauge": "1.0-2" });
const chain = (production: Record<string, unknown>): Change => ({
  environments: [{ name: "staging" }, { name: "production", ...production }],
});

describe("an environment that wants approvals", () => {
  const approved = async (count: number, from?: string[]) => {
    const started = await fleets.open(
      await fleets.create(chain({ approvals: { count, ...(from === undefined ? {} : { from }) } })),
    );
    await started.run();
    return started;
  };

  it("waits for so many people, says so, and moves when the last has spoken", { timeout: 180_000 }, async () => {
    const { run, operations, pointer, clock } = await approved(2, ["ada", "bob"]);
    expect(await pointer("small-alone", "staging")).toBeDefined();
    expect(await pointer("small-alone")).toBeUndefined();
    const ask = { image: "small-alone", environment: "production", ...why };
    expect(await operations.approve({ ...ask, by: "eve" })).toMatchObject({ kind: "refused" });
    expect(await operations.approve({ ...ask, by: "ada" })).toMatchObject({
      kind: "approved",
      approvals: 1,
      wanted: 2,
    });
    await operations.approve({ ...ask, by: "ada" });
    await run();
    expect(await pointer("small-alone")).toBeUndefined();
    const status = await operations.status({ image: "small-alone" });
    expect(status.rebuilds).toMatchObject([
      { step: "promote", environment: "production", approvals: [{ by: "ada", verdict: "approved" }] },
    ]);
    expect(status.rebuilds[0]?.reason).toContain("1 of 2 approvals for production");
    expect((await operations.plan({})).waiting.find(({ image }) => image === "small-alone")?.reason).toContain(
      "1 of 2",
    );
    expect((await operations.why({ image: "small-alone" })).waits?.reason).toContain("1 of 2");
    const forced = { image: "small-alone", environment: "production", by: "ada", reason: "now" };
    expect(await operations.promote(forced)).toMatchObject({ kind: "refused", reasons: [/1 of 2/] });

    await operations.approve({ ...ask, by: "bob" });
    clock.jump(1000);
    await run();
    expect(await pointer("small-alone")).toBe(await pointer("small-alone", "staging"));
  });

  it("asks anew for another candidate", { timeout: 180_000 }, async () => {
    const { small, run, operations, version, clock } = await approved(1);
    await operations.approve({ image: "small-alone", environment: "production", by: "ada", ...why });
    await run();
    expect(await version("small-alone", "small-gauge")).toBe("1.0-1");
    await small.publish(update);
    await run();
    clock.jump(hour);
    await run();
    expect(await version("small-alone", "small-gauge", "staging")).toBe("1.0-2");
    expect(await version("small-alone", "small-gauge")).toBe("1.0-1");
  });

  it("ends what is rejected, and does not offer it again", { timeout: 180_000 }, async () => {
    const { small, run, operations, version, clock, fleet } = await approved(1);
    const ask = { image: "small-alone", environment: "production", by: "ada", ...why };
    await operations.approve(ask);
    await run();
    await small.publish(update);
    await run();
    expect(await operations.reject({ ...ask, reason: "ugly" })).toMatchObject({ kind: "rejected" });
    clock.jump(1000);
    await run();
    const [newest] = await fleet.ctx.store.loadRebuilds({ image: "small-alone" });
    expect(newest).toMatchObject({ state: "failed", lastError: { message: "ada rejected it for production: ugly" } });
    for (let pass = 0; pass < 3; pass += 1) {
      clock.jump(6 * hour);
      await run();
    }
    expect((await fleet.ctx.store.loadRebuilds({ image: "small-alone" }))[0]?.id).toBe(newest?.id);
    expect((await operations.plan({})).held).toMatchObject([{ image: "small-alone", kind: "quarantine" }]);
    const { events } = await operations.history({ image: "small-alone" });
    expect(events.find(({ kind }) => kind === "rejected")).toMatchObject({
      by: "ada",
      reason: "ugly",
      environment: "production",
      to: newest?.candidate,
    });
    expect(await operations.approve({ ...ask, digest: newest?.candidate ?? "" })).toMatchObject({ kind: "refused" });
    await small.publish(smallPackages({ "small-gauge": "1.0-3" }));
    clock.jump(hour);
    await run();
    await operations.approve(ask);
    clock.jump(1000);
    await run();
    expect(await version("small-alone", "small-gauge")).toBe("1.0-3");
  });
});

describe("an environment with hours", () => {
  it("moves forward inside its window only, and back at any time", { timeout: 180_000 }, async () => {
    const small = await fleets.create();
    const begun = await fleets.open(small);
    await begun.run();
    await begun.close();
    // Opens in two hours, for an hour.
    const at = (ms: number): string => new Date(Date.now() + ms).toISOString().slice(11, 16);
    await small.configure(chain({ windows: [{ from: at(2 * hour), to: at(3 * hour) }] }));
    const { run, operations, version, clock: time } = await fleets.open(small);
    await small.publish(update);
    await run();
    expect(await version("small-alone", "small-gauge", "staging")).toBe("1.0-2");
    expect(await version("small-alone", "small-gauge")).toBe("1.0-1");
    const [waiting] = (await operations.status({ image: "small-alone" })).rebuilds;
    expect(waiting?.reason).toContain("window of production is closed");
    const opens = Date.parse(waiting?.until ?? "") - Date.now();
    expect(opens).toBeGreaterThan(hour);
    expect(opens).toBeLessThanOrEqual(2 * hour);
    time.jump(2 * hour + minute);
    await run();
    expect(await version("small-alone", "small-gauge")).toBe("1.0-2");
    time.jump(4 * hour);
    const back = { image: "small-alone", environment: "production", by: "ada", reason: "slow" };
    expect(await operations.rollback(back)).toMatchObject({ kind: "rolled-back" });
  });

  it("stays as it is in a freeze, and a person is told why", { timeout: 180_000 }, async () => {
    const made = await fleets.create();
    const begun = await fleets.open(made);
    await begun.run();
    await begun.close();
    const until = new Date(Date.now() + 5 * hour).toISOString();
    await made.configure(
      chain({ freeze: [{ from: new Date(Date.now() - hour).toISOString(), until, reason: "fair" }] }),
    );
    const { run, operations, version, clock } = await fleets.open(made);
    await made.publish(update);
    await run();
    expect(await version("small-alone", "small-gauge")).toBe("1.0-1");
    const forced = { image: "small-alone", environment: "production", by: "ada", reason: "now" };
    expect(await operations.promote(forced)).toMatchObject({ kind: "refused", reasons: [/frozen: fair; until/] });
    clock.jump(5 * hour);
    await run();
    expect(await version("small-alone", "small-gauge")).toBe("1.0-2");
  });

  it("FAULTS 29: keeps out what no probe asks after, where probes are required", { timeout: 180_000 }, async () => {
    const { run, operations, pointer } = await fleets.open(await fleets.create(chain({ requireProbes: true })));
    await run();
    expect(await pointer("small-alone", "staging")).toBeDefined();
    expect(await pointer("small-alone")).toBeUndefined();
    expect((await operations.status({ image: "small-alone" })).rebuilds[0]?.reason).toContain("no probe asks after it");
    const forced = {
      image: "small-alone",
      environment: "production",
      digest: (await pointer("small-alone", "staging")) ?? "",
    };
    expect(await operations.promote({ ...forced, by: "ada", reason: "now" })).toMatchObject({
      kind: "refused",
      reasons: [expect.stringContaining("no probe asks after it")],
    });
  });
});

describe("FAULTS 29: an image that no probe asks after", () => {
  it("is let in with an alarm where policy warns of it, until there is one", { timeout: 180_000 }, async () => {
    const made = await fleets.create(chain({ requireProbes: "warn" }));
    const started = await fleets.open(made);
    await started.run();
    const { alarms, pointer } = started;
    expect(await pointer("small-alone")).toBeDefined();
    expect((await alarms()).filter(({ code }) => code === "no-probe")).toHaveLength(3);
    await started.close();
    const port = { name: "port", tcp: "127.0.0.1:9", images: ["small-alone"] };
    await made.configure(chain({ requireProbes: "warn", probes: [port] }));
    const again = await fleets.open(made);
    await again.run();
    const still = (await again.alarms()).map(({ subject }) => subject).sort();
    expect(still).toEqual(["small-app:production", "small-root:production"]);
  });
});

describe("FAULTS 26: a soak while the clock is set", () => {
  it("lasts as long as it has to, whatever the time of day says", { timeout: 180_000 }, async () => {
    const soaking = { environments: [{ name: "staging", soak: "2h" }, { name: "production" }] };
    const { run, pointer, clock } = await fleets.open(await fleets.create(soaking));
    await run();
    expect(await pointer("small-alone", "staging")).toBeDefined();
    for (const day of [24, 24, -72]) {
      clock.set(day * hour);
      const { alarms } = await run();
      expect(alarms).toMatchObject([
        { code: "clock-set", message: expect.stringContaining(day > 0 ? "forward" : "back") },
      ]);
      expect(await pointer("small-alone")).toBeUndefined();
    }
    expect((await run()).alarms).toEqual([]);
    clock.jump(hour);
    await run();
    clock.set(-24 * hour);
    await run();
    expect(await pointer("small-alone")).toBeUndefined();
    // What the wrong clock had said to wait for is not waited for.
    clock.jump(hour + minute);
    await run();
    expect(await pointer("small-alone")).toBe(await pointer("small-alone", "staging"));
  });
});
