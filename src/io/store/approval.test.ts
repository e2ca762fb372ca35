import { expect } from "vitest";
import { describeStores } from "../../../test/fakes/stores.ts";
import type { Intent } from "./index.ts";
import { digestOf, leasedRebuild, provenCandidate } from "./testdata/given.ts";

describeStores("approval and soak", ({ it, store, clock }) => {
  const one = digestOf("1");
  const intent: Intent = {
    image: "a",
    environment: "production",
    digest: one,
    kind: "forward",
    by: "tidemill",
    reason: "verified",
    approvals: { count: 2, from: ["ada", "bob"] },
  };
  const say = (who: string, verdict: "approved" | "rejected" = "approved", digest = one) =>
    store().saveApproval({ image: "a", environment: "production", digest, who, verdict, reason: "looked at it" });

  it("lets nothing forward without the approvals of this digest by those who count, each person once", async () => {
    const lease = await leasedRebuild(store(), "a");
    await provenCandidate(store(), lease, one);
    const refused = async (reason: string) =>
      expect(await store().saveIntent(intent, lease)).toMatchObject({
        kind: "refused",
        reasons: [expect.stringContaining(reason)],
      });
    await refused("0 of 2 approvals");
    await say("ada");
    await say("ada");
    await say("eve");
    await say("bob", "approved", digestOf("2"));
    await refused("1 of 2 approvals");
    await say("bob", "rejected");
    expect(await store().saveIntent(intent, lease)).toMatchObject({
      reasons: ["bob rejected it for production: looked at it", expect.stringContaining("1 of 2")],
    });
    await say("bob");
    expect(await store().saveIntent(intent, lease)).toMatchObject({ kind: "saved" });
    expect((await store().loadApprovals({ image: "a", digests: [one] })).map(({ who }) => who)).toEqual([
      "ada",
      "bob",
      "eve",
    ]);
    const rows = await store().loadAudit({ limit: 100 });
    expect(rows.filter(({ action }) => action === "approved" || action === "rejected")).toHaveLength(6);
  });

  it("asks for no approvals on the way back", async () => {
    const lease = await leasedRebuild(store(), "a");
    await provenCandidate(store(), lease, one);
    expect(await store().saveIntent({ ...intent, kind: "rollback" })).toMatchObject({ kind: "saved" });
  });

  it("leaves only what it was to leave", async () => {
    const lease = await leasedRebuild(store(), "a");
    await provenCandidate(store(), lease, one);
    const back = { ...intent, kind: "rollback", leaving: digestOf("9") } as const;
    expect(await store().saveIntent(back)).toMatchObject({
      kind: "refused",
      reasons: [expect.stringContaining("does not name")],
    });
  });

  it("counts a soak for the promotion that an environment names, and begins anew with the next", async () => {
    const promote = async (letter: string): Promise<string> => {
      const lease = await leasedRebuild(store(), "a");
      await provenCandidate(store(), lease, digestOf(letter));
      const { approvals: _none, ...plain } = intent;
      const saved = await store().saveIntent({ ...plain, digest: digestOf(letter) }, lease);
      if (saved.kind !== "saved") throw new Error(saved.kind);
      await store().savePromotion(saved.promotion, lease, { state: "promoted" });
      return saved.promotion.id;
    };
    const pointer = (promotion: string) => ({ image: "a", environment: "production", promotion });
    const first = await promote("1");
    const count = (promotion: string) =>
      store().saveSoak(pointer(promotion), (before) => ({
        stoodMs: (before?.stoodMs ?? 0) + 5.4,
        detail: { at: clock.now() },
      }));
    await count(first);
    expect(await count(first)).toMatchObject({ stoodMs: 10, promotion: first });
    clock.advance(1000);
    const second = await promote("2");
    expect(await count(first)).toBeUndefined();
    expect(await count(second)).toMatchObject({ stoodMs: 5 });
    expect(await store().loadSoaks()).toMatchObject([{ promotion: second, detail: { at: clock.now() } }]);
    const moves = await store().loadPromotionsById([first, second]);
    expect([moves.get(first)?.digest, moves.get(second)?.digest]).toEqual([digestOf("1"), digestOf("2")]);
  });
});
