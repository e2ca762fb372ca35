import { expect } from "vitest";
import { describeStores } from "../../../test/fakes/stores.ts";
import type { Digest } from "../../lib/index.ts";
import type { Intent, Lease, Promotion, SavedIntent } from "./index.ts";
import { digestOf, leasedRebuild, provenCandidate } from "./testdata/given.ts";

describeStores("promotion", ({ it, store, clock }) => {
  const forward = (digest: Digest, more: Partial<Intent> = {}): Intent => ({
    image: "a",
    environment: "production",
    digest,
    kind: "forward",
    by: "tidemill",
    reason: "verified",
    ...more,
  });
  const promotionOf = (saved: SavedIntent): Promotion => {
    if (saved.kind !== "saved") throw new Error(`the intent is ${saved.kind}`);
    return saved.promotion;
  };
  const promote = async (digest: Digest): Promise<Lease> => {
    const lease = await leasedRebuild(store(), "a");
    await provenCandidate(store(), lease, digest);
    const promotion = promotionOf(await store().saveIntent(forward(digest), lease));
    expect(await store().savePromotion(promotion, lease, { state: "promoted" })).toMatchObject({ kind: "saved" });
    return lease;
  };
  const pointer = async () => (await store().loadPointers("a"))[0];

  it("moves the pointer from intent to confirmation, with the rebuild, and remembers the digest before", async () => {
    const first = await promote(digestOf("1"));
    await promote(digestOf("2"));
    expect(await pointer()).toMatchObject({ digest: digestOf("2"), previous: digestOf("1"), since: clock.now() });
    expect(await store().loadRebuild(first.rebuild.id)).toMatchObject({ state: "promoted", leaseOwner: null });
    expect(await store().loadOpenIntents()).toEqual([]);
  });

  it("refuses a digest that never passed in that environment, passed in another, or failed since", async () => {
    const lease = await leasedRebuild(store(), "a");
    expect(await store().saveIntent(forward(digestOf("1")), lease)).toMatchObject({ kind: "refused" });
    await provenCandidate(store(), lease, digestOf("1"), "staging");
    expect(await store().saveIntent(forward(digestOf("1")), lease)).toMatchObject({ kind: "refused" });
    const verification = { digest: digestOf("1"), environment: "production", checks: [], startedAt: 2 } as const;
    for (const verdict of [null, "not_run", "failed"] as const) {
      await store().saveVerification(lease, { ...verification, verdict });
      expect(await store().saveIntent(forward(digestOf("1")), lease)).toMatchObject({ kind: "refused" });
    }
    expect(await pointer()).toBeUndefined();
  });

  it("refuses what is in quarantine, forward and back", async () => {
    await promote(digestOf("1"));
    await promote(digestOf("2"));
    await store().saveQuarantine({
      image: "a",
      digest: digestOf("1"),
      packages: [],
      reason: "crashes",
      who: "eve",
    });
    for (const kind of ["forward", "rollback"] as const) {
      expect(await store().saveIntent(forward(digestOf("1"), { kind, by: "eve" }))).toMatchObject({
        kind: "refused",
        reasons: [expect.stringContaining("quarantine: crashes (eve)")],
      });
    }
  });

  it("refuses the way forward under a hold, and lets the way back pass", async () => {
    await promote(digestOf("1"));
    await promote(digestOf("2"));
    const lease = await leasedRebuild(store(), "a");
    await provenCandidate(store(), lease, digestOf("3"));
    await store().saveHold({
      image: null,
      environment: "production",
      byPerson: true,
      who: "eve",
      reason: "release freeze",
      until: clock.now() + 1000,
    });
    expect(await store().saveIntent(forward(digestOf("3")), lease)).toMatchObject({ kind: "refused" });
    expect(
      await store().saveHoldsLifted({
        image: null,
        environment: "production",
        byPerson: false,
        who: "tidemill",
        reason: "",
      }),
    ).toEqual([]);
    expect(
      await store().saveIntent(forward(digestOf("1"), { kind: "rollback", by: "eve", reason: "slow" })),
    ).toMatchObject({ kind: "saved" });
    clock.advance(1001);
    expect(await store().loadHolds("a")).toEqual([]);
  });

  it("takes a rollback before a promotion under way, whose worker can then confirm nothing", async () => {
    await promote(digestOf("1"));
    await promote(digestOf("2"));
    const lease = await leasedRebuild(store(), "a");
    await provenCandidate(store(), lease, digestOf("3"));
    const late = promotionOf(await store().saveIntent(forward(digestOf("3")), lease));
    const back = promotionOf(
      await store().saveIntent(
        forward(digestOf("1"), {
          kind: "rollback",
          by: "eve",
          reason: "slow",
          quarantine: { image: "a", digest: digestOf("2"), packages: [], reason: "slow", who: "eve" },
        }),
      ),
    );
    expect(await store().savePromotion(late, lease, { state: "promoted" })).toEqual({ kind: "lost" });
    expect(await store().savePromotion(back)).toMatchObject({ kind: "saved" });
    expect(await store().savePromotion(late, lease)).toEqual({ kind: "lost" });
    expect(await pointer()).toMatchObject({ digest: digestOf("1"), previous: digestOf("2") });
    expect(await store().loadQuarantines("a")).toMatchObject([{ digest: digestOf("2"), who: "eve" }]);
    expect(await store().saveIntent(forward(digestOf("2")))).toMatchObject({ kind: "refused" });
  });

  it("is the same when it is done again after a crash, before and after the confirmation", async () => {
    const lease = await leasedRebuild(store(), "a");
    await provenCandidate(store(), lease, digestOf("1"));
    const first = promotionOf(await store().saveIntent(forward(digestOf("1")), lease));
    const again = promotionOf(await store().saveIntent(forward(digestOf("1")), lease));
    expect(again.id).toBe(first.id);
    await store().savePromotion(first, lease);
    expect(await store().savePromotion(first, lease)).toMatchObject({ kind: "saved" });
    expect(await store().saveIntent(forward(digestOf("1")), lease)).toMatchObject({ kind: "unchanged" });
    expect(await store().loadPromotions({ image: "a" })).toHaveLength(1);
    const actions = (await store().loadAudit({ image: "a", limit: 3 })).map(({ action }) => action);
    expect(actions).toEqual(["promoted", "intent", "verified"]);
  });

  it("lets one of two promotions of an environment begin", async () => {
    const lease = await leasedRebuild(store(), "a");
    await provenCandidate(store(), lease, digestOf("1"));
    await provenCandidate(store(), lease, digestOf("2"));
    await store().saveIntent(forward(digestOf("1")), lease);
    expect(await store().saveIntent(forward(digestOf("2")), lease)).toMatchObject({ kind: "busy" });
  });

  it("ends as a conflict where somebody else moved the tag, and the pointer stays", async () => {
    await promote(digestOf("1"));
    const lease = await leasedRebuild(store(), "a");
    await provenCandidate(store(), lease, digestOf("2"));
    const promotion = promotionOf(await store().saveIntent(forward(digestOf("2")), lease));
    expect(await store().saveConflict(promotion, digestOf("9"), lease)).toMatchObject({
      promotion: { state: "conflict", detail: { found: digestOf("9") } },
    });
    expect(await store().savePromotion(promotion, lease)).toEqual({ kind: "lost" });
    expect(await pointer()).toMatchObject({ digest: digestOf("1") });
  });

  it("puts a refusal down once for the same reasons", async () => {
    const lease = await leasedRebuild(store(), "a");
    const refusal = { environment: "production", digest: digestOf("1"), reasons: ["no evidence"] };
    await store().saveRefusal(lease, refusal);
    await store().saveRefusal(lease, refusal);
    expect(await store().loadPromotions({ states: ["refused"] })).toHaveLength(1);
  });
});
