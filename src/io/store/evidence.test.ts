import { expect } from "vitest";
import { describeStores } from "../../../test/fakes/stores.ts";
import { declareImages, digestOf, leasedRebuild, provenCandidate } from "./testdata/given.ts";

const policy = digestOf("f");

describeStores(
  "evidence",
  ({ it, store }) => {
    const id = {
      image: "a",
      digest: digestOf("1"),
      subject: digestOf("1"),
      predicate: "https://slsa.dev/provenance/v1",
      scope: "one",
      key: digestOf("7"),
    };

    it("is signed once: what was kept first is what comes back, until it is attached", async () => {
      expect(await store().saveEvidence(id, "first")).toMatchObject({ bundle: "first", artifact: null });
      expect(await store().saveEvidence(id, "second")).toMatchObject({ bundle: "first" });
      await store().saveEvidenceAttached(id, digestOf("2"));
      expect(await store().saveEvidence(id, "third")).toMatchObject({ bundle: null, artifact: digestOf("2") });
      expect(await store().loadEvidence("a", digestOf("1"))).toHaveLength(1);
      expect(await store().loadEvidence("b", digestOf("1"))).toEqual([]);
    });

    it("that arrived is put down once in the audit chain, and never its bundle", async () => {
      await store().saveEvidence(id, "a bundle");
      for (let time = 0; time < 2; time += 1) await store().saveEvidenceAttached(id, digestOf("2"));
      const rows = await store().loadAudit({ actions: ["attested"] });
      expect(rows).toHaveLength(1);
      expect(rows[0]?.detail).toMatchObject({ ...id, artifact: digestOf("2"), bundle: null });
    });

    it("by another key, of another scope or subject is another piece", async () => {
      for (const other of [{}, { key: digestOf("8") }, { scope: "two" }, { subject: digestOf("3") }])
        await store().saveEvidence({ ...id, ...other }, "x");
      expect(await store().loadEvidence("a", digestOf("1"))).toHaveLength(4);
      await store().removeEvidence(id);
      expect(await store().loadEvidence("a", digestOf("1"))).toHaveLength(3);
    });

    it("that its registry lost is put down with what it was, once", async () => {
      await store().saveEvidenceAttached(id, digestOf("2"));
      const before = (await store().loadAudit({ actions: ["evidence-lost"] })).length;
      for (let time = 0; time < 2; time += 1) await store().removeEvidence(id);
      const rows = await store().loadAudit({ actions: ["evidence-lost"] });
      expect(rows).toHaveLength(before + 1);
      expect(rows[0]?.detail).toMatchObject({ ...id, artifact: digestOf("2"), policy });
    });

    it("under cosign's tag is put down when it is put there, and where a crash kept that from being put down", async () => {
      const signed = { image: "a", digest: digestOf("6"), name: "mill.example/a", key: digestOf("7") };
      const count = async (): Promise<number> =>
        (await store().loadAuditOf("a", digestOf("6"))).filter(({ action }) => action === "signed").length;
      const before = await count();
      for (const isNew of [false, false, true, false]) await store().saveSigned(signed, isNew);
      expect(await count()).toBe(before === 0 ? 2 : before + 1);
      await store().saveSigned({ ...signed, key: digestOf("8") }, false);
      expect((await store().loadAuditOf("a", digestOf("6"))).at(-1)?.detail).toEqual({
        ...signed,
        key: digestOf("8"),
        policy,
      });
    });

    it("of who takes an intent over is a row of the chain, once however often it is tried", async () => {
      await declareImages(store(), "web");
      const lease = await leasedRebuild(store(), "web");
      await provenCandidate(store(), lease, digestOf("b"));
      const intent = { environment: "production", digest: digestOf("b"), kind: "forward", by: "tidemill" } as const;
      const saved = await store().saveIntent({ image: "web", ...intent, reason: "verified" }, lease);
      if (saved.kind !== "saved") throw new Error(saved.kind);
      const taken = await store().saveIntentTakenOver(saved.promotion);
      await store().saveIntentTakenOver(taken);
      const rows = (await store().loadAuditOf("web", digestOf("b"))).filter(({ detail }) => detail.id === taken.id);
      expect(rows.map(({ action }) => action)).toEqual(["intent", "intent-taken-over"]);
      expect(rows.every(({ detail }) => detail.policy === policy)).toBe(true);
      expect(await store().verifyAudit()).toMatchObject({ kind: "intact" });
    });
  },
  { policy },
);
