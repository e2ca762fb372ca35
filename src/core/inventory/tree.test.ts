import { describe, expect, it } from "vitest";
import { makeLayer } from "./testdata/make-layer.ts";
import { extendTree, listFolder, lookup, mergeLayers, walkTree, type Tree } from "./tree.ts";

function paths(tree: Tree): string[] {
  return [...walkTree(tree)].map(([path]) => path).sort();
}

describe("mergeLayers", () => {
  it("lets a later layer replace, add and hide", () => {
    const tree = mergeLayers([
      makeLayer("a", [{ path: "etc/" }, { path: "etc/one", text: "1" }, { path: "etc/two" }, { path: "var/cache/x" }]),
      makeLayer("b", [{ path: "etc/one", text: "2" }, { path: "etc/three" }], { whiteouts: ["etc/two", "var"] }),
    ]);
    expect(paths(tree)).toEqual(["etc", "etc/one", "etc/three"]);
    const one = lookup(tree, "/etc/one");
    expect(one.kind === "found" && [one.node.layer, one.node.entry.size]).toEqual([1, 1]);
  });

  it("hides only what lies below, wherever the whiteout stands in the archive", () => {
    const tree = mergeLayers([
      makeLayer("a", [{ path: "d/old" }]),
      makeLayer("b", [{ path: "d/" }, { path: "d/new" }], { opaques: ["d"], whiteouts: ["d/new"] }),
    ]);
    expect(paths(tree)).toEqual(["d", "d/new"]);
  });

  it("keeps what is in a folder when the folder comes again", () => {
    const tree = mergeLayers([
      makeLayer("a", [{ path: "d/one" }]),
      makeLayer("b", [{ path: "d/", mode: 0o700 }, { path: "d/two" }, { path: "d/", mode: 0o711 }]),
    ]);
    expect(listFolder(tree, "d")).toEqual(["one", "two"]);
    const folder = lookup(tree, "d");
    expect(folder.kind === "found" && folder.node.entry.mode).toBe(0o711);
  });

  it("replaces a link by a folder that is written out, and follows it where no entry says so", () => {
    const base = makeLayer("a", [{ path: "usr/bin/" }, { path: "bin", link: "usr/bin" }]);
    const hidden = mergeLayers([base, makeLayer("b", [{ path: "bin/" }, { path: "bin/x" }])]);
    expect(paths(hidden)).toContain("bin/x");
    const followed = mergeLayers([base, makeLayer("c", [{ path: "bin/x" }])]);
    expect(paths(followed)).toContain("usr/bin/x");
    expect(followed.problems.map(({ kind, path }) => [kind, path])).toEqual([["ambiguous", "bin"]]);
  });

  it("gives a hard link its target's content, also from a layer below", () => {
    const tree = mergeLayers([
      makeLayer("a", [{ path: "one", text: "same" }]),
      makeLayer("b", [
        { path: "two", type: "hardlink", link: "one" },
        { path: "bad", type: "hardlink", link: "nowhere" },
      ]),
    ]);
    const two = lookup(tree, "two");
    expect(two.kind === "found" && [two.node.entry.type, two.node.entry.size]).toEqual(["file", 4]);
    expect(tree.problems.map(({ path }) => path)).toEqual(["bad"]);
  });

  it("leaves the tree below untouched, so that many images can share it", () => {
    const below = mergeLayers([makeLayer("a", [{ path: "a/b/c/one" }, { path: "x/y" }])]);
    const before = paths(below);
    extendTree(below, makeLayer("b", [{ path: "a/b/c/two" }, { path: "a/b/" }], { whiteouts: ["x"] }));
    extendTree(below, makeLayer("c", [{ path: "a", text: "a file now" }]));
    expect(paths(below)).toEqual(before);
  });

  it("stays inside the root whatever the links say", () => {
    const tree = mergeLayers([
      makeLayer("a", [
        { path: "out", link: "../../../../etc" },
        { path: "abs", link: "/etc" },
        { path: "etc/passwd", text: "inside" },
      ]),
    ]);
    for (const path of ["out/passwd", "abs/passwd", "../../etc/passwd"]) {
      const found = lookup(tree, path);
      expect(found.kind === "found" && found.path).toBe("etc/passwd");
    }
  });

  it("names loops, and what is put below one", () => {
    const tree = mergeLayers([
      makeLayer("a", [
        { path: "a", link: "b" },
        { path: "b", link: "a" },
        { path: "self", link: "self/x" },
        { path: "a/x" },
      ]),
    ]);
    expect(lookup(tree, "a").kind).toBe("loop");
    expect(lookup(tree, "self").kind).toBe("loop");
    expect(tree.problems.map(({ kind, path }) => [kind, path])).toEqual([["bad-link", "a/x"]]);
  });

  it("gives up on a layer whose links only burn time", () => {
    const deep = Array.from({ length: 2000 }, () => "d").join("/");
    const sketch = [
      { path: `${deep}/` },
      ...Array.from({ length: 30 }, (_, at) => ({
        path: `l${at}`,
        link: at === 0 ? deep : `${deep}/${"../".repeat(2000)}l${at - 1}`,
      })),
      ...Array.from({ length: 10_000 }, (_, at) => ({ path: `l29/${at}/x` })),
    ];
    const started = performance.now();
    const tree = mergeLayers([makeLayer("a", sketch)]);
    expect(performance.now() - started).toBeLessThan(8000);
    expect(tree.problems.at(-1)?.kind).toBe("oversized");
  });
});
