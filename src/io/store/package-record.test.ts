import { expect } from "vitest";
import { madeUniverse } from "../../../test/apt/packages-text.ts";
import { describeStores } from "../../../test/fakes/stores.ts";

describeStores("packages that images were assembled from", ({ it, store }) => {
  const record = (version: string) => {
    const [found] = madeUniverse({ main: [{ name: "curl", version }] }).versions("curl");
    if (found === undefined) throw new Error("it has no curl");
    return found;
  };
  const key = (version: string) => ({ name: "curl", architecture: "amd64", version });

  it("are remembered as they were, once", async () => {
    await store().savePackageRecords([record("1"), record("2")]);
    await store().savePackageRecords([record("2")]);
    expect(await store().loadPackageRecords([key("2"), key("3")])).toEqual([record("2")]);
    expect(await store().loadPackageRecords([])).toEqual([]);
    await store().savePackageRecords([]);
  });

  it("are forgotten where twenty newer versions came", async () => {
    for (let version = 1; version <= 25; version += 1) await store().savePackageRecords([record(`${version}`)]);
    expect(await store().loadPackageRecords([key("25")])).toHaveLength(1);
    const left = await store().loadPackageRecords(Array.from({ length: 25 }, (_, at) => key(`${at + 1}`)));
    expect(left).toHaveLength(20);
  });
});
