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

describeStores("what checks said", ({ it, store, clock }) => {
  it("is kept packed, of the newest verifications, and for so long", async () => {
    const ids: string[] = [];
    const text = "a line that is said again and again\n".repeat(30_000);
    for (let at = 0; at < 22; at += 1) {
      const lease = await leasedRebuild(store(), "a");
      const digest = digestOf((at % 10).toString());
      await store().saveCandidate(lease, {
        digest,
        platforms: ["linux/amd64"],
        inventories: {},
        recipeKey: "recipe",
        baseDigests: [],
      });
      const change = { digest, environment: "staging", verdict: "failed", checks: [], startedAt: clock.now() } as const;
      const saved = await store().saveVerification(lease, change, { state: "failed" });
      if (saved.kind === "lost") throw new Error("the lease was lost");
      ids.push(saved.verification.id);
      await store().saveCheckLogs(saved.verification.id, [{ name: "run: a", text }]);
      await store().saveCheckLogs(saved.verification.id, [{ name: "run: a", text: `${text}${at}` }]);
      clock.advance(1000);
    }
    const load = (at: number) => store().loadCheckLog(ids[at] ?? "", "run: a");
    expect((await load(21))?.text).toBe(`${text}21`);
    expect(await load(2)).toBeDefined();
    expect(await load(1)).toBeUndefined();
    clock.advance(91 * 24 * 60 * 60_000);
    await store().saveCheckLogs(ids[21] ?? "", [{ name: "run: b", text: "new" }]);
    expect(await load(21)).toBeUndefined();
  });
});
