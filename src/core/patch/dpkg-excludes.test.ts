import { describe, expect, it } from "vitest";
import { emptyTree, extendTree } from "../inventory/index.ts";
import { makeLayer } from "../inventory/testdata/make-layer.ts";
import { pinAgainst, readPins } from "./apt-pins.ts";
import { matchesGlob, readExcludes } from "./dpkg-excludes.ts";

describe("matchesGlob", () => {
  it.each([
    ["/usr/share/doc/*", "/usr/share/doc/a/b", true],
    ["/usr/share/doc/*", "/usr/share/doc", false],
    ["/usr/share/*/copyright", "/usr/share/doc/a/copyright", true],
    ["/a?c", "/abc", true],
    ["/a?c", "/ac", false],
    ["/[a-c]x", "/bx", true],
    ["/[!a-c]x", "/bx", false],
    ["/a\\*", "/a*", true],
    ["*a*a*a*a*a*a*a*a*a*a*a*a*b", "a".repeat(2000), false],
  ])("%s and %s: %s", (pattern, text, fits) => expect(matchesGlob(pattern, text)).toBe(fits));
});

describe("what dpkg leaves out", () => {
  it("is what the last rule that fits says, but folders and links on the way to what it takes in", () => {
    const tree = extendTree(
      emptyTree,
      makeLayer("a", [
        {
          path: "etc/dpkg/dpkg.cfg.d/docker",
          text: "path-exclude /usr/share/doc/*\npath-include = /usr/share/doc/*/copyright\n# x\n",
        },
      ]),
    );
    const isExcluded = readExcludes(tree);
    expect(isExcluded("/usr/share/doc/a/README")).toBe(true);
    expect(isExcluded("/usr/share/doc/a/copyright")).toBe(false);
    expect(isExcluded("/usr/share/doc/a", true)).toBe(false);
    expect(isExcluded("/usr/bin/a")).toBe(false);
  });
});

describe("pins", () => {
  const tree = extendTree(
    emptyTree,
    makeLayer("a", [
      { path: "etc/apt/preferences", text: "Package: *\nPin: release a=stable\nPin-Priority: 900\n" },
      {
        path: "etc/apt/preferences.d/own",
        text: "Package: openssl libssl*\nPin: version 3.0.20*\nPin-Priority: 1001\n\nPackage: curl\nPin: release n=sid\nPin-Priority: -1\n",
      },
      { path: "etc/apt/preferences.d/own.bak", text: "Package: bash\nPin: version 1\nPin-Priority: 1001\n" },
    ]),
  );
  it.each([
    ["openssl", "3.0.22", /pins openssl by "version 3\.0\.20\*" to 1001/],
    ["libssl3", "3.0.22", /pins libssl3/],
    ["openssl", "3.0.20-2", undefined],
    ["curl", "8", /pins curl by "release n=sid" to -1/],
    ["bash", "5", undefined],
  ])("say of %s %s %s", (name, version, why) => {
    const said = pinAgainst(readPins(tree), name, name, version);
    if (why === undefined) expect(said).toBeUndefined();
    else expect(said).toMatch(why);
  });
});
