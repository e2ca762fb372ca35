import { expect } from "vitest";
import { describeStores } from "../../../test/fakes/stores.ts";
import type { WantedReport } from "./index.ts";

const minute = 60_000;
const wanted = (key: string, state: "pending" | "success"): WantedReport => ({
  key,
  image: "web",
  kind: "status",
  detail: { commit: "a".repeat(40), environment: "staging", state, name: "tidemill/web/staging", description: "" },
  wanted: state,
});

describeStores("reports at forges", ({ it, store, clock }) => {
  it("are due until they were said, are leased to one, and come again where something else is wanted by then", async () => {
    await store().saveForgeReports([wanted("a", "pending"), wanted("b", "pending")]);
    const taken = await store().leaseForgeReports(minute, 1);
    expect(taken).toMatchObject([{ said: null, wanted: "pending", attempts: 1 }]);
    const [first] = taken;
    expect(await store().leaseForgeReports(minute, 5)).toHaveLength(1);
    expect(await store().leaseForgeReports(minute, 5)).toEqual([]);
    // Said while something else came to be wanted: that is still due.
    await store().saveForgeReports([wanted(first?.key ?? "", "success")]);
    await store().saveForgeReported(first?.key ?? "", { kind: "said", said: "pending", remote: "7" });
    const again = await store().leaseForgeReports(minute, 5);
    expect(again).toMatchObject([{ key: first?.key, wanted: "success", said: "pending", remote: "7" }]);
    await store().saveForgeReported(first?.key ?? "", { kind: "said", said: "success", remote: "7" });
    await store().saveForgeReports([wanted(first?.key ?? "", "success")]);
    expect(await store().leaseForgeReports(minute, 5)).toEqual([]);
    // Whoever was killed had the other one: it is free when the lease has ended.
    clock.advance(2 * minute);
    expect(await store().leaseForgeReports(minute, 5)).toMatchObject([{ attempts: 2 }]);
    expect(await store().loadForgeReports("web")).toHaveLength(2);
  });

  it("wait after a failure, and are told of where they fail again and again", async () => {
    await store().saveForgeReports([wanted("a", "pending")]);
    for (let attempt = 1; attempt <= 4; attempt += 1) {
      expect(await store().loadUntoldReports(4, 5)).toEqual([]);
      expect(await store().leaseForgeReports(minute, 5)).toMatchObject([{ attempts: attempt }]);
      await store().saveForgeReported("a", { kind: "failed", error: "401", nextAttempt: clock.now() + minute });
      expect(await store().leaseForgeReports(minute, 5)).toEqual([]);
      clock.advance(minute);
    }
    expect(await store().loadUntoldReports(4, 5)).toMatchObject([{ key: "a", lastError: "401" }]);
    await store().saveForgeReports([wanted("a", "success")]);
    expect(await store().leaseForgeReports(minute, 5)).toMatchObject([{ attempts: 1 }]);
  });
});
