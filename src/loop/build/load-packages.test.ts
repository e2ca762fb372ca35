import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createMill, flatten, noSink, requestOf, type Mill } from "./testdata/mill.ts";

let mill: Mill;
beforeEach(async () => {
  mill = await createMill();
});
afterEach(() => mill.remove());

describe("packages that meet", () => {
  it("leave a file to the one that replaces the other, in dpkg's lists too", async () => {
    const packages = await Promise.all([
      mill.put({
        name: "old",
        version: "1",
        entries: [
          { path: "usr/bin/tool", content: "old" },
          { path: "usr/bin/rest", content: "r" },
        ],
      }),
      mill.put({
        name: "tool",
        version: "1",
        fields: { Replaces: "old (<< 2)" },
        entries: [{ path: "bin/tool", content: "new" }],
      }),
      mill.put({ name: "dpkg", version: "1" }),
    ]);
    const { digest } = await mill.assembler().assemble(requestOf(packages), mill.layout);
    const { layers } = await mill.read(digest);
    expect(layers.filter((layer) => layer.has("usr/bin/tool"))).toHaveLength(1);
    const tree = flatten(layers);
    expect(tree.get("usr/bin/tool")?.text).toBe("new");
    expect(tree.get("var/lib/dpkg/info/old.list")?.text).not.toContain("tool");
    expect(tree.get("var/lib/dpkg/info/old.list")?.text).toContain("/usr/bin/rest\n");
    expect(tree.get("var/lib/dpkg/info/tool.list")?.text).toContain("/bin/tool\n");
  });

  it("are refused where neither replaces the other: FILE_CONFLICT names both and nothing is pushed", async () => {
    const packages = await Promise.all([
      mill.put({ name: "one", version: "1-1", entries: [{ path: "usr/bin/tool", content: "1" }] }),
      mill.put({ name: "two", version: "2-1", entries: [{ path: "bin/tool", content: "2" }] }),
    ]);
    await expect(mill.assembler().assemble(requestOf(packages), noSink)).rejects.toMatchObject({
      code: "FILE_CONFLICT",
      message: expect.stringMatching(/one 1-1 and two 2-1 .*\/usr\/bin\/tool/) as string,
    });
  });

  it("share a file with the same content", async () => {
    const licence = { path: "usr/share/licence", content: "free" };
    const packages = await Promise.all(
      ["one", "two"].map((name) => mill.put({ name, version: "1", entries: [licence] })),
    );
    const { digest } = await mill.assembler().assemble(requestOf(packages), mill.layout);
    const holding = (await mill.read(digest)).layers.filter((layer) => layer.has("usr/share/licence"));
    expect(holding.map((layer) => layer.get("usr/share/licence")?.text)).toEqual(["free"]);
  });

  it("have what is in a folder that is another's link where the link leads, through a second link too", async () => {
    const packages = await Promise.all([
      mill.put({
        name: "links",
        version: "1",
        entries: [
          { path: "opt/app", kind: "symlink", link: "data" },
          { path: "opt/data", kind: "symlink", link: "/srv/data" },
          { path: "srv/data/own", content: "" },
        ],
      }),
      mill.put({
        name: "zfiles",
        version: "1",
        entries: [
          { path: "opt/app/deep/file", content: "moved" },
          { path: "opt/app/twin", kind: "hardlink", link: "./opt/app/deep/file" },
          { path: "opt/data/other", content: "moved once" },
        ],
      }),
    ]);
    const { digest } = await mill.assembler().assemble(requestOf(packages), mill.layout);
    const tree = flatten((await mill.read(digest)).layers);
    expect(tree.get("opt/app")).toMatchObject({ kind: "symlink", link: "data" });
    expect(tree.get("opt/data")).toMatchObject({ kind: "symlink", link: "/srv/data" });
    expect(tree.get("srv/data/deep/file")?.text).toBe("moved");
    expect(tree.get("srv/data/twin")).toMatchObject({ kind: "hardlink", link: "srv/data/deep/file" });
    expect(tree.get("srv/data/other")?.text).toBe("moved once");
    expect([...tree.keys()].filter((path) => /^opt\/(app|data)\//.test(path))).toEqual([]);
  });

  it("are refused in two versions, and in two architectures", async () => {
    const [one, two, foreign] = await Promise.all([
      mill.put({ name: "lib", version: "1" }),
      mill.put({ name: "lib", version: "2" }),
      mill.put({ name: "lib", version: "1", architecture: "i386" }),
    ]);
    for (const [a, b, words] of [
      [one, two, "lib 2 (amd64)"],
      [one, foreign, "lib 1 (i386)"],
    ] as const)
      await expect(mill.assembler().assemble(requestOf([a, b]), noSink)).rejects.toMatchObject({
        code: "BAD_REQUEST",
        message: expect.stringContaining(words) as string,
      });
  });
});

describe("a hostile package", () => {
  it.each([
    ["leaves the tree", [{ path: "../etc/passwd", content: "x" }]],
    ["is absolute", [{ path: "/../x", content: "x" }]],
    ["deletes", [{ path: "etc/.wh.passwd", content: "" }]],
    ["links out", [{ path: "usr/x", kind: "symlink", link: "../../etc" }]],
    [
      "writes through its own link",
      [
        { path: "usr/x", kind: "symlink", link: "/etc" },
        { path: "usr/x/passwd", content: "" },
      ],
    ],
    [
      "writes through its own link, made later",
      [
        { path: "usr/x/passwd", content: "" },
        { path: "usr/x", kind: "symlink", link: "/etc" },
      ],
    ],
    ["forges dpkg's database", [{ path: "var/lib/dpkg/status.d/openssl", content: "Package: openssl\n" }]],
    ["forges a list", [{ path: "var/lib/dpkg/info/openssl.list", kind: "symlink", link: "/etc/passwd" }]],
    ["moves /bin", [{ path: "bin", kind: "symlink", link: "/tmp" }]],
  ] as const)("that %s is refused, and nothing is pushed", async (_, entries) => {
    const bad = await mill.put({ name: "bad", version: "6.6", entries });
    const good = await mill.put({ name: "good", version: "1", entries: [{ path: "etc/good", content: "" }] });
    await expect(mill.assembler().assemble(requestOf([good, bad]), noSink)).rejects.toMatchObject({
      code: "HOSTILE_PACKAGE",
    });
  });

  it("is not one whose name or bytes are others than the index says", async () => {
    const [one, two] = await Promise.all([
      mill.put({ name: "one", version: "1" }),
      mill.put({ name: "two", version: "1" }),
    ]);
    const renamed = { ...one, name: "another" };
    await expect(mill.assembler().assemble(requestOf([renamed]), noSink)).rejects.toMatchObject({
      code: "BAD_PACKAGE",
    });
    const paths = mill.assembler({
      fetchPackage: () => Promise.resolve(join(mill.cacheDir, "..", `${two.sha256.slice(7)}.deb`)),
    });
    await expect(paths.assemble(requestOf([one]), noSink)).rejects.toMatchObject({ code: "BAD_PACKAGE" });
  });
});
