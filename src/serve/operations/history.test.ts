import { afterAll, beforeAll, expect } from "vitest";
import { describeStores } from "../../../test/fakes/stores.ts";
import { operations, type History, type OperationRequest } from "../../operation/index.ts";
import type { Context } from "../../loop/context.ts";
import { createHistory } from "./history.ts";
import {
  createTestContext,
  declareFleet,
  finishBuild,
  openTestRegistry,
  packageCause,
  promote,
  release,
  startRebuild,
  type TestRegistry,
} from "./testdata/test-fleet.ts";

describeStores("history", ({ it, store, clock }) => {
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
  const ask = async (ctx: Context, request: Partial<OperationRequest<"history">> = {}): Promise<History> =>
    operations.history.output.parse(await createHistory(ctx)({ limit: 50, ...request }));
  /** The newest events, up to what was there before; the audit chain outlives every test. */
  const since = async (ctx: Context, known: readonly string[], request: Partial<OperationRequest<"history">> = {}) =>
    (await ask(ctx, request)).events.filter(({ id }) => !known.includes(id));
  const idsNow = async (ctx: Context) => (await ask(ctx, { limit: 1000 })).events.map(({ id }) => id);

  it("tells what was done, newest first, each with its reason", async () => {
    const ctx = await open();
    const known = await idsNow(ctx);
    const { digest: first } = await release(ctx, "web", { nginx: "1.0" });
    clock.advance(1000);
    const lease = await startRebuild(ctx, "web", [packageCause("nginx", "1.0", "1.1")]);
    clock.advance(4000);
    const digest = await finishBuild(ctx, lease, { nginx: "1.1" });
    await promote(ctx, lease, digest, "staging");
    const saved = await store().saveIntent({
      image: "web",
      environment: "staging",
      digest: first,
      kind: "rollback",
      by: "ada",
      reason: "it is slow",
      quarantine: { image: "web", digest, packages: [], reason: "it is slow", who: "ada" },
    });
    if (saved.kind !== "saved") throw new Error(saved.kind);
    await store().savePromotion(saved.promotion);
    const lastError = { code: "QUARANTINED", message: "it was rolled back", hint: null };
    await store().saveRebuild(lease, { state: "failed", lastError });

    const events = await since(ctx, known);
    expect(
      events.map(({ kind, environment, from, to, by, reason }) => [kind, environment, from, to, by, reason]),
    ).toEqual([
      ["failed", null, null, digest, "tidemill", "it was rolled back"],
      ["rolled-back", "staging", digest, first, "ada", "it is slow"],
      ["quarantined", null, digest, null, "ada", "it is slow"],
      ["promoted", "staging", first, digest, "tidemill", "verified"],
      ["built", null, null, digest, "tidemill", "nginx 1.0 → 1.1 from debian/bookworm-security"],
      ["promoted", "production", null, first, "tidemill", "verified"],
      ["promoted", "staging", null, first, "tidemill", "verified"],
      ["built", null, null, first, "tidemill", "never built"],
    ]);
    expect(events[4]).toMatchObject({
      image: "web",
      rebuild: lease.rebuild.id,
      seconds: 4,
      at: new Date(clock.now()).toISOString(),
    });
    expect((await since(ctx, known, { environment: "production" })).map(({ to }) => to)).toEqual([first]);
    expect(await since(ctx, known, { image: "base" })).toEqual([]);
  });

  it("tells of holds, resumptions, conflicts, and of rebuilds that were superseded", async () => {
    const ctx = await open();
    const known = await idsNow(ctx);
    const hold = { image: null, environment: null, byPerson: true, who: "ada", reason: "holidays" };
    await store().saveHold({ ...hold, until: null });
    await store().saveHoldsLifted({ ...hold, reason: "back again" });
    await startRebuild(ctx, "web", [packageCause("nginx", "1.0", "1.1")]).then((lease) =>
      store().saveRebuild(lease, { state: "building" }),
    );
    const lease = await startRebuild(ctx, "web", [packageCause("nginx", "1.0", "1.2")]);
    const digest = await finishBuild(ctx, lease, { nginx: "1.2" });
    const startedAt = clock.now();
    await store().saveVerification(lease, { digest, environment: "staging", verdict: "passed", checks: [], startedAt });
    const intent = {
      image: "web",
      environment: "staging",
      digest,
      kind: "forward",
      by: "tidemill",
      reason: "r",
    } as const;
    const saved = await store().saveIntent(intent, lease);
    if (saved.kind !== "saved") throw new Error(saved.kind);
    const stranger = `sha256:${"5".repeat(64)}` as const;
    await store().saveConflict(saved.promotion, stranger, lease);

    const events = await since(ctx, known);
    expect(events.map(({ kind, image, to, reason }) => [kind, image, to, reason])).toEqual([
      ["conflict", "web", stranger, "somebody else moved staging to 555555555555"],
      ["built", "web", digest, expect.stringContaining("1.2")],
      ["superseded", "web", null, "newer causes came before it was verified"],
      ["resumed", null, null, "back again"],
      ["held", null, null, "holidays"],
    ]);
  });

  it("goes on from page to page without a gap, and ends", async () => {
    const ctx = await open();
    await release(ctx, "web", { nginx: "1.0" });
    const all = await idsNow(ctx);
    const found: string[] = [];
    let before: string | null = null;
    do {
      const page: History = await ask(ctx, { limit: 2, ...(before === null ? {} : { before }) });
      expect(page.events.length).toBeGreaterThan(0);
      found.push(...page.events.map(({ id }) => id));
      before = page.next;
    } while (before !== null);
    expect(found).toEqual(all);
    for (const strange of ["0", "-1", "x", "1e3"]) {
      await expect(ask(ctx, { before: strange })).rejects.toMatchObject({ code: "BAD_INPUT" });
    }
  });
});
