import { describe, expect, it } from "vitest";
import { findOffers } from "../../core/advisory/index.ts";
import { diffInventories, type InstalledPackage, type Inventory } from "../../core/inventory/index.ts";
import type { Cause } from "../../core/plan/index.ts";
import type { PackageUniverse } from "../../core/packages/index.ts";
import { sha256 } from "../../lib/index.ts";
import { checkProof } from "./check-proof.ts";

function made(type: InstalledPackage["type"], version: string): InstalledPackage {
  return {
    type,
    name: "curl",
    version,
    architecture: "amd64",
    source: "curl",
    sourceVersion: version,
    layer: sha256(""),
  };
}
function inventory(packages: readonly InstalledPackage[], more: Partial<Inventory> = {}): Inventory {
  const platform = { os: "linux", architecture: "amd64" };
  return { platform, os: undefined, packages, status: "complete", system: "complete", problems: [], ...more };
}
const fix: Cause = {
  kind: "package",
  source: "curl",
  to: "8.0-1",
  packages: [{ name: "curl", architecture: "amd64", from: "7.0-1", to: "8.0-1" }],
  origin: "suite",
  firstSeen: 0,
  security: true,
  advisories: [],
};

describe("checkProof", () => {
  const torn = { status: "unknown", problems: ["app/node_modules/a/package.json: it is no JSON"] } as const;

  it.each<[string, Inventory, "passed" | "failed"]>([
    ["the fix is there", inventory([made("deb", "8.0-1")]), "passed"],
    ["the fix is not there", inventory([made("deb", "7.0-1")]), "failed"],
    ["a manifest of npm could not be read", inventory([made("deb", "8.0-1")], torn), "passed"],
    [
      "the distribution's database could not",
      inventory([made("deb", "8.0-1")], { ...torn, system: "unknown" }),
      "failed",
    ],
    [
      "a package of npm has the name of the fixed one, and no version of dpkg's",
      inventory([made("npm", "./x"), made("deb", "8.0-1")]),
      "passed",
    ],
    [
      "a package of npm has its name, and an older version",
      inventory([made("npm", "0.1.0"), made("deb", "8.0-1")]),
      "passed",
    ],
    [
      "a package of npm has its name and the fixed version, the distribution's not",
      inventory([made("npm", "8.0-1"), made("deb", "7.0-1")]),
      "failed",
    ],
  ])("where %s", (_, held, verdict) => expect(checkProof([fix], held, undefined).verdict).toBe(verdict));
});

describe("what is planned for debs", () => {
  it("meets no package of another kind, whatever its name", () => {
    const before = inventory([made("npm", "1.0.0"), made("pypi", "not a version"), made("deb", "7.0-1")]);
    const after = inventory([made("npm", "2.0.0"), made("deb", "8.0-1")]);
    expect(diffInventories(before, after)).toEqual([
      { name: "curl", architecture: "amd64", from: "7.0-1", to: "8.0-1" },
    ]);
    const offered = { name: "curl", architecture: "amd64", version: "8.0-1", origin: "suite" };
    const universe = { versions: () => [offered] } as unknown as PackageUniverse;
    expect(findOffers(before, universe).newer.map(({ installed }) => installed)).toEqual(["7.0-1"]);
  });
});
