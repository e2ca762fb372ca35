import { expect } from "vitest";
import { describeStores } from "../../../test/fakes/stores.ts";
import type { Inventory } from "../../core/inventory/index.ts";
import { digestOf } from "./testdata/given.ts";

describeStores("inventories", ({ it, store }) => {
  const inventory = (version: string, more: Partial<Inventory> = {}): Inventory => ({
    platform: { os: "linux", architecture: "arm64", variant: "v8" },
    os: { id: "debian", versionId: "12", codename: "bookworm", prettyName: undefined },
    packages: [
      {
        type: "deb",
        name: "curl",
        version,
        architecture: "arm64",
        source: "curl",
        sourceVersion: version,
        layer: digestOf("a"),
      },
    ],
    status: "complete",
    system: "complete",
    problems: [],
    ...more,
  });

  it("that say the same share a key, and come back as they were", async () => {
    const [one, same, other] = await store().saveInventories([inventory("1"), inventory("1"), inventory("2")]);
    if (one === undefined || other === undefined) throw new Error("a key is missing");
    expect(one).toBe(same);
    expect(one).not.toBe(other);
    expect(await store().saveInventories([inventory("2")])).toEqual([other]);
    expect(await store().loadInventory(other)).toEqual(inventory("2"));
    expect([...(await store().loadInventories([one, digestOf("f")])).keys()]).toEqual([one]);
    expect(await store().saveInventories([])).toEqual([]);
  });

  it("that do not say their release are two where they come from two", async () => {
    const bare = inventory("1", { os: undefined });
    const [one] = await store().saveInventories([bare], "debian:12");
    const [other] = await store().saveInventories([bare], "debian:13");
    const [unknown] = await store().saveInventories([bare]);
    expect(new Set([one, other, unknown]).size).toBe(3);
    expect(await store().loadInventory(one!)).toEqual(bare);
    expect(await store().saveInventories([bare], "debian:12")).toEqual([one]);
    const [said] = await store().saveInventories([inventory("1")], "debian:13");
    expect(await store().saveInventories([inventory("1")], "debian:12")).toEqual([said]);
    const unindexed = await store().loadUnindexedInventories(10);
    expect(new Map(unindexed.map(({ key, madeFrom }) => [key, madeFrom]))).toEqual(
      new Map([
        [one, "debian:12"],
        [other, "debian:13"],
        [unknown, undefined],
        [said, undefined],
      ]),
    );
  });

  it("of which a part could not be read are named with what it was", async () => {
    const problems = ["var/lib/dpkg/status: it ends in the middle of a line"];
    const [, torn] = await store().saveInventories([inventory("1"), inventory("2", { status: "unknown", problems })]);
    expect([...(await store().loadUnreadInventories())]).toEqual([[torn, problems]]);
  });
});
