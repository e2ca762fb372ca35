import { expect } from "vitest";
import { describeStores } from "../../../test/fakes/stores.ts";
import { digestOf, leasedRebuild, provenCandidate } from "./testdata/given.ts";

describeStores("verification", ({ it, store, clock }) => {
  it("that cannot run is told once in the audit chain, however often it is tried, and again when its verdict changes", async () => {
    const lease = await leasedRebuild(store(), "a");
    await provenCandidate(store(), lease, digestOf("1"));
    const tell = async (verdict: "not_run" | "passed" | null) => {
      const change = { digest: digestOf("1"), environment: "staging", verdict, checks: [], startedAt: clock.now() };
      expect(await store().saveVerification(lease, change)).toMatchObject({ kind: "saved" });
      clock.advance(1000);
    };
    for (const verdict of [null, "not_run", null, "not_run", "not_run", null, "passed", null, "not_run"] as const)
      await tell(verdict);
    const rows = await store().loadAudit({ image: "a", environment: "staging", actions: ["verified"] });
    expect(rows.map(({ detail }) => detail["verdict"]).reverse()).toEqual(["not_run", "passed", "not_run"]);
    const [row] = await store().loadVerifications({ image: "a", digest: digestOf("1") });
    expect(row).toBeDefined();
    expect(await store().verifyAudit()).toMatchObject({ kind: "intact" });
  });
});
