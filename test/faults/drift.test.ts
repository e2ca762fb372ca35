import { describe, expect, it } from "vitest";
import { smallFleets } from "./fixture.ts";
import { expectInvariants } from "./invariants.ts";
import { smallPackages } from "./small-fleet.ts";
import type { DebSpec } from "../fakes/make-deb.ts";

const fleets = smallFleets();

/** The small fleet's packages, with a gauge that needs one more. */
function needing(version: string): DebSpec[] {
  const lens: DebSpec = {
    name: "small-lens",
    version: "1.0-1",
    entries: [{ path: "usr/share/lens", content: "a lens\n" }],
  };
  const plain = smallPackages({ "small-gauge": version });
  return [
    lens,
    ...plain.map((one) => (one.name === "small-gauge" ? { ...one, fields: { Depends: "small-lens" } } : one)),
  ];
}

describe("a drift gate", () => {
  it("has a candidate that differs in more than is allowed wait for a person's word of that digest", async () => {
    const small = await fleets.create({
      environments: [{ name: "staging" }, { name: "production", gates: { drift: { added: "ask" } } }],
    });
    const started = await fleets.open(small);
    const { run, pointer, operations, fleet, clock } = started;
    await run();
    const good = await pointer("small-alone");
    await small.publish(needing("1.0-2"));
    await run();
    const asked = await pointer("small-alone", "staging");
    expect([await pointer("small-alone"), asked === good]).toEqual([good, false]);
    const status = await operations.status({ image: "small-alone" });
    expect(status.rebuilds).toMatchObject([
      { step: "promote", environment: "production", reason: expect.stringContaining("small-lens 1.0-1 is new") },
    ]);

    const ask = { image: "small-alone", environment: "production", reason: "we want the lens" };
    expect(await operations.promote({ ...ask, by: "ada" })).toMatchObject({
      kind: "refused",
      reasons: expect.arrayContaining([expect.stringContaining("0 of 1 approvals for production")]),
    });
    expect(await operations.approve({ ...ask, environment: "staging", by: "ada" })).toMatchObject({ kind: "refused" });
    // Another candidate asks again, whoever spoke of the one before.
    await small.publish(needing("1.0-3"));
    await run();
    // One that waits for a person stands in the way of the next for an hour.
    clock.jump(2 * 3_600_000);
    await run();
    const newer = await pointer("small-alone", "staging");
    expect([newer === asked, await pointer("small-alone")]).toEqual([false, good]);
    await operations.approve({ ...ask, by: "ada", ...(asked === undefined ? {} : { digest: asked }) });
    await run();
    expect(await pointer("small-alone")).toBe(good);
    expect(await operations.approve({ ...ask, by: "bob" })).toMatchObject({
      kind: "approved",
      digest: newer,
      approvals: 1,
      wanted: 1,
    });
    await run();
    expect(await pointer("small-alone")).toBe(newer);
    const { events } = await operations.history({ image: "small-alone" });
    expect(events.map(({ kind }) => kind)).toContain("promoted");
    expect((await fleet.ctx.store.verifyAudit()).kind).toBe("intact");
    await expectInvariants(started);
  }, 120_000);

  it("a rejected one stays out with what it brings", async () => {
    const small = await fleets.create({
      environments: [{ name: "staging" }, { name: "production", gates: { drift: { added: "ask" } } }],
    });
    const { run, pointer, operations } = await fleets.open(small);
    await run();
    const good = await pointer("small-alone");
    await small.publish(needing("1.0-2"));
    await run();
    const ask = { image: "small-alone", environment: "production", reason: "no lens here", by: "ada" };
    expect(await operations.reject(ask)).toMatchObject({ kind: "rejected" });
    await run();
    expect(await pointer("small-alone")).toBe(good);
    expect((await operations.status({ image: "small-alone" })).quarantines).toHaveLength(1);
  }, 120_000);

  it("asks those whose word counts, as many as are wanted", async () => {
    const rule = { approvals: { count: 2, from: ["ada", "bob"] } };
    const production = { name: "production", gates: { drift: { added: "ask" } } };
    const small = await fleets.create({ environments: [{ name: "staging" }, production] });
    const begun = await fleets.open(small);
    await begun.run();
    const good = await begun.pointer("small-alone");
    await begun.close();
    await small.configure({ environments: [{ name: "staging" }, { ...production, ...rule }] });
    const { run, pointer, operations, clock } = await fleets.open(small);
    await small.publish(needing("1.0-2"));
    await run();
    const ask = { image: "small-alone", environment: "production", reason: "we want the lens" };
    expect(await operations.approve({ ...ask, by: "eve" })).toMatchObject({ kind: "refused" });
    expect(await operations.approve({ ...ask, by: "ada" })).toMatchObject({ approvals: 1, wanted: 2 });
    clock.jump(1000);
    await run();
    expect(await pointer("small-alone")).toBe(good);
    expect((await operations.status({ image: "small-alone" })).rebuilds[0]?.reason).toMatch(
      /1 of 2 approvals for production, by ada, bob; a person is asked: small-lens/,
    );
    await operations.approve({ ...ask, by: "bob" });
    clock.jump(1000);
    await run();
    expect(await pointer("small-alone")).toBe(await pointer("small-alone", "staging"));
  }, 120_000);

  it("knows no word that helps against what is refused", async () => {
    const drift = { added: "refuse", removed: "ask" };
    const small = await fleets.create({
      environments: [{ name: "staging" }, { name: "production", gates: { drift } }],
    });
    const { run, pointer, operations } = await fleets.open(small);
    await run();
    const good = await pointer("small-alone");
    await small.publish(needing("1.0-2"));
    await run();
    const refused = (await pointer("small-alone", "staging")) ?? "";
    const ask = { image: "small-alone", environment: "production", reason: "we want the lens", by: "ada" };
    expect(await operations.approve({ ...ask, digest: refused })).toMatchObject({ kind: "refused" });
    expect(await operations.promote({ ...ask, digest: refused })).toMatchObject({ kind: "refused" });
    expect(await pointer("small-alone")).toBe(good);
  }, 120_000);

  it("that is asked about moves nothing before a person's word and all after it, whenever a pass is killed", async () => {
    const small = await fleets.create({
      environments: [{ name: "staging" }, { name: "production", gates: { drift: { added: "ask" } } }],
    });
    const began = performance.now();
    expect((await small.tidemill(["run"])).status).toBe(0);
    const wholeMs = performance.now() - began;
    await small.publish(needing("1.0-2"));
    const look = async (): Promise<string | undefined> => {
      const open = await small.open();
      try {
        await expectInvariants(open);
        return await open.version("small-alone", "small-gauge");
      } finally {
        await open.close();
      }
    };
    const kill = (at: number) => small.tidemill(["run"], { killAfterMs: 300 + wholeMs * at });
    for (const at of [0.4, 0.7]) {
      await kill(at);
      expect(await look()).toBe("1.0-1");
    }
    expect((await small.tidemill(["run"])).status).toBe(0);
    expect(await look()).toBe("1.0-1");
    const shown = await small.tidemill(["status", "small-alone"]);
    expect(shown.out.replaceAll(/\s+/g, " ")).toContain("small-lens 1.0-1 is new");
    const word = ["approve", "small-alone", "production", "--by", "ada", "--reason", "meant"];
    expect(await small.tidemill(word)).toMatchObject({
      status: 0,
      out: expect.stringContaining("approved for production: 1 of 1"),
    });
    for (const at of [0.4, 0.7]) {
      await kill(at);
      await look();
    }
    expect((await small.tidemill(["run"])).status).toBe(0);
    expect(await look()).toBe("1.0-2");
    const { fleet } = await fleets.open(small);
    const moves = await fleet.ctx.store.loadPromotions({ image: "small-alone", environment: "production" });
    expect(moves.filter(({ state }) => state === "confirmed")).toHaveLength(2);
    const audit = await fleet.ctx.store.loadAudit({ limit: 1000 });
    expect(audit.find(({ action }) => action === "approved")).toMatchObject({
      actor: "ada",
      detail: { environment: "production", reason: "meant" },
    });
  }, 180_000);
});
