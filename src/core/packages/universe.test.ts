import { describe, expect, it } from "vitest";
import { madeUniverse, packagesText } from "../../../test/apt/packages-text.ts";
import { createUniverse } from "./universe.ts";

function codeOf(run: () => unknown): unknown {
  try {
    run();
    return "nothing thrown";
  } catch (error) {
    return error instanceof Error && "code" in error ? error.code : error;
  }
}

describe("createUniverse", () => {
  it("offers versions newest first, over all suites, the same one once", () => {
    const shared = { name: "a", version: "1:0.9" };
    const universe = madeUniverse({
      main: [shared, { name: "b" }],
      security: [{ name: "a", version: "2.0" }, shared, { name: "a", version: "1:0.9~rc1" }],
    });
    expect(universe.versions("a").map(({ version, origin }) => `${version} ${origin}`)).toEqual([
      "1:0.9 main",
      "1:0.9~rc1 security",
      "2.0 security",
    ]);
    expect(universe.versions("c")).toEqual([]);
  });

  it("takes an index that another universe has as it was worked out there, under its own name", () => {
    const bytes = Buffer.from(packagesText([{ name: "a" }, { name: "b", fields: { Provides: "c" } }]));
    const newer = Buffer.from(packagesText([{ name: "a", version: "9" }]));
    const before = createUniverse("amd64", [{ origin: "main", bytes }]);
    const after = createUniverse("amd64", [
      { origin: "main", bytes },
      { origin: "security", bytes: newer },
    ]);
    expect(after.versions("b")[0]).toBe(before.versions("b")[0]);
    expect(after.versions("a").map(({ origin }) => origin)).toEqual(["security", "main"]);
    expect(before.versions("a").map(({ origin }) => origin)).toEqual(["main"]);
    const renamed = createUniverse("amd64", [{ origin: "other", bytes }]);
    expect(renamed.providers("c").map(({ record }) => record.origin)).toEqual(["other"]);
  });

  it("reads all that a record says", () => {
    const fields = { Source: "src (3.0)", "Multi-Arch": "same", Essential: "yes", Maintainer: "Ünï Cödé" };
    const [record] = madeUniverse({ main: [{ name: "a", version: "2", fields }] }).versions("a");
    expect(record).toMatchObject({
      name: "a",
      version: "2",
      source: "src",
      sourceVersion: "3.0",
      multiArch: "same",
      essential: true,
      priority: "optional",
      origin: "main",
      filename: "pool/main/a/a/a_2_amd64.deb",
      size: 1000,
    });
    expect(record?.stanza).toContain("Maintainer: Ünï Cödé");
  });

  it("leaves other architectures out", () => {
    const universe = madeUniverse({
      main: [
        { name: "a", architecture: "arm64" },
        { name: "a", architecture: "all", version: "0" },
      ],
    });
    expect(universe.versions("a").map(({ architecture }) => architecture)).toEqual(["all"]);
  });

  it("knows what is provided, by version and for which qualifier", () => {
    const universe = madeUniverse({
      main: [
        { name: "a", fields: { Provides: "virtual (= 3), other" } },
        { name: "b", fields: { Provides: "virtual, virtual:any (= 4), b", "Multi-Arch": "allowed" } },
        { name: "c", fields: { Provides: "virtual (>= 3), virtual:arm64" } },
      ],
    });
    function provided(name: string) {
      return universe.providers(name).map(({ record, version }) => `${record.name} ${version}`);
    }
    expect(provided("virtual")).toEqual(["a 3", "b undefined"]);
    expect(provided("virtual:any")).toEqual(["b undefined", "b 4"]);
    expect(provided("b:any")).toEqual(["b 1"]);
    expect(provided("b")).toEqual([]);
    expect(provided("nothing")).toEqual([]);
  });

  it("names the Essential packages", () => {
    const essential = { Essential: "yes" };
    const universe = madeUniverse({
      main: [
        { name: "a", fields: essential },
        { name: "b", fields: { Description: "Essential: yes" } },
      ],
      security: [{ name: "a", version: "2", fields: essential }],
    });
    expect(universe.essential()).toEqual(["a"]);
  });

  it("orders names by their first mention, as apt numbers packages", () => {
    const universe = madeUniverse({
      main: [
        { name: "a", fields: { Provides: "p1", Depends: "d1 (>= x1), d2:any | d3", "Pre-Depends": "d4" } },
        { name: "xd1", fields: { Description: "speaks of x1 and d5" } },
        { name: "b", fields: { Suggests: "d2, x1:amd64" } },
      ],
    });
    const names = ["a", "d4", "d1", "d3", "p1", "xd1", "b", "d2", "x1"];
    expect([...names].reverse().sort((one, other) => universe.mention(one) - universe.mention(other))).toEqual(names);
    expect(universe.mention("d5")).toBe(Infinity);
  });

  it.each([
    ["no version", "Package: a\nArchitecture: amd64\n"],
    ["a path that leads out", packagesText([{ name: "a" }]).replace("pool/", "../pool/")],
    ["an absolute path", packagesText([{ name: "a" }]).replace("pool/", "/pool/")],
    ["no checksum", packagesText([{ name: "a" }]).replace(/SHA256.*\n/, "")],
    ["a size that is none", packagesText([{ name: "a" }]).replace("1000", "-1")],
    ["an absurd size", packagesText([{ name: "a" }]).replace("1000", "99999999999999")],
    ["a version with a slash", packagesText([{ name: "a", version: "1/2" }])],
    ["a source with a line break", packagesText([{ name: "a", fields: { Source: "x y z" } }])],
  ])("refuses a stanza with %s when it is asked for", (_, text) => {
    const universe = createUniverse("amd64", [
      { origin: "main", bytes: Buffer.from(`${text}\n${packagesText([{ name: "good" }])}`) },
    ]);
    expect(codeOf(() => universe.versions("a"))).toBe("BAD_STANZA");
    expect(universe.versions("good")).toHaveLength(1);
  });

  it("refuses what is no Packages index", () => {
    for (const text of ["<html>", "Version: 1\nPackage: a\n", "\0\0\0"]) {
      expect(codeOf(() => createUniverse("amd64", [{ origin: "main", bytes: Buffer.from(text) }]))).toBe("BAD_CONTROL");
    }
    expect(createUniverse("amd64", [{ origin: "main", bytes: new Uint8Array() }]).versions("a")).toEqual([]);
  });
});
