import { expect } from "vitest";
import { describeStores } from "../../../test/fakes/stores.ts";
import type { KeyedCause, PlannedRebuild } from "./index.ts";
import { declareImages, digestOf, planned, takeLease } from "./testdata/given.ts";

const cause = (source: string): KeyedCause => ({
  key: `package:${source}:2`,
  cause: {
    kind: "package",
    source,
    to: "2",
    packages: [{ name: source, architecture: "amd64", from: "1", to: "2" }],
    origin: "suite",
    firstSeen: 1,
    security: true,
    advisories: [],
  },
});

describeStores("savePlan", ({ it, store }) => {
  const save = (...rebuilds: PlannedRebuild[]) => store().savePlan({ detail: { why: "test" }, rebuilds });

  it("joins a queued rebuild of the same image: causes by key, the urgent lane and the earlier time win", async () => {
    await declareImages(store(), "a");
    await save(planned("a", { notBefore: 500, causes: [cause("curl")] }));
    const second = await save(
      planned("a", { notBefore: 900, lane: "urgent", recipeKey: "new", causes: [cause("curl"), cause("zlib")] }),
    );
    expect(second.placed).toMatchObject([
      { kind: "joined", newCauses: 1, rebuild: { lane: "urgent", notBefore: 500, recipeKey: "new" } },
    ]);
    const [rebuild, ...others] = await store().loadRebuilds({ image: "a" });
    expect(others).toEqual([]);
    const causes = await store().loadCauses([rebuild?.id ?? ""]);
    expect(causes.get(rebuild?.id ?? "")).toEqual([cause("curl"), cause("zlib")]);
  });

  it("keeps no plan that brings nothing new", async () => {
    await declareImages(store(), "a");
    await save(planned("a", { causes: [cause("curl")] }));
    const again = await save(planned("a", { causes: [cause("curl")] }));
    expect(again.plan).toBeNull();
    expect(await store().loadPlans()).toHaveLength(1);
  });

  it("supersedes a rebuild that is being built, carries its causes over, and its worker has lost it", async () => {
    await declareImages(store(), "a", "child");
    await save(planned("a", { causes: [cause("curl")] }), planned("child", { parents: ["a"] }));
    const lease = await takeLease(store(), "a");
    await store().saveRebuild(lease, { state: "building" });
    expect(await save(planned("a", { causes: [cause("curl")] }))).toMatchObject({
      plan: null,
      placed: [{ kind: "in-flight" }],
    });

    const { placed } = await save(planned("a", { causes: [cause("zlib")] }));
    expect(placed).toMatchObject([{ kind: "queued", superseded: lease.rebuild.id }]);
    const id = placed[0]?.rebuild.id ?? "";
    expect((await store().loadCauses([id])).get(id)).toEqual([cause("curl"), cause("zlib")]);
    expect(await store().loadRebuild(lease.rebuild.id)).toMatchObject({
      state: "superseded",
      detail: { supersededBy: id },
    });
    expect(await store().saveRebuild(lease, { state: "failed" })).toEqual({ kind: "lost" });
    expect((await store().loadRebuilds({ image: "child" }))[0]?.parentRebuilds).toEqual([id]);
  });

  it("leaves a rebuild alone once its verification has started, and queues the next behind it", async () => {
    await declareImages(store(), "a");
    await save(planned("a", { causes: [cause("curl")] }));
    const lease = await takeLease(store(), "a");
    await store().saveCandidate(lease, {
      digest: digestOf("a"),
      platforms: [],
      inventories: {},
      recipeKey: "recipe",
      baseDigests: [],
    });
    await store().saveVerification(lease, {
      digest: digestOf("a"),
      environment: "staging",
      verdict: null,
      checks: [],
      startedAt: 1,
    });
    const { placed } = await save(planned("a", { causes: [cause("zlib")] }));
    expect(placed).toMatchObject([{ kind: "queued", superseded: null }]);
    expect(await store().saveStep(lease, "still ours")).toMatchObject({ kind: "saved" });
  });

  it("lets a failed build wait in the queue again, and join what was queued meanwhile", async () => {
    await declareImages(store(), "a");
    await save(planned("a", { causes: [cause("curl")] }));
    const lease = await takeLease(store(), "a");
    await store().saveRebuild(lease, { state: "building" });
    const again = await store().saveRebuild(lease, {
      state: "queued",
      lastError: { code: "FIX_NOT_LANDED", message: "curl is still 1", hint: null },
      notBefore: 5,
    });
    expect(again).toMatchObject({ kind: "saved", rebuild: { state: "queued", attempts: 1, notBefore: 5 } });
  });

  it("makes one queued rebuild of a hundred plans that come at once", async () => {
    await declareImages(store(), "a");
    await Promise.all(
      Array.from({ length: 100 }, (_, index) => save(planned("a", { causes: [cause(`source-${index % 10}`)] }))),
    );
    const rebuilds = await store().loadRebuilds({ image: "a" });
    expect(rebuilds).toHaveLength(1);
    expect((await store().loadCauses([rebuilds[0]?.id ?? ""])).get(rebuilds[0]?.id ?? "")).toHaveLength(10);
  });
});
