import { describe, expect, it } from "vitest";
import { ImageTree } from "./image-tree.ts";
import { makeFacts } from "./testdata/make-facts.ts";

const tree = (...paths: string[]): ImageTree => new ImageTree([makeFacts("some", paths)]);

describe("ImageTree", () => {
  it.each([
    ["bin/sh", "usr/bin/sh"],
    ["/lib/x.so", "usr/lib/x.so"],
    ["var/run/x", "run/x"],
    ["a/link/file", "b/c/file"],
    ["a/link/../file", "b/file"],
    ["a/up/file", "b/c/file"],
    ["../../etc/x", "etc/x"],
  ])("follows links: %s is %s", (path, real) => {
    expect(tree("a/", "a/link -> /b/c", "a/up -> ../b/c", "b/", "b/c/").resolve(path, true)).toBe(real);
  });

  it("follows the last part only where it is asked to, and no circle", () => {
    const image = tree("a -> b", "b -> a", "c -> d", "d");
    expect(image.resolve("c", false)).toBe("c");
    expect(image.resolve("c", true)).toBe("d");
    expect(image.resolve("a/x", false)).toBeUndefined();
    expect(image.exists("a")).toBe(false);
    expect(image.exists("/c")).toBe(true);
  });

  it("puts nothing in the place of what is there, unless it shall", () => {
    const image = tree("etc/", "etc/motd", "var/", "var/log/", "var/log/x/");
    image.file("etc/motd", "ours");
    image.directory("var/log/x", { gid: 4, replace: true });
    image.file("etc/new", "first");
    image.file("etc/new", "second");
    expect(image.entries().map(({ path, gid, content }) => [path, gid, content?.toString()])).toEqual([
      ["etc/new", 0, "first"],
      ["var/log/x", 4, undefined],
    ]);
  });

  it("makes the folders above what it makes, through links, sorted by bytes", () => {
    const image = tree("usr/", "opt -> srv/opt");
    image.file("opt/a/z", "");
    image.file("opt/a-b", "");
    image.symlink("bin/x", "y");
    expect(image.entries().map(({ path, kind }) => `${kind} ${path}`)).toEqual([
      "directory srv",
      "directory srv/opt",
      "directory srv/opt/a",
      "file srv/opt/a-b",
      "file srv/opt/a/z",
      "directory usr/bin",
      "symlink usr/bin/x",
    ]);
  });
});
