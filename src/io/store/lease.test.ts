import { expect } from "vitest";
import { describeStores } from "../../../test/fakes/stores.ts";
import { declareImages, digestOf, leasedRebuild, planned, provenCandidate, takeLease } from "./testdata/given.ts";

describeStores("leaseRebuild", ({ it, store, clock }) => {
  it("gives urgent before routine, then what was due first", async () => {
    await declareImages(store(), "a", "b", "c");
    const now = clock.now();
    await store().savePlan({
      detail: {},
      rebuilds: [
        planned("a", { notBefore: now - 10 }),
        planned("b", { notBefore: now - 20 }),
        planned("c", { notBefore: now - 5, lane: "urgent" }),
      ],
    });
    const order: (string | undefined)[] = [];
    for (let count = 0; count < 4; count += 1) {
      order.push((await store().leaseRebuild({ owner: "w", leaseMs: 1000 }))?.rebuild.image);
    }
    expect(order).toEqual(["c", "b", "a", undefined]);
  });

  it("waits until a rebuild is due, unless it is asked for by its id", async () => {
    await declareImages(store(), "a");
    const due = clock.now() + 60_000;
    const { placed } = await store().savePlan({ detail: {}, rebuilds: [planned("a", { notBefore: due })] });
    expect(await store().leaseRebuild({ owner: "w", leaseMs: 1000 })).toBeUndefined();
    const byId = await store().leaseRebuild({ owner: "w", leaseMs: 1000, rebuild: placed[0]?.rebuild.id ?? "" });
    expect(byId?.rebuild.image).toBe("a");
    clock.advance(60_001);
    expect((await store().leaseRebuild({ owner: "w", leaseMs: 1000 }))?.rebuild.image).toBe("a");
  });

  it("gives each rebuild to one of many workers that ask at once", async () => {
    const names = Array.from({ length: 20 }, (_, index) => `image-${index}`);
    await declareImages(store(), ...names);
    await store().savePlan({ detail: {}, rebuilds: names.map((name) => planned(name)) });
    const leases = await Promise.all(
      Array.from({ length: 40 }, (_, index) => store().leaseRebuild({ owner: `w${index}`, leaseMs: 60_000 })),
    );
    const given = leases.flatMap((lease) => lease?.rebuild.image ?? []);
    // A row that another has locked at this moment is passed over, so not every worker gets one: but no row goes to two.
    expect(new Set(given).size).toBe(given.length);
    expect(given.length).toBeGreaterThan(0);
  });

  it("keeps a child back until its parent's candidate has passed, or the parent's rebuild has ended", async () => {
    await declareImages(store(), "base", "app");
    await store().savePlan({ detail: {}, rebuilds: [planned("base"), planned("app", { parents: ["base"] })] });
    const base = await takeLease(store(), "base");
    expect(await store().leaseRebuild({ owner: "w", leaseMs: 1000 })).toBeUndefined();
    await provenCandidate(store(), base, digestOf("a"), "staging");
    expect((await store().leaseRebuild({ owner: "w", leaseMs: 1000 }))?.rebuild.image).toBe("app");
  });
});

describeStores("a worker that was stopped past its lease and woken", ({ it, store, clock }) => {
  it("changes nothing, whether another took the rebuild over or nobody did", async () => {
    const late = await leasedRebuild(store(), "a", 1000);
    await store().saveRebuild(late, { state: "building" });
    clock.advance(1001);

    const attempts = [
      () => store().saveRebuild(late, { state: "failed" }),
      () => store().saveStep(late, "push"),
      () => store().renewLease(late, 1000),
      () =>
        store().saveCandidate(late, {
          digest: digestOf("f"),
          platforms: [],
          inventories: {},
          recipeKey: "r",
          baseDigests: [],
        }),
      () =>
        store().saveVerification(late, {
          digest: digestOf("f"),
          environment: "staging",
          verdict: "passed",
          checks: [],
          startedAt: 0,
        }),
      () =>
        store().saveIntent(
          {
            image: "a",
            environment: "staging",
            digest: digestOf("f"),
            kind: "forward",
            by: "tidemill",
            reason: "late",
          },
          late,
        ),
      () => store().saveRefusal(late, { environment: "staging", digest: digestOf("f"), reasons: ["late"] }),
    ];
    for (const attempt of attempts) expect(await attempt()).toEqual({ kind: "lost" });
    const taken = await takeLease(store(), "a", "other");
    for (const attempt of attempts) expect(await attempt()).toEqual({ kind: "lost" });
    await store().releaseLease(late);

    const facts = await store().loadPromotionFacts(late.rebuild.id);
    expect(facts?.rebuild).toMatchObject({
      state: "building",
      fence: taken.fence,
      leaseOwner: "other",
      candidate: null,
    });
    expect(facts).toMatchObject({ steps: [], verifications: [], promotions: [], candidate: undefined });
    expect(await store().saveRebuild(taken, { state: "failed" })).toMatchObject({ kind: "saved" });
  });

  it("keeps its lease by renewing it in time", async () => {
    let lease = await leasedRebuild(store(), "a", 1000);
    for (let count = 0; count < 5; count += 1) {
      clock.advance(900);
      const renewed = await store().renewLease(lease, 1000);
      if ("kind" in renewed) throw new Error("the lease was lost");
      lease = renewed;
    }
    expect(await store().saveStep(lease, "push", { done: 1 })).toEqual({
      kind: "saved",
      first: true,
      detail: { done: 1 },
    });
    expect(await store().saveStep(lease, "push", { done: 2 })).toEqual({
      kind: "saved",
      first: false,
      detail: { done: 1 },
    });
  });

  it("cannot revive a rebuild that has ended", async () => {
    const lease = await leasedRebuild(store(), "a");
    expect(await store().saveRebuild(lease, { state: "unchanged" })).toMatchObject({ kind: "saved" });
    expect(await store().saveRebuild(lease, { state: "building" })).toEqual({ kind: "lost" });
    expect(await store().leaseRebuild({ owner: "w", leaseMs: 1000, rebuild: lease.rebuild.id })).toBeUndefined();
  });
});
