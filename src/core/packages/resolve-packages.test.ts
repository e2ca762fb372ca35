import { describe, expect, it } from "vitest";
import { madeUniverse, type MadePackage } from "../../../test/apt/packages-text.ts";
import { resolvePackages } from "./resolve-packages.ts";
import type { ResolveRequest } from "./types.ts";

function pkg(name: string, depends?: string, more: Record<string, string> = {}, version = "1"): MadePackage {
  return { name, version, fields: depends === undefined ? more : { Depends: depends, ...more } };
}

function answer(packages: readonly MadePackage[], request: ResolveRequest | string): readonly string[] {
  const asked = typeof request === "string" ? { roots: request.split(" ") } : request;
  const resolution = resolvePackages(asked, madeUniverse({ main: packages }));
  if (resolution.kind === "unsatisfiable") return resolution.chain;
  return resolution.packages.map(({ name, version }) => (version === "1" ? name : `${name}=${version}`));
}

describe("resolvePackages chooses", () => {
  it.each<[string, readonly MadePackage[], string, readonly string[]]>([
    [
      "the closure of Depends and Pre-Depends",
      [pkg("a", "b"), pkg("b", undefined, { "Pre-Depends": "c" }), pkg("c")],
      "a",
      ["a", "b", "c"],
    ],
    ["the highest version", [pkg("a"), pkg("a", undefined, {}, "1:0")], "a", ["a=1:0"]],
    ["a circle once", [pkg("a", "b"), pkg("b", "a")], "a", ["a", "b"]],
    ["the first alternative", [pkg("a", "b | c"), pkg("b"), pkg("c")], "a", ["a", "b"]],
    ["an alternative that is asked for anyway", [pkg("a", "b | c"), pkg("b"), pkg("c")], "a c", ["a", "c"]],
    ["an alternative whose first is not offered", [pkg("a", "b | c"), pkg("c")], "a", ["a", "c"]],
    ["an alternative whose first lacks something", [pkg("a", "b | c"), pkg("b", "no"), pkg("c")], "a", ["a", "c"]],
    [
      "the real package before a provider",
      [pkg("a", "v"), pkg("p", undefined, { Provides: "v" }), pkg("v")],
      "a",
      ["a", "v"],
    ],
    [
      "the provider of higher priority",
      [
        pkg("a", "v"),
        pkg("p", undefined, { Provides: "v", Priority: "standard" }),
        pkg("q", undefined, { Provides: "v" }),
      ],
      "a",
      ["a", "p"],
    ],
    [
      "an Essential provider",
      [
        pkg("a", "v"),
        pkg("p", undefined, { Provides: "v", Essential: "yes" }),
        pkg("q", undefined, { Provides: "v", Priority: "required" }),
      ],
      "a",
      ["a", "p"],
    ],
    [
      "the provider mentioned last, all else equal",
      [pkg("a", "v"), pkg("p", undefined, { Provides: "v" }), pkg("q", undefined, { Provides: "v" })],
      "a",
      ["a", "q"],
    ],
    [
      "a provider by its provided version",
      [pkg("a", "v (>= 2)"), pkg("p", undefined, { Provides: "v (= 2)" }), pkg("q", undefined, { Provides: "v" })],
      "a",
      ["a", "p"],
    ],
    [
      "a multi-arch package for :any",
      [pkg("a", "b:any"), pkg("b", undefined, { "Multi-Arch": "allowed" })],
      "a",
      ["a", "b"],
    ],
    [
      "its own architecture when it is named",
      [pkg("a", "b:amd64, c:native"), pkg("b"), pkg("c")],
      "a:amd64",
      ["a", "b", "c"],
    ],
    ["a named version", [pkg("a"), pkg("a", undefined, {}, "2")], "a=1", ["a"]],
    [
      "a way round a conflict",
      [pkg("a", "b | c, d"), pkg("b"), pkg("c"), pkg("d", undefined, { Conflicts: "b" })],
      "a",
      ["a", "c", "d"],
    ],
    [
      "a way round a Breaks of some versions",
      [pkg("a", "b | c, d"), pkg("b"), pkg("c"), pkg("d", undefined, { Breaks: "b (<< 2)" })],
      "a",
      ["a", "c", "d"],
    ],
    [
      "both where a Breaks does not touch the version",
      [pkg("a", "b | c, d"), pkg("b"), pkg("c"), pkg("d", undefined, { Breaks: "b (<< 1)" })],
      "a",
      ["a", "b", "d"],
    ],
    [
      "a package that conflicts with what it provides itself",
      [pkg("a", undefined, { Provides: "v", Conflicts: "v" })],
      "a",
      ["a"],
    ],
    ["the only provider of a virtual root", [pkg("p", undefined, { Provides: "v" })], "v", ["p"]],
  ])("%s", (_, packages, roots, expected) => {
    expect(answer(packages, roots)).toEqual(expected);
  });

  it("nothing recommended, unless asked", () => {
    const packages = [pkg("a", undefined, { Recommends: "b, no" }), pkg("b", "c"), pkg("c")];
    expect(answer(packages, { roots: ["a"] })).toEqual(["a"]);
    expect(answer(packages, { roots: ["a"], recommends: true })).toEqual(["a", "b", "c"]);
  });

  it("the Essential set where asked", () => {
    const packages = [pkg("a"), pkg("base", "lib", { Essential: "yes" }), pkg("lib")];
    expect(answer(packages, { roots: ["a"], essential: true })).toEqual(["a", "base", "lib"]);
  });

  it("around what is excluded, and held versions", () => {
    const packages = [pkg("a", "b | c"), pkg("b"), pkg("c"), pkg("c", undefined, {}, "2")];
    expect(answer(packages, { roots: ["a"], exclude: ["b"], pins: { c: "1" } })).toEqual(["a", "c"]);
  });

  it("from the suite that is named, with what only fits there", () => {
    const universe = madeUniverse({
      stable: [pkg("a", "b (= 1)"), pkg("b")],
      updates: [pkg("a", "b (= 2)", {}, "2"), pkg("b", undefined, {}, "2")],
    });
    const resolution = resolvePackages({ roots: ["a/stable"] }, universe);
    expect(resolution.kind === "resolved" && resolution.packages.map(({ version }) => version)).toEqual(["1", "1"]);
  });
});

