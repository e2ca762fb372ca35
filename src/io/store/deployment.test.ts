import { expect } from "vitest";
import { describeStores } from "../../../test/fakes/stores.ts";
import type { Digest } from "../../lib/index.ts";
import type { DeployLease, Deployment, SavedDeployment } from "./index.ts";
import { digestOf, leasedRebuild, provenCandidate } from "./testdata/given.ts";

describeStores("deployment", ({ it, store, clock }) => {
  const shop = { name: "shop", image: "a" } as const;
  const lease = async (owner = "one", leaseMs = 30_000): Promise<DeployLease> => {
    const taken = await store().leasePlace({ ...shop, owner, leaseMs });
    if (taken === undefined) throw new Error("the place is taken");
    return taken;
  };
  const promote = async (digest: Digest): Promise<void> => {
    const own = await leasedRebuild(store(), "a");
    await provenCandidate(store(), own, digest);
    const intent = { image: "a", environment: "production", digest, kind: "forward", by: "tidemill" } as const;
    const saved = await store().saveIntent({ ...intent, reason: "verified" }, own);
    if (saved.kind !== "saved") throw new Error(saved.kind);
    await store().savePromotion(saved.promotion, own, { state: "promoted" });
  };
  const begin = (own: DeployLease, digest: Digest, by = "tidemill") =>
    store().saveDeployIntent(own, { environment: "production", digest, by, reason: "it is named" });
  const rowOf = (saved: SavedDeployment): Deployment => {
    if (saved.kind !== "saved") throw new Error(`it is ${saved.kind}`);
    return saved.deployment;
  };
  const place = async () => (await store().loadDeployed("a"))[0];
  const [first, second] = [digestOf("1"), digestOf("2")];

  it("keeps what a target brought to a place, under the lease alone, and through attempts", async () => {
    await promote(first);
    const own = await lease();
    expect(await store().savePlaceBrought(own, { a: ["b"] })).toBe(true);
    const one = rowOf(await begin(own, first));
    await store().saveDeployment(own, one.id, { to: "confirmed" });
    expect(await place()).toMatchObject({ brought: { a: ["b"] } });
    await store().releasePlace(own);
    const later = await lease("two");
    expect(await store().savePlaceBrought(own, "late")).toBe(false);
    expect(await place()).toMatchObject({ brought: { a: ["b"] } });
    expect(await store().savePlaceBrought(later, null)).toBe(true);
    expect(await place()).toMatchObject({ brought: null });
  });

  it("goes from intent to confirmation, and knows what was there before", async () => {
    await promote(first);
    const own = await lease();
    const one = rowOf(await begin(own, first));
    expect(one).toMatchObject({ state: "intent", previous: null, kind: "forward", fence: own.fence });
    expect(await store().saveDeployment(own, one.id, { to: "applied" })).toMatchObject({ kind: "saved" });
    expect(await place()).toMatchObject({ digest: null, since: null });
    const confirmed = rowOf(await store().saveDeployment(own, one.id, { to: "confirmed" }));
    expect(confirmed).toMatchObject({ state: "confirmed", appliedAt: clock.now(), finishedAt: clock.now() });
    expect(await place()).toMatchObject({ digest: first, since: clock.now() });
    await promote(second);
    const two = rowOf(await begin(own, second));
    expect(two).toMatchObject({ previous: first });
    // Until it is seen again, nobody knows what runs.
    expect(await place()).toMatchObject({ digest: first, since: null });
    const actions = (await store().loadAudit({ image: "a" })).map(({ action }) => action);
    expect(actions).toEqual(expect.arrayContaining(["deploy-intent", "deploy-applied", "deployed"]));
  });

  it("refuses what the environment does not name, and what is in quarantine", async () => {
    await promote(first);
    const own = await lease();
    expect(await begin(own, second)).toMatchObject({ kind: "refused", reasons: [/production does not name/] });
    await store().saveQuarantine({ image: "a", digest: first, packages: [], reason: "crashes", who: "eve" });
    expect(await begin(own, first)).toMatchObject({ kind: "refused", reasons: [/in quarantine: crashes \(eve\)/] });
  });

  it("is one man's at a time: a lease that ran out or was taken saves nothing", async () => {
    await promote(first);
    const own = await lease("one", 1000);
    expect(await store().leasePlace({ ...shop, owner: "two", leaseMs: 1000 })).toBeUndefined();
    const one = rowOf(await begin(own, first));
    clock.advance(1001);
    expect(await store().renewPlace(own, 1000)).toBe(false);
    expect(await store().saveDeployment(own, one.id, { to: "applied" })).toEqual({ kind: "lost" });
    const other = await lease("two");
    expect(other.fence).toBeGreaterThan(own.fence);
    expect(await begin(own, first)).toEqual({ kind: "lost" });
    await store().savePlaceLook(own, { waiting: "late", runs: true });
    expect(await place()).toMatchObject({ waiting: null, since: null });
    // The same attempt goes on under the new fence, and it is known that another may still act.
    const taken = rowOf(await begin(other, first));
    expect(taken).toMatchObject({ id: one.id, fence: other.fence, detail: { owner: "two", takenOver: true } });
    await store().releasePlace(own);
    expect(await store().leasePlace({ ...shop, owner: "three", leaseMs: 1000 })).toBeUndefined();
    await store().releaseOtherPlaces("three");
    expect(await store().renewPlace(other, 1000)).toBe(false);
    expect(await store().leasePlace({ ...shop, owner: "three", leaseMs: 1000 })).toBeDefined();
  });

  it("is one attempt at a time: another digest ends it, a person's word too, and what has ended stays as it is", async () => {
    await promote(first);
    const own = await lease();
    const one = rowOf(await begin(own, first));
    const word = rowOf(await begin(own, first, "ada"));
    expect(word.id).not.toBe(one.id);
    expect(rowOf(await begin(own, first)).id).toBe(word.id);
    await promote(second);
    const two = rowOf(await begin(own, second));
    const states = async () => (await store().loadDeployments(shop)).map(({ id, state }) => [id, state]);
    expect(await states()).toEqual(
      expect.arrayContaining([
        [one.id, "ended"],
        [word.id, "ended"],
        [two.id, "intent"],
      ]),
    );
    for (const to of ["applied", "confirmed"] as const)
      expect(await store().saveDeployment(own, one.id, { to })).toEqual({ kind: "lost" });
    expect(await store().saveDeployment(own, two.id, { to: "failed", reason: "x" })).toEqual({ kind: "lost" });
  });

  it("that failed leaves what was there before, again since it was undone", async () => {
    await promote(first);
    const own = await lease();
    await store().saveDeployment(own, rowOf(await begin(own, first)).id, { to: "confirmed" });
    await promote(second);
    const { id } = rowOf(await begin(own, second));
    await store().saveDeployment(own, id, { to: "failing", reason: "it does not start" });
    expect(await store().saveDeployment(own, id, { to: "confirmed" })).toEqual({ kind: "lost" });
    clock.advance(5);
    const failed = rowOf(await store().saveDeployment(own, id, { to: "failed", reason: "it does not start" }));
    expect(failed).toMatchObject({ state: "failed", detail: { failure: "it does not start" } });
    expect(await place()).toMatchObject({ digest: first, since: clock.now() });
  });

  it("keeps what a look found: since when it runs, and why it does not", async () => {
    await promote(first);
    const own = await lease();
    await store().saveDeployment(own, rowOf(await begin(own, first)).id, { to: "confirmed" });
    const since = clock.now();
    clock.advance(10);
    await store().savePlaceLook(own, { waiting: null, runs: true });
    expect(await place()).toMatchObject({ since });
    await store().savePlaceLook(own, { waiting: "it is away", runs: undefined });
    expect(await place()).toMatchObject({ since, waiting: "it is away" });
    await store().savePlaceLook(own, { waiting: "another runs", runs: false });
    expect(await place()).toMatchObject({ since: null, waiting: "another runs" });
    await store().savePlaceLook(own, { waiting: null, runs: true });
    expect(await place()).toMatchObject({ since: clock.now(), waiting: null });
  });
});
