import { afterAll, beforeAll, expect } from "vitest";
import { describeStores } from "../../../test/fakes/stores.ts";
import { operations, type OperationRequest, type Status } from "../../operation/index.ts";
import type { Cure, Remedy } from "../../core/remedy/index.ts";
import type { Context } from "../../loop/context.ts";
import { createStatus } from "./status.ts";
import { createSummary } from "./summary.ts";
import {
  createTestContext,
  declareFleet,
  finishBuild,
  firstCause,
  openTestRegistry,
  packageCause,
  promote,
  release,
  seeSuite,
  startRebuild,
  testConfig,
  testSuite,
  type TestRegistry,
} from "./testdata/test-fleet.ts";

const minute = 60_000;

describeStores("status", ({ it, store, clock }) => {
  let registry: TestRegistry;
  beforeAll(async () => {
    registry = await openTestRegistry();
  });
  afterAll(() => registry.close());

  const open = async (change?: (text: string) => string): Promise<Context> => {
    const ctx = createTestContext(store(), clock, registry, { config: testConfig(change) });
    await declareFleet(ctx);
    await seeSuite(store(), clock.now() - 60 * minute);
    await plan([]);
    return ctx;
  };
  const plan = (held: readonly object[]) => store().saveSetting("last-plan", { at: clock.now(), held });
  const ask = async (ctx: Context, request: OperationRequest<"status"> = {}): Promise<Status> => {
    const status = await createStatus(ctx, { version: "1.2.3", server: () => null })(request);
    return operations.status.output.parse(status);
  };
  const stateOf = async (ctx: Context, image = "web") => {
    const found = (await ask(ctx)).images.find(({ name }) => name === image);
    return found && [found.state, found.reason];
  };

  it("shows where an image runs and since when, and says that no feed speaks of exposure", async () => {
    const ctx = await open();
    const { digest } = await release(ctx, "web", { nginx: "1.0" });
    const status = await ask(ctx);
    expect(status).toMatchObject({
      version: "1.2.3",
      server: null,
      advisories: { state: "unknown", reason: "no feed" },
    });
    const since = new Date(clock.now()).toISOString();
    const exposure = { state: "unknown", advisories: [], since: null };
    expect(status.images).toEqual([
      expect.objectContaining({ name: "base", state: "unbuilt", parents: [] }),
      {
        name: "web",
        recipe: "packages",
        repository: "team/web",
        parents: ["base"],
        platforms: ["linux/amd64"],
        state: "current",
        reason: "runs all that its suites offer",
        environments: [
          {
            name: "staging",
            digest,
            since,
            conflict: null,
            deployments: [],
            soak: { until: "2026-01-05T09:10:00.000Z", trouble: null },
            exposure,
          },
          { name: "production", digest, since, deployments: [], conflict: null, soak: null, exposure },
        ],
        findings: {
          state: "unknown",
          reasons: ["no pass has looked at what it is now"],
          asOf: null,
          open: 0,
          accepted: 0,
          cures: [],
        },
      },
    ]);
    const moves = status.promotions.map(({ environment, from, to }) => [environment, from, to]);
    expect(moves).toHaveLength(2);
    expect(moves).toEqual(
      expect.arrayContaining([
        ["production", null, digest],
        ["staging", null, digest],
      ]),
    );
    expect(status.upstreams).toEqual([
      expect.objectContaining({
        name: testSuite().name,
        state: "ok",
        generation: new Date(clock.now() - 60 * minute).toISOString(),
      }),
    ]);
  });

  it("tells what the newest pass found wrong, what cures it and when, and never of another digest", async () => {
    const ctx = await open();
    const { digest } = await release(ctx, "web", { nginx: "1.0" });
    const offered = { version: "1.1", from: testSuite().name, since: clock.now() };
    const cure = (id: string, remedy: Remedy): Cure => ({
      ids: [id],
      findings: 1,
      source: "nginx",
      packages: ["nginx"],
      architectures: ["amd64"],
      type: "deb",
      version: "1.0",
      path: undefined,
      severity: "high",
      exploited: false,
      remedy,
    });
    const accepted = { kind: "accepted", by: "ada", reason: "not reachable", until: undefined } as const;
    const found = {
      image: "web",
      digest,
      state: "known",
      reasons: [],
      cures: [
        cure("CVE-2099-0001", { kind: "rebuild", image: "web", offered }),
        cure("CVE-2099-0002", { kind: "wait-upstream", since: undefined, reason: "no fix" }),
        cure("CVE-2099-0003", accepted),
      ],
    } as const;
    await store().saveImageRemedies([found]);
    const web = async () => (await ask(ctx, { image: "web" })).images[0]?.findings;
    expect(await web()).toMatchObject({
      state: "known",
      asOf: new Date(clock.now()).toISOString(),
      open: 2,
      accepted: 1,
      cures: [
        {
          ids: ["CVE-2099-0001"],
          remedy: { kind: "rebuild", image: "web", version: "1.1" },
          schedule: { state: "person" },
        },
        { ids: ["CVE-2099-0002"], remedy: { kind: "wait-upstream" }, schedule: { state: "upstream" } },
        { ids: ["CVE-2099-0003"], remedy: { kind: "accepted", by: "ada" }, schedule: { state: "accepted" } },
      ],
    });
    const lease = await startRebuild(ctx, "web", [packageCause("nginx", "1.0", "1.1")], { lane: "urgent" });
    expect((await web())?.cures[0]?.schedule).toMatchObject({
      state: "under-way",
      lane: "urgent",
      rebuild: lease.rebuild.id,
      reason: "queue",
    });
    await store().saveImageRemedies([{ ...found, digest: `sha256:${"0".repeat(64)}` }]);
    expect(await web()).toMatchObject({ state: "unknown", open: 0, cures: [] });
  });

  it("follows a rebuild through queue, build, verification, soak and promotion, with what is open until it arrives", async () => {
    const ctx = await open();
    await release(ctx, "web", { nginx: "1.0" });
    const seen = clock.now();
    const cause = packageCause("nginx", "1.0", "1.1", {
      advisories: ["CVE-2026-1"],
      confirmed: ["CVE-2026-1"],
      firstSeen: seen,
    });
    const step = async () => (await ask(ctx)).rebuilds.map((one) => [one.state, one.step, one.environment]);

    await store().savePlan({
      detail: {},
      rebuilds: [{ image: "web", lane: "urgent", notBefore: 0, recipeKey: "r1", parents: [], causes: [cause] }],
    });
    expect(await step()).toEqual([["queued", "queue", null]]);
    const queued = await ask(ctx);
    expect(queued.rebuilds[0]).toMatchObject({ lane: "urgent", attempt: 1, candidate: null, notBefore: null });
    expect(queued.rebuilds[0]?.reason).toContain("nginx 1.0 → 1.1");
    expect(queued.images[1]?.environments.map(({ exposure }) => exposure)).toEqual([
      { state: "open", advisories: ["CVE-2026-1"], since: null },
      { state: "open", advisories: ["CVE-2026-1"], since: null },
    ]);
    expect(await stateOf(ctx)).toEqual(["rebuilding", queued.rebuilds[0]?.reason]);

    const lease = await store().leaseRebuild({ owner: "test", leaseMs: 3_600_000, image: "web" });
    if (lease === undefined) throw new Error("nothing is queued");
    await store().saveRebuild(lease, { state: "building" });
    expect(await step()).toEqual([["building", "build", null]]);
    const digest = await finishBuild(ctx, lease, { nginx: "1.1" });
    expect(await step()).toEqual([["built", "verify", "staging"]]);
    await promote(ctx, lease, digest, "staging");
    expect(await step()).toEqual([["built", "soak", "staging"]]);
    const soaking = await ask(ctx);
    expect(soaking.rebuilds[0]?.reason).toMatch(/nginx.*; it soaks in staging/);
    expect(soaking.images[1]?.environments.map(({ exposure }) => exposure.state)).toEqual(["unknown", "open"]);
    clock.advance(10 * minute);
    expect(await step()).toEqual([["built", "verify", "production"]]);
    await promote(ctx, lease, digest, "production");
    expect(await step()).toEqual([]);
  });

  it("says which parent a rebuild waits for, and what made the try before fail", async () => {
    const ctx = await open();
    const wanted = { lane: "routine", notBefore: 0, recipeKey: "r1", parents: [], causes: [firstCause] } as const;
    const rebuilds = [
      { ...wanted, image: "base" },
      { ...wanted, image: "web", parents: ["base"] },
    ];
    await store().savePlan({ detail: {}, rebuilds });
    expect((await stateOf(ctx))?.[1]).toBe("never built; it waits for base");
    const lease = await store().leaseRebuild({ owner: "test", leaseMs: 1000, image: "base" });
    if (lease === undefined) throw new Error("base is not queued");
    await store().saveRebuild(lease, { state: "building" });
    const lastError = { code: "X", message: "the mirror is away", hint: null };
    await store().saveRebuild(lease, { state: "queued", lastError, notBefore: clock.now() + minute });
    expect((await ask(ctx)).rebuilds.find(({ image }) => image === "base")).toMatchObject({
      attempt: 1,
      notBefore: new Date(clock.now() + minute).toISOString(),
      reason: "never built; the try before failed: the mirror is away",
    });
  });

  it("says waiting, failing and held, and whose word it is", async () => {
    const ctx = await open();
    await release(ctx, "web", { nginx: "1.0" });
    const until = clock.now() + 90 * minute;
    await plan([{ image: "web", kind: "cool-down", until, reason: "nginx 1.1 in cool-down" }]);
    const named = new Date(until).toISOString().slice(0, 16).replace("T", " ");
    expect(await stateOf(ctx)).toEqual(["waiting", `nginx 1.1 in cool-down until ${named}Z`]);
    await plan([{ image: "web", kind: "breaker", until: null, reason: "12 rebuilds within an hour" }]);
    expect(await stateOf(ctx)).toEqual(["held", "12 rebuilds within an hour"]);
    await plan([]);

    clock.advance(1);
    const lease = await startRebuild(ctx, "web", [packageCause("nginx", "1.0", "1.1")]);
    const lastError = { code: "X", message: "nginx does not start", hint: null };
    await store().saveRebuild(lease, { state: "failed", lastError });
    expect(await stateOf(ctx)).toEqual(["failing", "nginx does not start"]);

    const hold = {
      image: "web",
      environment: "production",
      byPerson: true,
      who: "ada",
      reason: "release day",
      until: null,
    };
    await store().saveHold(hold);
    expect(await stateOf(ctx)).toEqual(["held", "ada holds it in production: release day"]);
    const { holds } = await ask(ctx, { image: "web" });
    expect(holds).toEqual([expect.objectContaining({ image: "web", setBy: "person", by: "ada", until: null })]);
    expect((await ask(ctx, { image: "base" })).holds).toEqual([]);
  });

  it("never says current of what it cannot know: an upstream that is silent, fails or is not planned yet", async () => {
    const ctx = await open();
    await release(ctx, "web", { nginx: "1.0" });
    await store().saveUpstreamAttempt(testSuite().name, {
      code: "X",
      message: "the mirror does not answer",
      hint: null,
    });
    expect((await ask(ctx)).upstreams[0]).toMatchObject({ state: "failing", problem: "the mirror does not answer" });
    expect((await stateOf(ctx))?.[0]).toBe("current");
    clock.advance(61 * minute);
    expect(await stateOf(ctx)).toEqual(["unknown", `${testSuite().name}: the mirror does not answer`]);
    await seeSuite(store(), clock.now(), "generation-2");
    expect(await stateOf(ctx)).toEqual(["unknown", `${testSuite().name} changed and is not planned yet`]);
    await plan([]);
    expect((await stateOf(ctx))?.[0]).toBe("current");
    await store().saveSetting("last-plan", null);
    expect(await stateOf(ctx)).toEqual(["unknown", "nothing has been planned yet"]);
  });

  it("says unseen of a suite that nobody has looked at, and stale of one whose index has run out", async () => {
    const ctx = createTestContext(store(), clock, registry);
    expect((await ask(ctx)).upstreams).toEqual([
      {
        name: testSuite().name,
        kind: "suite",
        state: "unseen",
        lastSuccess: null,
        generation: null,
        problem: "never looked at",
      },
    ]);
    await store().saveUpstreams([{ name: testSuite().name, kind: "suite", detail: {} }]);
    const detail = { date: clock.now() - minute, validUntil: clock.now() - 1 };
    await store().saveObservation({ upstream: testSuite().name, contentKey: "k", detail });
    await store().saveUpstreamAttempt(testSuite().name);
    expect((await ask(ctx)).upstreams[0]).toMatchObject({ state: "stale" });
  });

  it("shows a conflict until a later intent is written, quarantines and alarms", async () => {
    const ctx = await open();
    const first = await release(ctx, "web", { nginx: "1.0" });
    const lease = await startRebuild(ctx, "web", [packageCause("nginx", "1.0", "1.1")]);
    const digest = await finishBuild(ctx, lease, { nginx: "1.1" });
    await promote(ctx, lease, digest, "staging");
    clock.advance(10 * minute);
    const checks = { digest, environment: "production", verdict: "passed", checks: [], startedAt: 0 } as const;
    await store().saveVerification(lease, checks);
    const intent = {
      image: "web",
      environment: "production",
      digest,
      kind: "forward",
      by: "tidemill",
      reason: "r",
    } as const;
    const saved = await store().saveIntent(intent, lease);
    if (saved.kind !== "saved") throw new Error(saved.kind);
    const stranger = `sha256:${"5".repeat(64)}` as const;
    await store().saveConflict(saved.promotion, stranger, lease);
    const conflicts = async () => (await ask(ctx)).images[1]?.environments.map(({ conflict }) => conflict);
    expect(await conflicts()).toEqual([null, stranger]);
    expect((await ask(ctx)).rebuilds[0]).toMatchObject({
      step: "promote",
      environment: "production",
      reason: expect.stringMatching(/; somebody else moved production$/),
    });
    const again = await store().saveIntent(intent, lease);
    if (again.kind !== "saved") throw new Error(again.kind);
    await store().savePromotion(again.promotion, lease, { state: "promoted" });
    expect(await conflicts()).toEqual([null, null]);

    const subject = "web:staging";
    const message = `somebody else moved ${subject} to ${stranger}; it stays so`;
    await store().saveAlarm({ code: "tag-conflict", subject, severity: "error", message });
    expect(await conflicts()).toEqual([stranger, null]);
    await store().saveAlarmCleared({ code: "tag-conflict", subject });

    await store().saveQuarantine({ image: "web", digest: first.digest, packages: [], reason: "crashes", who: "eve" });
    await store().saveAlarm({ code: "disk", subject: "/data", severity: "error", message: "full", hint: "Make room." });
    const status = await ask(ctx);
    expect(status.quarantines).toEqual([
      expect.objectContaining({ digest: first.digest, by: "eve", reason: "crashes" }),
    ]);
    expect(status.alarms).toEqual([expect.objectContaining({ code: "disk", subject: "/data", hint: "Make room." })]);
  });

  it("asks the store as often for five hundred images as for two", async () => {
    const small = await open();
    const base = small.config.images["base"];
    if (base === undefined) throw new Error("there is no base");
    const names = Array.from({ length: 500 }, (_, at) => `image-${at}`);
    const config = { ...small.config, images: Object.fromEntries(names.map((name) => [name, base])) };
    const questions = async (ctx: Context, image: string): Promise<number> => {
      await declareFleet(ctx);
      await startRebuild(ctx, image, [firstCause]);
      let count = 0;
      const counted = new Proxy(store(), {
        get: (target, name) => {
          count += 1;
          return Reflect.get(target, name) as unknown;
        },
      });
      await ask({ ...ctx, store: counted });
      return count;
    };
    const few = await questions(small, "web");
    expect(few).toBeGreaterThan(5);
    const large = createTestContext(store(), clock, registry, { config });
    expect(await questions(large, "image-7")).toBe(few);
    expect((await ask(large)).images).toHaveLength(500);
  });

  it("speaks of one image where it is named, and refuses one that is not there", async () => {
    const ctx = await open();
    await release(ctx, "web", { nginx: "1.0" });
    await startRebuild(ctx, "base", [firstCause]);
    const status = await ask(ctx, { image: "web" });
    expect([status.images.map(({ name }) => name), status.rebuilds]).toEqual([["web"], []]);
    await expect(ask(ctx, { image: "wbe" })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("counts the fleet and tells how long a fix took", async () => {
    const ctx = await open();
    const summary = async () => operations.summary.output.parse(await createSummary(ctx, { version: "1.2.3" })({}));
    expect(await summary()).toMatchObject({ images: 2, current: 0, promotions: 0, secondsFixToProduction: null });
    await release(ctx, "web", { nginx: "1.0" });
    for (const [version, minutes] of [
      ["1.1", 10],
      ["1.2", 30],
      ["1.3", 20],
    ] as const) {
      const firstSeen = clock.now();
      clock.advance(minutes * minute);
      await release(ctx, "web", { nginx: version }, [packageCause("nginx", "1.0", version, { firstSeen })]);
    }
    await seeSuite(store(), clock.now());
    await store().saveHold({ image: "base", environment: null, byPerson: true, who: "ada", reason: "r", until: null });
    expect(await summary()).toMatchObject({
      images: 2,
      current: 1,
      held: 1,
      promotions: 8,
      rollbacks: 0,
      secondsFixToProduction: 20 * 60,
    });
  });
});
