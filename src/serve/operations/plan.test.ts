import { afterAll, beforeAll, expect } from "vitest";
import { describeStores } from "../../../test/fakes/stores.ts";
import { currentRecipeKey } from "../../loop/recipe-key.ts";
import { operations, type Plan } from "../../operation/index.ts";
import { createPlan } from "./plan.ts";
import {
  createTestContext,
  declareFleet,
  finishBuild,
  firstCause,
  openTestRegistry,
  promote,
  seeSuite,
  startRebuild,
  testSuite,
  type TestContextOptions,
  type TestRegistry,
} from "./testdata/test-fleet.ts";

describeStores("plan", ({ it, store, clock }) => {
  let registry: TestRegistry;
  beforeAll(async () => {
    registry = await openTestRegistry();
  });
  afterAll(() => registry.close());

  let refreshed = 0;
  const refresh = (): Promise<void> => {
    refreshed += 1;
    return Promise.resolve();
  };
  const ask = async (options: TestContextOptions = {}, request = { refresh: false }): Promise<Plan> => {
    const ctx = createTestContext(store(), clock, registry, options);
    return operations.plan.output.parse(await createPlan(ctx, { refresh })(request));
  };
  /** Both images in place, of these versions, as the configuration has them. */
  const install = async (libc6: string, nginx: string): Promise<void> => {
    const ctx = createTestContext(store(), clock, registry);
    await declareFleet(ctx);
    for (const [image, packages] of [
      ["base", { libc6 }],
      ["web", { libc6, nginx }],
    ] as const) {
      const recipeKey = await currentRecipeKey(ctx, image);
      const lease = await startRebuild(ctx, image, [firstCause], { recipeKey });
      const digest = await finishBuild(ctx, lease, packages, {}, recipeKey);
      for (const { name } of ctx.config.environments) await promote(ctx, lease, digest, name);
    }
  };

  it("puts what was never built into waves, parents first, and warns of suites that nobody has seen", async () => {
    const plan = await ask();
    expect(plan.waves.map(({ rebuilds }) => rebuilds.map(({ image }) => image))).toEqual([["base"], ["web"]]);
    expect(plan.waves[1]?.rebuilds[0]).toMatchObject({ remedy: "rebuild", lane: "routine", notBefore: null });
    expect(plan.waves[1]?.rebuilds[0]?.reason).toBe("never built; base is rebuilt");
    expect(plan).toMatchObject({ held: [], untouched: [], breaker: { open: false, reason: null } });
    expect(plan.warnings).toEqual([`${testSuite().name} is unseen: never looked at`]);
    expect(await store().loadRebuilds()).toEqual([]);
  });

  it("names cause, version and first sight of what is newer, and leaves the rest untouched", async () => {
    await seeSuite(store(), clock.now());
    await install("2.36-1", "1.0");
    const plan = await ask({ offers: { nginx: "1.1", libc6: "2.36-1" } });
    expect(plan.waves).toEqual([{ rebuilds: [expect.objectContaining({ image: "web" })] }]);
    expect(plan.waves[0]?.rebuilds[0]?.causes).toMatchObject([
      { kind: "package", source: "nginx", to: "1.1", security: true, firstSeen: new Date(clock.now()).toISOString() },
    ]);
    expect(plan.untouched).toEqual([{ image: "base", reason: "its one package has no newer version" }]);
    expect(plan.warnings).toEqual([]);
  });

  it("shows what is held and by whom", async () => {
    await seeSuite(store(), clock.now());
    await install("2.36-1", "1.0");
    const until = clock.now() + 3_600_000;
    await store().saveHold({ image: "web", environment: null, byPerson: true, who: "ada", reason: "audit", until });
    const plan = await ask({ offers: { nginx: "1.1" } });
    expect(plan.waves).toEqual([]);
    expect(plan.held).toMatchObject([
      {
        image: "web",
        kind: "hold",
        until: new Date(until).toISOString(),
        reason: "audit (ada)",
        causes: [{ source: "nginx" }],
      },
    ]);
  });

  it("opens the breaker after too many rebuilds, and says so", async () => {
    await seeSuite(store(), clock.now());
    await install("2.36-1", "1.0");
    const config = createTestContext(store(), clock, registry).config;
    const strict = { ...config, policies: { ...config.policies, maxRebuildsPerHour: 1 } };
    const plan = await ask({ offers: { nginx: "1.1" }, config: strict });
    expect(plan.held).toMatchObject([{ image: "web", kind: "breaker" }]);
    expect(plan.breaker).toEqual({ open: true, reason: expect.stringMatching(/^web: 1 rebuilds within an hour/) });
  });

  it("warns of what runs and could not be read", async () => {
    await seeSuite(store(), clock.now());
    await install("2.36-1", "1.0\nStatus: ???");
    const { warnings } = await ask();
    expect(warnings).toEqual([expect.stringMatching(/^web on linux\/amd64 could not be read: .*nginx/)]);
  });

  it("asks the upstreams first only where that is wanted", async () => {
    const before = refreshed;
    await ask();
    expect(refreshed).toBe(before);
    await ask({}, { refresh: true });
    expect(refreshed).toBe(before + 1);
  });
});
