import { describe, expect, it } from "vitest";
import type { ElfFacts } from "../inventory/index.ts";
import type { Sketch } from "../inventory/testdata/make-layer.ts";
import { codesOf, mergedText, planMade, statusOf } from "./testdata/made-rebase.ts";

const status = "var/lib/dpkg/status";
const elf = (facts: Partial<ElfFacts>): Pick<Sketch, "elf" | "mode"> => ({
  mode: 0o755,
  elf: { bits: 64, machine: 62, type: 3, ...facts },
});
const os: Sketch = { path: "etc/os-release", text: "ID=debian\nVERSION_CODENAME=bookworm\n" };

describe("a path that the base changed", () => {
  const old = [{ path: "etc/" }, { path: "etc/a", text: "1" }, { path: "etc/b", text: "1" }];
  const base = [{ path: "etc/" }, { path: "etc/a", text: "2" }, { path: "etc/b", text: "1" }];

  it.each<[string, Sketch[], object, string[]]>([
    ["that the application has otherwise is refused", [{ path: "etc/a", text: "mine" }], {}, ["overwrites"]],
    ["that the application only copied is refused", [{ path: "etc/a", text: "1" }], {}, ["overwrites"]],
    ["that the application has the same is let be", [{ path: "etc/a", text: "2" }], {}, []],
    ["that the application deletes is refused", [], { whiteouts: ["etc/a"] }, ["deletes"]],
    ["in a folder that the application hides is refused", [{ path: "etc/" }], { opaques: ["etc"] }, ["deletes"]],
    ["is no reason where the application has another", [{ path: "etc/b", text: "mine" }], {}, []],
    ["that the application made a folder is refused", [{ path: "etc/a/" }], {}, ["overwrites"]],
  ])("%s", (_, app, hide, codes) => expect(codesOf(planMade({ old, base, app, hide }))).toEqual(codes));

  it.each<[string, Partial<Sketch>]>([
    ["mode", { mode: 0o600 }],
    ["owner", { uid: 7 }],
    ["group", { gid: 7 }],
    ["capabilities", { xattrs: ["security.capability"] }],
  ])("in its %s alone is refused as well", (_, change) => {
    const plan = planMade({
      old: [{ path: "a", text: "1" }],
      base: [{ path: "a", text: "1", ...change }],
      app: [{ path: "a", text: "1" }],
    });
    expect(codesOf(plan)).toEqual(["overwrites"]);
    expect(plan).toMatchObject({ reasons: [{ path: "a" }] });
  });

  it("is refused where the application's file would be hidden by a folder, or come back by a whiteout of its own", () => {
    const added = planMade({ old: [], base: [{ path: "srv/x", text: "1" }], app: [{ path: "srv/x", text: "2" }] });
    expect(codesOf(added)).toEqual(["overwrites"]);
    const hidden = planMade({ old: [], base: [{ path: "srv/x", text: "1" }], app: [], hide: { whiteouts: ["srv"] } });
    expect(codesOf(hidden)).toEqual(["deletes"]);
  });

  it("is refused through a link of a merged /usr, too", () => {
    const links = [{ path: "usr/bin/" }, { path: "bin", link: "usr/bin" }];
    const plan = planMade({
      old: [...links, { path: "usr/bin/x", text: "1" }],
      base: [...links, { path: "usr/bin/x", text: "2" }],
      app: [{ path: "bin/x", text: "mine" }],
    });
    expect(plan).toMatchObject({ kind: "refused" });
    expect(JSON.stringify(plan)).toContain("usr/bin/x");
  });

  it("a folder that the application only names keeps the rights that the new base gave it", () => {
    const plan = planMade({
      old: [{ path: "srv/", mode: 0o755 }],
      base: [{ path: "srv/", mode: 0o700, uid: 5 }],
      app: [{ path: "srv/", mode: 0o755 }, { path: "srv/mine" }],
    });
    expect(plan).toMatchObject({ kind: "rebase", merge: { folders: [{ path: "srv", mode: 0o700, uid: 5 }] } });
  });

  it("a folder that the base no longer has is refused where the application has files in it", () => {
    const plan = planMade({
      old: [{ path: "usr/lib/python3.11/" }],
      base: [{ path: "usr/lib/python3.12/" }],
      app: [{ path: "usr/lib/python3.11/" }, { path: "usr/lib/python3.11/mine.py" }],
    });
    expect(codesOf(plan)).toEqual(["folder-gone"]);
  });
});

