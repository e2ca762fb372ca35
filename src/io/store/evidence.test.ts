import { expect } from "vitest";
import { describeStores } from "../../../test/fakes/stores.ts";
import { digestOf } from "./testdata/given.ts";

describeStores("evidence", ({ it, store }) => {
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
});
