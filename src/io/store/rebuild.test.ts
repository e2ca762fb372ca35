import { expect } from "vitest";
import { describeStores } from "../../../test/fakes/stores.ts";
import { declareImages, leasedRebuild, planned, takeLease } from "./testdata/given.ts";

describeStores("last failures", ({ it, store, clock }) => {
  const fail = async (image: string) => {
    const lease = await leasedRebuild(store(), image);
    const lastError = { code: "X", message: `${image} does not build`, hint: null };
    await store().saveRebuild(lease, { state: "failed", lastError });
    clock.advance(1);
  };
  const images = async () => (await store().loadLastFailures()).map(({ image }) => image);

  it("are the rebuilds that failed and that no newer one of their image came after", async () => {
    await declareImages(store(), "a", "b", "c");
    await fail("b");
    await fail("a");
    await fail("b");
    const lease = await leasedRebuild(store(), "c");
    expect(await images()).toEqual(["a", "b"]);
    await store().saveRebuild(lease, { state: "unchanged" });
    await store().savePlan({ detail: {}, rebuilds: [planned("a")] });
    expect(await images()).toEqual(["b"]);
    await store().saveRebuild(await takeLease(store(), "a"), { state: "unchanged" });
    expect(await images()).toEqual(["b"]);
  });
});
