import { afterAll, beforeAll, expect } from "vitest";
import { describeStores } from "../../../test/fakes/stores.ts";
import { operations, type OperationRequest, type Why } from "../../operation/index.ts";
import type { Context } from "../../loop/context.ts";
import {
  createTestContext,
  declareFleet,
  finishBuild,
  openTestRegistry,
  packageCause,
  promote,
  release,
  seeSuite,
  startRebuild,
  testSuite,
  type TestRegistry,
} from "./testdata/test-fleet.ts";
import { createWhy } from "./why.ts";

const hour = 3_600_000;

describeStores("why", ({ it, store, clock }) => {
  let registry: TestRegistry;
  beforeAll(async () => {
    registry = await openTestRegistry();
  });
  afterAll(() => registry.close());

  const open = async (): Promise<Context> => {
    const ctx = createTestContext(store(), clock, registry);
    await declareFleet(ctx);
    return ctx;
  };
  const ask = async (ctx: Context, request: OperationRequest<"why">): Promise<Why> =>
    operations.why.output.parse(await createWhy(ctx)(request));

  /** A base with a fix, and `web` rebuilt on it with a package of its own. */
  const fixBase = async (ctx: Context) => {
    await seeSuite(store(), clock.now() - 5 * hour, "before");
    const oldBase = await release(ctx, "base", { libc6: "2.36-1" });
    const first = await release(ctx, "web", { libc6: "2.36-1", nginx: "1.0", tail: "1" });
    clock.advance(hour);
    const date = clock.now() - 10_000;
    await seeSuite(store(), date, "after");
    const firstSeen = clock.now();
    clock.advance(60_000);
    const libc = packageCause("libc6", "2.36-1", "2.36-2", { firstSeen, advisories: ["CVE-2026-1", "CVE-2026-2"] });
    const nginx = packageCause("nginx", "1.0", "1.1", { firstSeen, advisories: ["CVE-2026-2"] });
    const causes = [
      { key: "parent:base", cause: { kind: "parent", image: "base", digest: undefined } as const },
      nginx,
    ];
    const common = { lane: "routine", notBefore: 0, recipeKey: "r1" } as const;
    await store().savePlan({
      detail: {},
      rebuilds: [
        { ...common, image: "base", parents: [], causes: [libc] },
        { ...common, image: "web", parents: ["base"], causes },
      ],
    });
    const baseLease = await store().leaseRebuild({ owner: "test", leaseMs: hour, image: "base" });
    if (baseLease === undefined) throw new Error("base is not queued");
    const newBase = await finishBuild(ctx, baseLease, { libc6: "2.36-2" });
    for (const { name } of ctx.config.environments) await promote(ctx, baseLease, newBase, name);
    const lease = await store().leaseRebuild({ owner: "test", leaseMs: hour, image: "web" });
    if (lease === undefined) throw new Error("web is not queued");
    clock.advance(7000);
    const digest = await finishBuild(ctx, lease, { libc6: "2.36-2", nginx: "1.1", tail: "1" });
    await promote(ctx, lease, digest, "staging");
    return { oldBase, newBase, first, lease, digest, date, firstSeen };
  };

  it("follows the chain through the parent to the first observation, with packages, layers, checks and promotions", async () => {
    const ctx = await open();
    const { first, newBase, lease, digest, date, firstSeen } = await fixBase(ctx);
    clock.advance(1000);
    await promote(ctx, lease, digest, "production");
    const why = await ask(ctx, { image: "web" });
    expect(why).toMatchObject({
      image: "web",
      digest,
      previous: first.digest,
      environments: ["production", "staging"],
      quarantined: null,
      rebuild: { id: lease.rebuild.id, state: "promoted", seconds: 7 },
    });
    const seen = {
      upstream: testSuite().name,
      firstSeen: new Date(firstSeen).toISOString(),
      generation: new Date(date).toISOString(),
    };
    expect(
      why.chain.map(({ depth, image, digest: at, cause, observation }) => [depth, image, at, cause.kind, observation]),
    ).toEqual([
      [0, "web", digest, "package", seen],
      [0, "web", digest, "parent", null],
      [1, "base", newBase, "package", seen],
    ]);
    expect(why.packages).toEqual([
      { type: "deb", name: "libc6", architecture: "amd64", from: "2.36-1", to: "2.36-2", path: null },
      { type: "deb", name: "nginx", architecture: "amd64", from: "1.0", to: "1.1", path: null },
    ]);
    expect(why.advisories.map(({ id, package: name, from, to, source }) => [id, name, from, to, source])).toEqual([
      ["CVE-2026-2", "nginx", "1.0", "1.1", "changelog"],
      ["CVE-2026-1", "libc6", "2.36-1", "2.36-2", "changelog"],
      ["CVE-2026-2", "libc6", "2.36-1", "2.36-2", "changelog"],
    ]);
    const { changed, unchanged, bytesChanged, bytesTotal } = why.layers;
    expect(changed.map(({ content, packages }) => [content, packages])).toEqual([
      ["package libc6", ["libc6"]],
      ["package nginx", ["nginx"]],
    ]);
    expect(unchanged).toBe(1);
    expect(bytesChanged).toBe(changed.reduce((sum, { bytes }) => sum + bytes, 0));
    expect(bytesTotal).toBeGreaterThan(bytesChanged);
    expect(why.verifications.map(({ environment, verdict, checks }) => [environment, verdict, checks.length])).toEqual([
      ["staging", "passed", 1],
      ["production", "passed", 1],
    ]);
    expect(why.promotions.map(({ environment, kind, from }) => [environment, kind, from])).toEqual([
      ["staging", "promoted", first.digest],
      ["production", "promoted", first.digest],
    ]);
  });

  it("knows any digest by how it begins, the first of its name, and what is not there", async () => {
    const ctx = await open();
    const { first, digest } = await fixBase(ctx);
    const why = await ask(ctx, { image: "web", digest: first.digest.slice(7, 19) });
    expect(why).toMatchObject({ digest: first.digest, previous: null, environments: ["production"] });
    expect(why.layers).toMatchObject({ unchanged: 0 });
    expect(why.layers.bytesChanged).toBe(why.layers.bytesTotal);
    expect(why.packages.map(({ name, from }) => [name, from])).toEqual([
      ["libc6", null],
      ["nginx", null],
      ["tail", null],
    ]);
    expect(why.chain).toMatchObject([{ depth: 0, image: "web", cause: { kind: "source" }, observation: null }]);
    expect((await ask(ctx, { image: "web", digest })).environments).toEqual(["staging"]);

    await expect(ask(ctx, { image: "web", digest: "000000" })).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(ask(ctx, { image: "nobody" })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("explains an image that has no digest yet by saying so", async () => {
    await expect(ask(await open(), { image: "web" })).rejects.toThrow("web has not been built yet");
  });

  it("speaks of a candidate that failed, is in quarantine and runs nowhere", async () => {
    const ctx = await open();
    const { digest: running } = await release(ctx, "web", { nginx: "1.0" });
    clock.advance(1);
    const lease = await startRebuild(ctx, "web", [packageCause("nginx", "1.0", "1.1")]);
    const digest = await finishBuild(ctx, lease, { nginx: "1.1" }, { previous: running });
    const check = { name: "starts", verdict: "failed", message: "exit status 1" } as const;
    const startedAt = clock.now();
    await store().saveVerification(lease, {
      digest,
      environment: "staging",
      verdict: "failed",
      checks: [check],
      startedAt,
    });
    await store().saveQuarantine({ image: "web", digest, packages: [], reason: "does not start", who: "tidemill" });
    expect(await ask(ctx, { image: "web", digest })).toMatchObject({
      previous: running,
      environments: [],
      quarantined: "does not start",
      packages: [{ name: "nginx", from: "1.0", to: "1.1" }],
      verifications: [{ environment: "staging", verdict: "failed", checks: [check] }],
      promotions: [],
    });
  });

  it("explains a digest that the registry has lost from what was put down when it was built", async () => {
    const ctx = await open();
    const lease = await startRebuild(ctx, "web", [packageCause("nginx", "1.0", "1.1")]);
    const layer = { digest: `sha256:${"7".repeat(64)}`, bytes: 70, history: "package nginx" };
    const digest = await finishBuild(ctx, lease, { nginx: "1.1" }, { previous: null, layers: [layer] });
    await ctx.repositoryOf("web").deleteManifest(digest);
    expect((await ask(ctx, { image: "web" })).layers).toEqual({
      changed: [{ digest: layer.digest, bytes: 70, content: "package nginx", packages: [] }],
      unchanged: 0,
      bytesChanged: 70,
      bytesTotal: 70,
    });
  });
});
