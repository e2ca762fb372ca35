import { describe, expect, it } from "vitest";
import type { InstalledPackage, Inventory } from "../inventory/index.ts";
import { noLayer } from "./sbom/sbom-collector.ts";
import { withLocks } from "./with-locks.ts";

const empty: Inventory = {
  platform: { os: "linux", architecture: "unknown" },
  os: undefined,
  packages: [],
  status: "unknown",
  system: "unknown",
  problems: ["no package database was found in the image"],
};
const lock = (packages: object) => ({
  path: "app/package-lock.json",
  text: JSON.stringify({ lockfileVersion: 3, packages }),
});
const installed = (more: Partial<InstalledPackage>): InstalledPackage => ({
  type: "npm",
  name: "a",
  version: "1.0.0",
  architecture: "",
  source: "a",
  sourceVersion: "1.0.0",
  layer: noLayer,
  path: "app/node_modules/a/package.json",
  ...more,
});
const two = lock({ "": {}, "node_modules/a": { version: "1.0.0" }, "node_modules/b": { version: "2.0.0" } });

describe("withLocks", () => {
  it("adds what lock files settle to what is installed, and is complete where all of it is understood", () => {
    const found = withLocks({ ...empty, packages: [installed({})], problems: [] }, [two]);
    expect(found).toMatchObject({ status: "complete", problems: [] });
    expect(found.packages.map(({ name, version, path }) => [name, version, path])).toEqual([
      ["a", "1.0.0", "app/node_modules/a/package.json"],
      ["b", "2.0.0", "app/package-lock.json"],
    ]);
    expect(withLocks(empty, [two])).toMatchObject({ status: "complete", packages: [{ name: "a" }, { name: "b" }] });
  });

  it("says nothing of a system, and of a tree without any", () => {
    const system = { ...empty, os: { id: "debian", versionId: "12", codename: undefined, prettyName: undefined } };
    expect(withLocks(system, [two])).toBe(system);
    const packaged = { ...empty, packages: [installed({ type: "deb" })] };
    expect(withLocks(packaged, [two])).toBe(packaged);
    expect(withLocks(empty, [])).toBe(empty);
  });

  it("is unknown where a lock file is torn, and names it", () => {
    const found = withLocks(empty, [{ path: "x/package-lock.json", text: two.text.slice(0, 40) }]);
    expect(found.status).toBe("unknown");
    expect(found.problems[0]).toMatch(/^x\/package-lock\.json: /);
  });
});
