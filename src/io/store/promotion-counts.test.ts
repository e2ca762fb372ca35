import { expect } from "vitest";
import { describeStores } from "../../../test/fakes/stores.ts";
import type { Cause } from "../../core/plan/index.ts";
import type { Digest } from "../../lib/index.ts";
import type { KeyedCause } from "./index.ts";
import { declareImages, digestOf, planned, provenCandidate, takeLease } from "./testdata/given.ts";

const second = 1000;

describeStores("promotion counts", ({ it, store, clock }) => {
  const cause = (to: string, firstSeen: number): KeyedCause => {
    const fields = { packages: [], origin: "suite", security: true, advisories: [] };
    return {
      key: `package:a:${to}`,
      cause: { kind: "package", source: "a", to, firstSeen, ...fields } satisfies Cause,
    };
  };
  const promote = async (digest: Digest, causes: readonly KeyedCause[], environment = "production"): Promise<void> => {
    await store().savePlan({ detail: {}, rebuilds: [planned("a", { causes })] });
    const lease = await takeLease(store(), "a");
    await provenCandidate(store(), lease, digest, environment);
    const intent = { image: "a", environment, digest, kind: "forward", by: "tidemill", reason: "r" } as const;
    const saved = await store().saveIntent(intent, lease);
    if (saved.kind !== "saved") throw new Error(saved.kind);
    await store().savePromotion(saved.promotion, lease, { state: "promoted" });
  };

  it("are none in an empty store", async () => {
    expect(await store().loadPromotionCounts("production")).toEqual({
      promotions: 0,
      rollbacks: 0,
      secondsFixToPromotion: null,
    });
  });

  it("count what was confirmed, and time only fixes that came to the environment, by their oldest sight", async () => {
    await declareImages(store(), "a");
    const now = clock.now();
    await promote(digestOf("1"), [{ key: "source:r", cause: { kind: "source", from: undefined, to: "r" } }]);
    await promote(digestOf("2"), [cause("2", now - 10 * second), cause("3", now - 40 * second)]);
    await promote(digestOf("3"), [cause("4", now - 20 * second)]);
    await promote(digestOf("4"), [cause("5", now - 999 * second)], "staging");
    const intent = { image: "a", environment: "production", kind: "rollback", by: "ada", reason: "r" } as const;
    const back = await store().saveIntent({ ...intent, digest: digestOf("2") });
    if (back.kind !== "saved") throw new Error(back.kind);
    expect(await store().loadPromotionCounts("production")).toMatchObject({ promotions: 4, rollbacks: 0 });
    await store().savePromotion(back.promotion);
    expect(await store().loadPromotionCounts("production")).toEqual({
      promotions: 4,
      rollbacks: 1,
      secondsFixToPromotion: 30,
    });
  });
});
