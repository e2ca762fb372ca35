import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createMill, flatten, largeSize, noSink, putFleet, requestOf, type Mill } from "./testdata/mill.ts";

let mill: Mill;
beforeEach(async () => {
  mill = await createMill();
});
afterEach(() => mill.remove());

describe("the tree of an image", () => {
  it("has the links and folders that every system has", async () => {
    const { digest } = await mill.assembler().assemble(requestOf(await putFleet(mill)), mill.layout);
    const tree = flatten((await mill.read(digest)).layers);
    for (const [path, link] of [
      ["bin", "usr/bin"],
      ["sbin", "usr/sbin"],
      ["lib", "usr/lib"],
      ["var/run", "/run"],
      ["var/lock", "/run/lock"],
    ] as const)
      expect(tree.get(path)).toMatchObject({ kind: "symlink", link });
    expect(tree.has("lib64")).toBe(false);
    expect(tree.get("tmp")).toMatchObject({ kind: "directory", mode: 0o1777 });
    expect(tree.get("usr/bin/beta")?.text).toBe("beta 1");
    for (const path of tree.keys()) expect(path).not.toMatch(/^(?:bin|sbin|lib|var\/run)\//);
  });

  it("keeps what packages say of these, and links lib64 where there is one", async () => {
    const base = await mill.put({
      name: "base",
      version: "1",
      entries: [
        { path: "tmp", kind: "directory", mode: 0o1755 },
        { path: "lib64/ld.so", content: "ld" },
        { path: "bin", kind: "symlink", link: "usr/bin" },
      ],
    });
    const { digest } = await mill.assembler().assemble(requestOf([base]), mill.layout);
    const { layers } = await mill.read(digest);
    expect(flatten(layers).get("tmp")?.mode).toBe(0o1755);
    expect(flatten(layers).get("lib64")).toMatchObject({ kind: "symlink", link: "usr/lib64" });
    expect(layers.filter((layer) => layer.has("bin"))).toHaveLength(1);
  });

  it("has a folder that packages disagree on as base-files has it, else the first of them", async () => {
    const folder = (path: string, mode: number) => ({ path, kind: "directory", mode }) as const;
    const packages = await Promise.all([
      mill.put({ name: "aa", version: "1", entries: [folder("var/tmp", 0o755), folder("srv/x", 0o750)] }),
      mill.put({ name: "base-files", version: "1", size: largeSize, entries: [folder("var/tmp", 0o1777)] }),
      mill.put({
        name: "zz",
        version: "1",
        size: largeSize,
        entries: [folder("var/tmp", 0o700), folder("srv/x", 0o711)],
      }),
    ]);
    const { digest } = await mill.assembler().assemble(requestOf(packages), mill.layout);
    const tree = flatten((await mill.read(digest)).layers);
    expect(tree.get("var/tmp")?.mode).toBe(0o1777);
    expect(tree.get("srv/x")?.mode).toBe(0o750);
  });

  it("has dpkg's database where dpkg is in it, else a status file for each package", async () => {
    const postinst = "#!/bin/sh\nexit 0\n";
    const lib = await mill.put({
      name: "libx",
      version: "1",
      fields: { "Multi-Arch": "same" },
      entries: [{ path: "etc/x.conf", content: "x\n" }],
      members: {
        postinst,
        conffiles: "/etc/x.conf\n",
        triggers: "interest-noawait /usr/lib/x\nactivate-noawait ldconfig\n",
      },
    });
    const dpkg = await mill.put({ name: "dpkg", version: "1" });
    const foreign = await mill.put({ name: "wine32", version: "1", architecture: "i386" });
    const assembler = mill.assembler();
    const plain = flatten((await mill.read((await assembler.assemble(requestOf([lib]), mill.layout)).digest)).layers);
    expect(plain.get("var/lib/dpkg/status.d/libx")?.text).toContain("Package: libx\n");
    expect(plain.has("var/lib/dpkg/info/format")).toBe(false);
    const full = flatten(
      (await mill.read((await assembler.assemble(requestOf([lib, dpkg, foreign]), mill.layout)).digest)).layers,
    );
    expect(full.get("var/lib/dpkg/info/format")?.text).toBe("1\n");
    expect(full.get("var/lib/dpkg/info/libx:amd64.postinst")).toMatchObject({ text: postinst, mode: 0o755 });
    expect(full.get("var/lib/dpkg/arch")?.text).toBe("amd64\ni386\n");
    expect(full.get("var/lib/dpkg/triggers/File")?.text).toBe("/usr/lib/x libx:amd64/noawait\n");
    const status = full.get("var/lib/dpkg/status")?.text ?? "";
    expect(status.match(/^Package: .*/gm)).toEqual(["Package: dpkg", "Package: libx", "Package: wine32"]);
    expect(status).toContain("Conffiles:\n /etc/x.conf 401b30e3b8b5d629635a5c613cdb7919\n");
    expect([...full.keys()].some((path) => path.includes("status.d"))).toBe(false);
  });

  it("has the files of the configuration on top, through its links, with the folders as they are", async () => {
    const base = await mill.put({
      name: "base",
      version: "1",
      entries: [
        { path: "root", kind: "directory", mode: 0o700 },
        { path: "etc/app", kind: "symlink", link: "../srv/app" },
        { path: "etc/conf", content: "old" },
      ],
    });
    const file = { mode: 0o640, uid: 5, gid: 6 };
    const files = ["/bin/tool", "/root/.config/x", "/etc/app/deep/y", "/etc/conf"].map((path) => ({
      ...file,
      path,
      content: Buffer.from(path),
    }));
    const { digest } = await mill.assembler().assemble(requestOf([base], { files }), mill.layout);
    const top = (await mill.read(digest)).layers.at(-1);
    expect([...(top ?? new Map()).keys()]).toEqual([
      "etc",
      "etc/conf",
      "root",
      "root/.config",
      "root/.config/x",
      "srv",
      "srv/app",
      "srv/app/deep",
      "srv/app/deep/y",
      "usr",
      "usr/bin",
      "usr/bin/tool",
    ]);
    expect(top?.get("root")?.mode).toBe(0o700);
    expect(top?.get("root/.config")).toMatchObject({ mode: 0o755, uid: 0 });
    expect(top?.get("usr/bin/tool")).toMatchObject({ mode: 0o640, uid: 5, text: "/bin/tool" });
    expect(top?.get("etc/conf")?.text).toBe("/etc/conf");
  });

  it("refuses a user that it does not have", async () => {
    const account = { name: "app", uid: 10001, home: "/home/app", shell: "/bin/sh" };
    const files = [
      { path: "/etc/passwd", mode: 0o644, uid: 0, gid: 0, content: Buffer.from("web:x:5:5::/:/bin/sh\n") },
    ];
    const packages = await putFleet(mill);
    const assembler = mill.assembler();
    const build = (user: string, change = {}): Promise<unknown> =>
      assembler.assemble(requestOf(packages, { run: { user }, ...change }), mill.layout);
    await expect(build("app")).rejects.toMatchObject({
      code: "BAD_REQUEST",
      message: "web runs as app, and has no such account",
    });
    await expect(build("ap", { accounts: [account] })).rejects.toMatchObject({ code: "BAD_REQUEST" });
    await expect(build("app:app", { accounts: [account] })).resolves.toBeDefined();
    await expect(build("10001")).resolves.toBeDefined();
    await expect(build("web", { files })).resolves.toBeDefined();
  });

  it.each([
    ["a folder", ["/etc"], "folder"],
    ["a link to a folder", ["/bin"], "folder"],
    ["below a file of a package", ["/etc/gamma/x"], "others go below"],
    ["below another file", ["/srv/a", "/srv/a/b"], "others go below"],
    ["twice the same", ["/bin/a", "/usr/bin/a"], "the same place"],
    ["a deletion", ["/etc/.wh.gamma"], "deletion"],
    ["the parent of all", ["/srv/../etc/passwd"], "`..`"],
    ["no absolute path", ["srv/x"], "absolute"],
  ])("refuses files: %s", async (_, paths, words) => {
    const files = paths.map((path) => ({ path, mode: 0o644, uid: 0, gid: 0, content: Buffer.alloc(0) }));
    await expect(mill.assembler().assemble(requestOf(await putFleet(mill), { files }), noSink)).rejects.toMatchObject({
      code: "BAD_REQUEST",
      message: expect.stringContaining(words) as string,
    });
  });
});
