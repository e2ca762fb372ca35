import { expect } from "vitest";
import { describeStores } from "../../../test/fakes/stores.ts";
import { diagnoseAudit, diagnosePlace } from "./diagnose-state.ts";

describeStores("the doctor's look at the state", ({ it, store, place, kind }) => {
  const changeActor = async (seq: number | undefined, actor: string): Promise<void> => {
    const connection = await store().engine.acquire();
    try {
      await connection.query("update audit set actor = $2 where seq = $1", [seq, actor]);
    } finally {
      await store().engine.release(connection);
    }
  };

  it("is content with a store that works", async () => {
    const found = await diagnosePlace(place(), store());
    expect(found.map(({ name, state }) => [name, state])).toEqual(
      kind.name === "PGlite"
        ? [
            ["state", expect.stringMatching(/ok|warning/)],
            ["lock", "ok"],
          ]
        : [["state", "ok"]],
    );
    expect(await diagnoseAudit(store())).toMatchObject({ state: "ok" });
  });

  it("names what was reconciled when it was opened", async () => {
    const recovered = { ...store(), recovery: ["the audit file ended in the middle of a row"] };
    expect((await diagnosePlace(place(), recovered)).at(-1)).toMatchObject({
      name: "recovery",
      state: "warning",
      message: "the audit file ended in the middle of a row",
    });
  });

  it("names the first row of the audit chain that somebody changed", async () => {
    await store().saveAudit("ada", "note", {});
    const [row] = await store().loadAudit();
    await changeActor(row?.seq, "eve");
    expect(await diagnoseAudit(store())).toMatchObject({
      state: "failed",
      message: `broken at row ${row?.seq}: row ${row?.seq} was changed after it was written`,
    });
    await changeActor(row?.seq, "ada");
  });
});
