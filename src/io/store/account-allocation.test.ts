import { expect } from "vitest";
import { describeStores } from "../../../test/fakes/stores.ts";

const range = { first: 200, last: 205 };

describeStores("saveAccountAllocations", ({ it, store }) => {
  it("gives new names the lowest free numbers, and never another one later", async () => {
    expect(await store().saveAccountAllocations(["redis", "nginx"], range)).toEqual([
      { name: "redis", uid: 201, gid: 201 },
      { name: "nginx", uid: 200, gid: 200 },
    ]);
    expect(await store().saveAccountAllocations(["adm", "redis"], range)).toEqual([
      { name: "adm", uid: 202, gid: 202 },
      { name: "redis", uid: 201, gid: 201 },
    ]);
    expect(await store().loadAudit({ actions: ["accounts-allocated"] })).toMatchObject([
      { detail: { accounts: [{ name: "adm" }] } },
      { detail: { accounts: [{ name: "nginx" }, { name: "redis" }] } },
    ]);
  });

  it("gives no number to two names, whoever asks at once", async () => {
    await Promise.all(["a", "b", "c", "d", "e"].map((name) => store().saveAccountAllocations([name, "shared"], range)));
    const given = await store().loadAccountAllocations();
    expect(given.map(({ name }) => name)).toEqual(["a", "b", "c", "d", "e", "shared"]);
    expect(given.map(({ uid }) => uid).toSorted((a, b) => a - b)).toEqual([200, 201, 202, 203, 204, 205]);
  });

  it("leaves out what finds no number any more", async () => {
    const names = ["a", "b", "c", "d", "e", "f", "g"];
    expect((await store().saveAccountAllocations(names, range)).map(({ name }) => name)).toEqual(names.slice(0, 6));
  });
});