describe("what cannot be had is explained from the root on", () => {
  it.each<[string, readonly MadePackage[], ResolveRequest, readonly string[]]>([
    ["an unknown root", [], { roots: ["a"] }, ["a is asked for", "no suite offers a"]],
    [
      "an unknown version",
      [pkg("a")],
      { roots: ["a=2"] },
      ["a=2 is asked for", "no suite offers version 2 of a, only 1"],
    ],
    [
      "a virtual root with several providers",
      [pkg("p", undefined, { Provides: "v" }), pkg("q", undefined, { Provides: "v" })],
      { roots: ["v"] },
      ["v is asked for", "v is provided by p, q: name one of them"],
    ],
    [
      "a missing dependency",
      [pkg("a", "b"), pkg("b", "c (>= 2)"), pkg("c")],
      { roots: ["a"] },
      ["a is asked for", "a 1 needs b", "b 1 needs c (>= 2)", "no suite offers c (>= 2), only 1"],
    ],
    [
      "an excluded dependency",
      [pkg("a", "b"), pkg("b")],
      { roots: ["a"], exclude: ["b"] },
      ["a is asked for", "a 1 needs b", "b is excluded"],
    ],
    [
      "an excluded root",
      [pkg("a")],
      { roots: ["a"], exclude: ["a"] },
      ["a is asked for", "a is excluded, or held at a version that no suite offers"],
    ],
    [
      "a conflict",
      [pkg("a", "b"), pkg("b"), pkg("c", undefined, { Conflicts: "b" })],
      { roots: ["a", "c"] },
      ["c is asked for", "a is asked for", "a 1 needs b", "c 1 cannot be installed beside b 1: it rejects b"],
    ],
    [
      "two versions of one package",
      [pkg("a"), pkg("a", undefined, {}, "2")],
      { roots: ["a=1", "a=2"] },
      ["a 1 is asked for", "a 2 is asked for", "only one of them can be installed"],
    ],
    [
      "another architecture",
      [pkg("a", "b:i386"), pkg("b")],
      { roots: ["a"] },
      ["a is asked for", "a 1 needs b:i386", "no suite offers b:i386"],
    ],
  ])("%s", (_, packages, request, expected) => {
    expect(answer(packages, request)).toEqual(expected);
  });
});

describe("hostile shapes", () => {
  it("a chain of 5,000 dependencies is resolved without recursing over it", () => {
    const chain = Array.from({ length: 5_000 }, (_, at) => pkg(`p${at}`, at < 4_999 ? `p${at + 1}` : undefined));
    expect(answer(chain, "p0")).toHaveLength(5_000);
  });

  it("a search over 2^30 ways ends, and says what stands in the way", () => {
    const choices = Array.from({ length: 30 }, (_, at) => `a${at} | b${at}`);
    const packages = [
      pkg("root", [...choices, "last"].join(", ")),
      pkg("last", "y, z"),
      pkg("y", undefined, { Conflicts: "z" }),
      pkg("z"),
      ...choices.flatMap((choice) => choice.split(" | ").map((name) => pkg(name))),
    ];
    const chain = answer(packages, "root");
    expect(chain.at(-1)).toBe("y 1 cannot be installed beside z 1: it rejects z");
  });
});