describe("the table of derived paths", () => {
  it.each([
    ["var/cache/apt/pkgcache.bin", "dropped"],
    ["var/cache/ldconfig/aux-cache", "dropped"],
    ["var/lib/dpkg/status-old", "dropped"],
    ["var/cache/debconf/templates.dat-old", "dropped"],
    ["etc/passwd-", "dropped"],
    ["var/cache/debconf/config.dat", "kept"],
    ["var/log/dpkg.log", "kept"],
    ["var/log/apt/history.log", "kept"],
    ["var/lib/apt/lists/lock", "kept"],
    ["etc/machine-id", "kept"],
    ["var/lib/dpkg/available", "regenerated"],
  ])("%s is %s", (path, action) => {
    const plan = planMade({
      old: [{ path, text: "1" }],
      base: [{ path, text: "2" }],
      app: [{ path, text: "3" }],
    });
    expect(plan).toMatchObject({ kind: "rebase", treatments: [{ path, action }] });
    const whiteouts = plan.kind === "rebase" ? plan.merge?.whiteouts : undefined;
    expect(whiteouts ?? []).toEqual(action === "dropped" ? [path] : []);
  });

  it.each<[string, string, string, string, string | undefined]>([
    [
      "etc/passwd",
      "root:x:0:0::/:/bin/sh\n",
      "root:x:0:0::/:/bin/sh\na:x:7:7::/:\n",
      "root:x:0:0::/:/bin/sh\nb:x:8:8::/:\n",
      "root:x:0:0::/:/bin/sh\na:x:7:7::/:\nb:x:8:8::/:\n",
    ],
    ["etc/group", "adm:x:4:\n", "adm:x:4:a\n", "adm:x:4:b\n", "adm:x:4:a,b\n"],
    ["etc/group", "adm:x:4:\n", "adm:x:5:\n", "adm:x:6:\n", undefined],
    ["etc/passwd", "a:x:1:1::/:\n", "a:x:2:2::/:\n", "a:x:3:3::/:\n", undefined],
    ["etc/passwd", "", "a:x:7:7::/:\n", "b:x:7:7::/:\n", undefined],
    ["etc/shells", "/bin/sh\n", "/bin/sh\n/bin/dash\n", "/bin/sh\n/bin/fish\n", "/bin/sh\n/bin/dash\n/bin/fish\n"],
    [
      "var/lib/apt/extended_states",
      "Package: a\nAuto-Installed: 1\n\n",
      "Package: a\nAuto-Installed: 0\n\n",
      "Package: a\nAuto-Installed: 1\n\nPackage: b\nAuto-Installed: 1\n\n",
      "Package: a\nAuto-Installed: 0\n\nPackage: b\nAuto-Installed: 1\n\n",
    ],
    ["var/lib/dpkg/triggers/File", "/a x\n", "/a x\n/b y\n", "/a x\n/c z\n", "/a x\n/b y\n/c z\n"],
  ])("%s is merged row by row, case %#", (path, old, base, app, merged) => {
    const plan = planMade({ old: [{ path, text: old }], base: [{ path, text: base }], app: [{ path, text: app }] });
    if (merged === undefined) expect(plan.kind).toBe("refused");
    else expect(mergedText(plan, path)).toBe(merged);
  });
});

