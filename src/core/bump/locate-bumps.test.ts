import { describe, expect, it } from "vitest";
import type { LockFile } from "../inventory/index.ts";
import { locateBumps } from "./locate-bumps.ts";
import type { WantedBump } from "./types.ts";

const wanted: WantedBump = { type: "maven", package: "a:b", moves: [{ from: "1.0", to: "1.1" }], findings: [] };
const lock = (versions: readonly string[], bringsMore?: LockFile["bringsMore"]): LockFile => ({
  packages: versions.map((version) => ({ type: "maven", name: "a:b", version })),
  problems: [],
  requestsOf: () => [],
  ...(bringsMore === undefined ? {} : { bringsMore }),
});

describe("a bump", () => {
  it.each<[string, LockFile, boolean]>([
    ["names the version", lock(["1.0"]), true],
    ["names another version", lock(["0.9", "1.1"], "maven"), false],
    ["does not name the package", lock([]), false],
    ["does not name the package, and brings more than it names", lock([], "maven"), true],
    ["does not name the package, and brings more of another kind", lock([], "npm"), false],
  ])("is looked for in a lock file that %s: %s", (_, file, isFound) => {
    const found = locateBumps([wanted], new Map([["pom.xml", file]]));
    expect(found).toEqual(isFound ? [{ ...wanted, file: "pom.xml" }] : []);
  });
});
