import { describe, expect, it } from "vitest";
import { LayerTree, placeFiles, type LayerEntry } from "./index.ts";

function treeOf(...entries: readonly Pick<LayerEntry, "path" | "kind" | "link">[]): LayerTree {
  const tree = new LayerTree([]);
  tree.add(entries.map((entry) => ({ mode: 0o755, uid: 0, gid: 0, mtime: 0, ...entry })));
  return tree;
}
const folder = (path: string) => ({ path, mode: 0o700, uid: 65532, gid: 65532, content: undefined });
const file = (path: string) => ({ path, mode: 0o644, uid: 0, gid: 0, content: Buffer.from("x") });

describe("what a configuration puts into an image", () => {
  it("may be an empty folder of somebody's, new or there already, also behind a link", () => {
    const tree = treeOf(
      { path: "var", kind: "directory" },
      { path: "var/lib", kind: "directory" },
      { path: "run", kind: "directory" },
      { path: "var/run", kind: "symlink", link: "/run" },
    );
    const placed = placeFiles([folder("/var/lib/mill"), folder("/var/run"), file("/var/lib/mill/note")], tree);
    expect(placed).toMatchObject([
      { path: "run", kind: "directory", mode: 0o700, uid: 65532 },
      { path: "var/lib/mill", kind: "directory", mode: 0o700, uid: 65532, gid: 65532 },
      { path: "var/lib/mill/note", kind: "file", mode: 0o644 },
    ]);
  });

  it.each([
    ["a folder where a file is", [folder("/etc/passwd")], /it is no folder/],
    ["a file where a folder is", [file("/etc")], /it is a folder/],
    ["what goes below a file", [file("/srv/a"), file("/srv/a/b")], /it is a file, and others go below it/],
    ["a folder below a file", [file("/srv/a"), folder("/srv/a/b")], /it is a file, and others go below it/],
    ["two at one place", [folder("/srv"), file("/srv")], /another file goes to the same place/],
    ["a way up", [folder("/srv/../..")], /`\.\.`/],
    ["a deletion", [folder("/srv/.wh.x")], /deletion/],
    ["the root", [folder("/")], /the root/],
  ])("is refused: %s", (_, files, why) => {
    const tree = treeOf({ path: "etc", kind: "directory" }, { path: "etc/passwd", kind: "file" });
    expect(() => placeFiles(files, tree)).toThrow(why);
  });
});