describe("packages", () => {
  const rebase = (
    old: string[],
    base: string[],
    app: string[],
    more: { old?: Sketch[]; base?: Sketch[]; app?: Sketch[] } = {},
  ) =>
    planMade({
      old: [os, { path: status, text: statusOf(...old) }, ...(more.old ?? [])],
      base: [os, { path: status, text: statusOf(...base) }, ...(more.base ?? [])],
      app: [{ path: status, text: statusOf(...app) }, ...(more.app ?? [])],
    });

  it("are each of the side that changed them", () => {
    const plan = rebase(["a 1", "b 1", "c 1"], ["a 2", "b 1", "d 1"], ["a 1", "b 1", "c 1", "mine 5"]);
    expect(mergedText(plan, status)).toBe(statusOf("a 2", "b 1", "d 1", "mine 5"));
    expect(plan).toMatchObject({
      packages: [
        { name: "a", from: "1", to: "2" },
        { name: "c", from: "1", to: undefined },
        { name: "d", from: undefined, to: "1" },
      ],
    });
  });

  it("are the same whatever the order of their fields, as dpkg writes them anew", () => {
    const reordered = "Package: a\nVersion: 1\nArchitecture: amd64\nStatus: install ok installed\n\n";
    const plan = planMade({
      old: [os, { path: status, text: statusOf("a 1") }],
      base: [os, { path: status, text: statusOf("a 2") }],
      app: [{ path: status, text: reordered + statusOf("mine 1") }],
    });
    expect(mergedText(plan, status)).toBe(statusOf("a 2", "mine 1"));
  });

  const list = (name: string, ...paths: string[]): Sketch => ({
    path: `var/lib/dpkg/info/${name}.list`,
    text: paths.map((path) => `/${path}\n`).join(""),
  });

  it.each<[string, Parameters<typeof rebase>, string[]]>([
    [
      "an older version over the base's is refused",
      [
        ["a 1"],
        ["a 3"],
        ["a 2"],
        {
          old: [{ path: "usr/a", text: "1" }],
          base: [{ path: "usr/a", text: "3" }],
          app: [{ path: "usr/a", text: "2" }],
        },
      ],
      ["overwrites", "package"],
    ],
    [
      "a newer version with all its files stays",
      [
        ["a 1"],
        ["a 2"],
        ["a 3"],
        {
          old: [list("a", "usr/a"), { path: "usr/a", text: "1" }],
          base: [list("a", "usr/a"), { path: "usr/a", text: "2" }],
          app: [list("a", "usr/a"), { path: "usr/a", text: "3" }],
        },
      ],
      [],
    ],
    [
      "a newer version that leaves a file of the base's is refused",
      [
        ["a 1"],
        ["a 2"],
        ["a 3"],
        {
          old: [list("a", "usr/a"), { path: "usr/a", text: "1" }],
          base: [list("a", "usr/a", "usr/extra"), { path: "usr/a", text: "2" }, { path: "usr/extra", text: "2" }],
          app: [list("a", "usr/a"), { path: "usr/a", text: "3" }],
        },
      ],
      ["package"],
    ],
    [
      "the same version on both sides is let be",
      [
        ["a 1"],
        ["a 2"],
        ["a 2"],
        {
          old: [{ path: "usr/a", text: "1" }],
          base: [{ path: "usr/a", text: "2" }],
          app: [{ path: "usr/a", text: "2" }],
        },
      ],
      [],
    ],
    [
      "a package that is held and that the base upgraded is refused",
      [["a 1"], ["a 2"], ["a 1; Status: hold ok installed"]],
      ["package"],
    ],
    [
      "a package that the application removed, and of which the new base would bring a file, is refused",
      [
        ["a 1", "b 1"],
        ["a 2", "b 1"],
        ["b 1"],
        { old: [list("a", "usr/a")], base: [list("a", "usr/a"), { path: "usr/a", text: "2" }] },
      ],
      ["package"],
    ],
    [
      "a package that the new base dropped and the application needs is refused",
      [["a 1"], [], ["a 1", "mine 1; Depends: a"]],
      ["dependency"],
    ],
    [
      "a version that the application needs and the new base lacks is refused",
      [["a 2"], ["a 1"], ["a 2", "mine 1; Depends: a (>= 2)"]],
      ["dependency"],
    ],
    ["what another provides will do", [["a 1"], ["b 1; Provides: a"], ["a 1", "mine 1; Depends: a"]], []],
    [
      "what breaks the application's is refused",
      [["a 1"], ["a 2; Breaks: mine (<< 2)"], ["a 1", "mine 1"]],
      ["dependency"],
    ],
    [
      "what the application's breaks is refused",
      [["a 1"], ["a 2"], ["a 1", "mine 1; Conflicts: a (>> 1)"]],
      ["dependency"],
    ],
    ["a relation that did not hold before is nothing new", [["a 1"], ["a 2"], ["a 1", "mine 1; Depends: gone"]], []],
  ])("%s", (_, sides, codes) => expect(codesOf(rebase(...sides))).toEqual(codes));

  it("of one release are not for another", () => {
    const trixie = { ...os, text: "ID=debian\nVERSION_CODENAME=trixie\n" };
    const sides = {
      old: [os, { path: status, text: statusOf("a 1") }],
      base: [trixie, { path: status, text: statusOf("a 2") }],
    };
    const own = planMade({ ...sides, app: [{ path: status, text: statusOf("a 1", "mine 1") }] });
    expect(codesOf(own)).toContain("release");
    expect(codesOf(planMade({ ...sides, app: [{ path: "srv/static" }] }))).toEqual([]);
  });

  it.each([
    ["a stanza without a name", "Version: 1\n\n"],
    ["a stanza twice", statusOf("a 1", "a 2")],
    ["a continuation of nothing", " x\n\n"],
    ["no field at all", "x\n\n"],
    ["binary", "\u0000\u0001\n\n"],
  ])("in a database with %s are not merged", (_, text) => {
    const plan = planMade({
      old: [os, { path: status, text: statusOf("a 1") }],
      base: [os, { path: status, text: statusOf("a 2") }],
      app: [{ path: status, text }],
    });
    expect(codesOf(plan)).toContain("unreadable");
  });
});

