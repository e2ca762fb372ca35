import { describe, expect, it } from "vitest";
import type { InstalledPackage, Inventory } from "../inventory/index.ts";
import { findPackage } from "./find-package.ts";
import { digest } from "./testdata/made-remedy.ts";

const [lower, upper] = [digest("1"), digest("2")];
const locked = (version: string, layer = lower): InstalledPackage => ({
  type: "npm",
  name: "qs",
  version,
  architecture: "",
  source: "qs",
  sourceVersion: version,
  layer,
  path: "package-lock.json",
});
const inventory = (...packages: InstalledPackage[]): Inventory => ({
  platform: { os: "linux", architecture: "amd64" },
  os: undefined,
  status: "complete",
  system: "complete",
  problems: [],
  packages,
});
const place = { type: "npm", name: "qs", architecture: "", path: "package-lock.json", layer: undefined } as const;

describe("findPackage", () => {
  it("tells versions of one lock file apart", () => {
    const both = inventory(locked("6.17.1"), locked("6.7.0"));
    expect(findPackage(both, { ...place, sourceVersion: "6.7.0" })?.version).toBe("6.7.0");
    expect(findPackage(both, { ...place, sourceVersion: "6.17.1" })?.version).toBe("6.17.1");
  });

  it("finds what stands at the place in another version, of the same layer first", () => {
    const both = inventory(locked("1"), locked("2", upper));
    expect(findPackage(both, { ...place, layer: upper, sourceVersion: "3" })?.version).toBe("2");
    expect(findPackage(both, { ...place, layer: digest("3"), sourceVersion: "3" })?.version).toBe("1");
    expect(findPackage(both, { ...place, name: "other" })).toBeUndefined();
    expect(findPackage(undefined, place)).toBeUndefined();
  });
});
