import { describe, expect, it } from "vitest";
import { madeUniverse } from "../../../test/apt/packages-text.ts";
import { resolvePackages } from "./resolve-packages.ts";
import { withRecords } from "./with-records.ts";

const before = madeUniverse({
  main: [
    { name: "app", fields: { Depends: "libs (>= 1), engine" } },
    { name: "libs", version: "1.0", fields: { Provides: "engine" } },
  ],
});
const after = madeUniverse({
  main: [
    { name: "app", fields: { Depends: "libs (>= 1), engine" } },
    { name: "libs", version: "2.0" },
  ],
});
const old = before.versions("libs");

describe("withRecords", () => {
  it("lets a package stay at a version that no suite offers any more, with what it provides", () => {
    const request = { roots: ["app"], pins: { libs: "1.0" } };
    expect(resolvePackages(request, after).kind).toBe("unsatisfiable");
    const kept = withRecords(after, old);
    expect(kept.versions("libs").map(({ version }) => version)).toEqual(["2.0", "1.0"]);
    const resolved = resolvePackages(request, kept);
    expect(resolved).toMatchObject({ kind: "resolved" });
    if (resolved.kind === "resolved")
      expect(resolved.packages.map(({ name, version }) => `${name} ${version}`)).toContain("libs 1.0");
  });

  it("is the universe itself where that has them all, or they are of another architecture", () => {
    expect(withRecords(before, old)).toBe(before);
    expect(withRecords(after, [])).toBe(after);
    expect(
      withRecords(
        after,
        old.map((one) => ({ ...one, architecture: "arm64" })),
      ),
    ).toBe(after);
  });

  it("does not change what is taken where nothing is pinned", () => {
    const universe = madeUniverse({ main: [{ name: "libs", version: "2.0" }] });
    const resolved = resolvePackages({ roots: ["libs"] }, withRecords(universe, old));
    if (resolved.kind !== "resolved") throw new Error(resolved.chain.join("; "));
    expect(resolved.packages.map(({ version }) => version)).toEqual(["2.0"]);
  });
});