describe("apk's installed", () => {
  const path = "lib/apk/db/installed";
  const block = (name: string, version: string, more = ""): string => `C:Q1x=\nP:${name}\nV:${version}\n${more}\n`;
  const rebase = (old: string, base: string, app: string) =>
    planMade({ old: [{ path, text: old }], base: [{ path, text: base }], app: [{ path, text: app }] });

  it("is merged package by package", () => {
    const plan = rebase(
      block("a", "1") + block("b", "1"),
      block("a", "2") + block("b", "1"),
      block("a", "1") + block("b", "1") + block("mine", "1"),
    );
    expect(mergedText(plan, path)).toBe(block("a", "2") + block("b", "1") + block("mine", "1"));
  });

  it.each([
    ["a package that both sides changed", rebase(block("a", "1"), block("a", "2"), block("a", "3")), ["package"]],
    [
      "a library that is gone",
      rebase(
        block("a", "1", "p:so:x.so.1=1\n"),
        block("a", "2"),
        block("a", "1", "p:so:x.so.1=1\n") + block("m", "1", "D:so:x.so.1\n"),
      ),
      ["dependency"],
    ],
    ["a block that names nothing", rebase(block("a", "1"), block("a", "2"), "V:1\n\n"), ["unreadable"]],
  ])("refuses %s", (_, plan, codes) => expect(codesOf(plan)).toEqual(codes));
});

