import { describe, expect, it } from "vitest";
import { smallFleets } from "./fixture.ts";
import { expectInvariants } from "./invariants.ts";
import { smallPackages } from "./small-fleet.ts";

const fleets = smallFleets();

/** A fleet of its own that is killed `kills` times; in the end all that was published is in production. */
async function killOften(kills: number): Promise<void> {
  const small = await fleets.create();
  const began = performance.now();
  expect((await small.tidemill(["run"])).status).toBe(0);
  // The first pass takes longest: kills fall all over a later one, and some after it.
  const wholeMs = performance.now() - began;
  let release = 1;
  let killed = 0;
  for (let round = 0; round < kills; round += 1) {
    // Every third time something new comes, else what was cut short goes on.
    if (round % 3 === 0) {
      release += 1;
      await small.publish(smallPackages({ libsmall1: `1.0-${release}`, "small-gauge": `1.0-${release}` }));
    }
    // The first fifth of a second is the start of the program.
    const ended = await small.tidemill(["run"], { killAfterMs: 200 + Math.random() * wholeMs * 0.8 });
    if (ended.status === null) killed += 1;
    else expect(ended.status, ended.out + ended.err).toBe(0);
    const open = await small.open();
    try {
      await expectInvariants(open);
    } finally {
      await open.close();
    }
  }
  expect(killed).toBeGreaterThan(kills / 3);

  const open = await fleets.open(small);
  expect(await open.run()).toMatchObject({ failed: 0, alarms: [] });
  await expectInvariants(open);
  const newest = `1.0-${release}`;
  expect([
    await open.version("small-root", "libsmall1"),
    await open.version("small-app", "libsmall1"),
    await open.version("small-alone", "small-gauge"),
  ]).toEqual([newest, newest, newest]);
  const { store } = open.fleet.ctx;
  expect(await store.loadOpenIntents()).toEqual([]);
  expect(await store.loadRebuilds({ active: true })).toEqual([]);
  const moves = (await store.loadPromotions({ states: ["confirmed"], limit: 1000 })).map(
    ({ image, environment, digest }) => `${image}:${environment} ${digest}`,
  );
  expect(new Set(moves).size).toBe(moves.length);
}

describe("FAULTS 23: a pass that is killed at any moment", () => {
  it("breaks no invariant, loses nothing and does nothing twice, 30 times over", { timeout: 240_000 }, async () => {
    // Two fleets at once: most of the time goes into starting programs.
    await Promise.all([killOften(15), killOften(15)]);
  });
});
