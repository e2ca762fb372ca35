import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Why } from "../../src/operation/index.ts";
import { smallPackages, type SmallFleet } from "../faults/small-fleet.ts";
import { createSignedFleet } from "./signed-fleet.ts";

const image = "small-alone";
let small: SmallFleet;
let before: Why;
let after: Why;
let policies: (string | null)[];
beforeAll(async () => {
  small = await createSignedFleet();
  await small.publish(smallPackages());
  const open = await small.open();
  const { validate, why } = open.operations;
  const check = async () => (await validate({ name: "x", text: await readFile(small.configPath, "utf8") })).policy;
  policies = [await check()];
  await open.run();
  before = await why({ image });
  await open.close();

  await small.configure({ evidence: { key: "mill.key", require: ["signature"] } });
  const again = await small.open();
  policies.push(await check());
  await again.operations.hold({ image, by: "ann", reason: "a fair" });
  after = await again.operations.why({ image });
  const [held] = await again.fleet.ctx.store.loadAudit({ actions: ["held"], limit: 1 });
  policies.push((held?.detail.policy as string | undefined) ?? null);
  await again.close();
}, 180_000);
afterAll(() => small.remove());

describe("the rules that something was decided by", () => {
  it("are named in every decision, as `validate` tells them of the configuration", () => {
    expect(policies[0]).toMatch(/^sha256:[0-9a-f]{64}$/);
    const decided = [...before.promotions, ...before.verifications];
    expect(decided.length).toBeGreaterThan(1);
    expect(decided.every(({ policy }) => policy === policies[0])).toBe(true);
  });

  it("stay those of then where the configuration changes, and new decisions name the new ones", () => {
    expect(policies[1]).not.toBe(policies[0]);
    expect(policies[2]).toBe(policies[1]);
    expect(after.promotions.map(({ policy }) => policy)).toEqual(before.promotions.map(({ policy }) => policy));
  });
});