describe("what the application needs", () => {
  const library = (versions?: readonly string[]): Sketch => ({
    path: "usr/lib/libx.so.1",
    ...elf({ soname: "libx.so.1", ...(versions === undefined ? {} : { versions }) }),
    text: (versions ?? []).join(","),
  });
  const program: Sketch = {
    path: "srv/app",
    ...elf({ needed: ["libx.so.1"], versionsNeeded: [["libx.so.1", ["X_1", "X_2"]]] }),
  };

  it.each<[string, Sketch[], Sketch[], Sketch[], string[]]>([
    ["a library that is gone", [library(["X_1", "X_2"])], [], [program], ["library"]],
    ["a version of symbols that is gone", [library(["X_1", "X_2"])], [library(["X_1"])], [program], ["symbol-version"]],
    ["a library with more versions", [library(["X_1", "X_2"])], [library(["X_1", "X_2", "X_3"])], [program], []],
    ["a library without versions", [library(["X_1", "X_2"])], [library()], [program], []],
    ["what it lacked before", [], [library(["X_0"])], [program], []],
    [
      "an interpreter of scripts",
      [{ path: "usr/bin/perl", mode: 0o755 }],
      [],
      [{ path: "srv/x", mode: 0o755, shebang: "/usr/bin/perl -w" }],
      ["interpreter"],
    ],
    [
      "a program for env",
      [
        { path: "usr/bin/env", mode: 0o755 },
        { path: "usr/bin/ruby", mode: 0o755 },
      ],
      [{ path: "usr/bin/env", mode: 0o755 }],
      [{ path: "srv/x", mode: 0o755, shebang: "/usr/bin/env ruby" }],
      ["interpreter"],
    ],
    [
      "the loader itself",
      [{ path: "lib64/ld.so", mode: 0o755 }],
      [],
      [{ path: "srv/x", ...elf({ interpreter: "/lib64/ld.so" }) }],
      ["interpreter"],
    ],
    [
      "a file that cannot be read, where libraries changed",
      [library(["X_1"])],
      [library(["X_2"])],
      [{ path: "srv/x", ...elf({ incomplete: "cut off" }) }],
      ["unreadable"],
    ],
  ])("%s", (_, old, base, app, codes) => expect(codesOf(planMade({ old, base, app }))).toEqual(codes));

  it("also the other way round: the new base's programs would load the application's library", () => {
    const tool = (versions: readonly string[]): Sketch => ({
      path: "usr/bin/tool",
      ...elf({ needed: ["libx.so.1"], versionsNeeded: [["libx.so.1", versions]] }),
      text: versions.join(),
    });
    const conf = { path: "etc/ld.so.conf", text: "/usr/local/lib\n" };
    const plan = planMade({
      old: [conf, library(["X_1"]), tool(["X_1"])],
      base: [conf, library(["X_1", "X_2"]), tool(["X_2"])],
      app: [{ ...library(["X_1"]), path: "usr/local/lib/libx.so.1" }],
    });
    expect(plan).toMatchObject({ reasons: [{ code: "symbol-version", path: "usr/bin/tool", library: "libx.so.1" }] });
  });

  it("users and groups keep their numbers", () => {
    const passwd = (text: string): Sketch => ({ path: "etc/passwd", text });
    const old = [passwd("www:x:33:33::/:\n")];
    const owned = [{ path: "srv/x", uid: 33 }];
    expect(codesOf(planMade({ old, base: [passwd("www:x:34:34::/:\n")], app: owned }))).toEqual(["account"]);
    expect(codesOf(planMade({ old, base: [passwd("www:x:33:33::/x:\n")], app: owned }))).toEqual([]);
    const stranger = planMade({
      old,
      base: [passwd("www:x:33:33::/:\nnew:x:77:77::/:\n")],
      app: [{ path: "srv/x", uid: 77 }],
    });
    expect(codesOf(stranger)).toEqual(["account"]);
    const runs = planMade({ old, base: [passwd("")], app: [], configs: { image: { User: "www" } } });
    expect(codesOf(runs)).toEqual(["account"]);
  });

  it("the program that it starts", () => {
    const plan = planMade({
      old: [{ path: "usr/bin/run", mode: 0o755 }],
      base: [],
      app: [],
      configs: { image: { Entrypoint: ["/usr/bin/run"] } },
    });
    expect(plan).toMatchObject({ reasons: [{ code: "entrypoint", path: "/usr/bin/run" }] });
  });
});

describe("hostile layers", () => {
  it("are not rebased where a reader left something out", () => {
    const problem = { kind: "escape" as const, path: "../x", message: "its path leaves the image" };
    const plan = planMade({ old: [], base: [{ path: "a" }], app: [], hide: { problems: [problem] } });
    expect(codesOf(plan)).toEqual(["unreadable"]);
  });

  it("do not have more reasons than can be read", () => {
    const many = (text: string): Sketch[] => Array.from({ length: 5000 }, (_, at) => ({ path: `x/${at}`, text }));
    const plan = planMade({ old: many("1"), base: many("2"), app: many("3") });
    expect(plan.kind === "refused" ? plan.reasons.length : 0).toBe(50);
  });
});
