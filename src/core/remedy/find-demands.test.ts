import { describe, expect, it } from "vitest";
import { contentRecognisers } from "../inventory/content/recognisers.ts";
import { extendTree, emptyTree, type LayerEntry, type Tree } from "../inventory/index.ts";
import { makeZip, type ZipMember } from "../inventory/content/testdata/make-zip.ts";
import { noDemands } from "./demands.ts";
import { createDemands } from "./find-demands.ts";
import { digest, madeFinding } from "./testdata/made-remedy.ts";

/** A tree of these files, each read as its layer streams by. */
function treeOf(files: Readonly<Record<string, string | Buffer>>): Tree {
  const entries = Object.entries(files).map(([path, text]): LayerEntry => {
    const by = Object.values(contentRecognisers).find((one) => one.matches(path));
    const holds = by?.read(Buffer.from(text), path);
    const file = { path, type: "file", mode: 0o644, uid: 0, gid: 0, size: Buffer.byteLength(text) } as const;
    return holds === undefined ? file : { ...file, holds };
  });
  return extendTree(emptyTree, {
    diffId: digest("1"),
    unpacked: 0,
    entries,
    whiteouts: [],
    opaques: [],
    problems: [],
  });
}

const npm = (path: string, name = "minimist") => madeFinding({ type: "npm", package: name, source: name, path });

describe("who asks for a node module", () => {
  const tree = treeOf({
    "srv/app/package.json": JSON.stringify({
      name: "app",
      private: true,
      dependencies: { minimist: "^1.2.0", old: "npm:minimist@~1.1.0" },
      devDependencies: { mkdirp: "^0.5.0" },
    }),
    "srv/app/node_modules/minimist/package.json": JSON.stringify({ name: "minimist", version: "1.2.0" }),
    "srv/app/node_modules/old/package.json": JSON.stringify({ name: "minimist", version: "1.1.0" }),
    "srv/app/node_modules/@scope/tool/package.json": JSON.stringify({
      name: "@scope/tool",
      version: "2.0.0",
      peerDependencies: { minimist: ">=1.0.0" },
    }),
    "srv/app/node_modules/mkdirp/package.json": JSON.stringify({
      name: "mkdirp",
      version: "0.5.1",
      dependencies: { minimist: "0.0.8" },
    }),
    "srv/app/node_modules/mkdirp/node_modules/minimist/package.json": JSON.stringify({
      name: "minimist",
      version: "0.0.8",
    }),
    "srv/other/package.json": JSON.stringify({ name: "other", dependencies: { minimist: "*" } }),
    "srv/apples/package.json": JSON.stringify({ dependencies: { minimist: "*" }, __proto__: { minimist: "1" } }),
  });
  const demandsOf = createDemands(tree, undefined);

  it("is whoever node gives it to: the program, and packages beside it, by the nearest folder", () => {
    const found = demandsOf(npm("srv/app/node_modules/minimist/package.json"));
    expect(found).toEqual({
      asked: [
        { file: "srv/app/node_modules/@scope/tool/package.json", name: "@scope/tool@2.0.0", range: ">=1.0.0" },
        { file: "srv/app/package.json", name: "app", range: "^1.2.0" },
      ],
    });
  });

  it("names the package that pins a nested one", () => {
    expect(demandsOf(npm("srv/app/node_modules/mkdirp/node_modules/minimist/package.json")).asked).toEqual([
      { file: "srv/app/node_modules/mkdirp/package.json", name: "mkdirp@0.5.1", range: "0.0.8" },
    ]);
  });

  it("goes by the folder where a package was installed by another name", () => {
    expect(demandsOf(npm("srv/app/node_modules/old/package.json")).asked).toEqual([
      { file: "srv/app/package.json", name: "app", range: "~1.1.0" },
    ]);
  });

  it("is nobody for a program's own manifest, for what has no path, and for other kinds", () => {
    expect(demandsOf(npm("srv/app/package.json", "app"))).toEqual(noDemands);
    expect(demandsOf(madeFinding({ type: "npm" }))).toEqual(noDemands);
    expect(demandsOf(madeFinding({ type: "golang", path: "srv/app/server" }))).toEqual(noDemands);
  });

  it("takes nothing from manifests that are not what they should be", () => {
    const odd = treeOf({
      "a/package.json": JSON.stringify({ dependencies: { minimist: 1, "a b": "1", x: "\u0007", y: "z".repeat(300) } }),
      "b/package.json": JSON.stringify({ dependencies: ["minimist"] }),
      "c/package.json": '{"dependencies": {"__proto__": "1", "constructor": "2"}}',
      "node_modules/minimist/package.json": JSON.stringify({ name: "minimist", version: "1.0.0" }),
      "node_modules/constructor/package.json": JSON.stringify({ name: "constructor", version: "1.0.0" }),
    });
    expect(createDemands(odd, undefined)(npm("node_modules/minimist/package.json"))).toEqual(noDemands);
    expect(createDemands(odd, undefined)(npm("node_modules/constructor/package.json", "constructor"))).toEqual({
      asked: [{ file: "c/package.json", name: "c/package.json", range: "2" }],
    });
  });

  it("says so where somebody else may ask: a manifest is too long, or cannot be read", () => {
    const many = Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`p${at}`, "1"]));
    const large = treeOf({
      "d/package.json": JSON.stringify({ dependencies: { ...many, first: `>=1 ${"|| 1 ".repeat(200)}` } }),
      "d/node_modules/p4999/package.json": JSON.stringify({ name: "p4999", version: "1.0.0" }),
      "d/node_modules/p0/package.json": JSON.stringify({ name: "p0", version: "1.0.0" }),
      "e/package.json": JSON.stringify({
        dependencies: { a: `>=1 ${"|| 1 ".repeat(200)}`, b: "git+https://me:pass@host/b" },
      }),
      "e/node_modules/a/package.json": JSON.stringify({ name: "a", version: "1.0.0" }),
      "e/node_modules/b/package.json": JSON.stringify({ name: "b", version: "1.0.0" }),
      "e/node_modules/torn/package.json": "{",
    });
    const asked = createDemands(large, undefined);
    expect(asked(npm("d/node_modules/p4999/package.json", "p4999"))).toEqual({
      asked: [],
      gap: "d/package.json: it asks for more than 2000 packages",
    });
    expect(asked(npm("d/node_modules/p0/package.json", "p0"))).toEqual({
      asked: [{ file: "d/package.json", name: "d/package.json", range: "1" }],
    });
    const long = asked(npm("e/node_modules/a/package.json", "a"));
    expect(long.asked[0]?.range).toMatch(/^>=1 .*…$/);
    expect(long.gap).toBe("e/node_modules/torn/package.json: it is no JSON");
    expect(asked(npm("e/node_modules/b/package.json", "b")).asked[0]?.range).toBe("an address");
  });

  it("does not take a Python project of the same name for one", () => {
    const mixed = treeOf({
      "usr/lib/python3/dist-packages/tool-1.dist-info/METADATA": "Name: tool\nVersion: 1\nRequires-Dist: minimist<1\n",
      "node_modules/minimist/package.json": JSON.stringify({ name: "minimist", version: "1.0.0" }),
    });
    expect(createDemands(mixed, undefined)(npm("node_modules/minimist/package.json"))).toEqual(noDemands);
  });
});

const metadata = (name: string, version: string, ...requires: string[]) =>
  [
    `Metadata-Version: 2.1`,
    `Name: ${name}`,
    `Version: ${version}`,
    ...requires.map((one) => `Requires-Dist: ${one}`),
    "",
    "text",
    "Requires-Dist: jinja2 (==9)",
  ].join("\n");

describe("who asks for a Python project", () => {
  const site = "usr/lib/python3.11/site-packages";
  const jinja = `${site}/Jinja2-2.11.2.dist-info/METADATA`;
  const finding = madeFinding({ type: "pypi", package: "Jinja2", source: "Jinja2", path: jinja });
  const asking = (requires: Readonly<Record<string, readonly string[]>>, architecture?: string) => {
    const files = Object.entries(requires).map(([name, all]) => [
      `${site}/${name}-1.0.dist-info/METADATA`,
      metadata(name, "1.0", ...all),
    ]);
    const tree = treeOf({
      [jinja]: metadata("Jinja2", "2.11.2"),
      ...(Object.fromEntries(files) as Record<string, string>),
    });
    return createDemands(tree, architecture)(finding);
  };
  const ranges = (requires: Readonly<Record<string, readonly string[]>>, architecture?: string) =>
    asking(requires, architecture).asked.map(({ name, range, when }) => [
      name,
      range,
      ...(when === undefined ? [] : [when]),
    ]);

  it("is what is installed beside it, whatever the case, also by the elders' files", () => {
    const tree = treeOf({
      [jinja]: metadata("Jinja2", "2.11.2", "MarkupSafe (>=0.23)"),
      [`${site}/flask-1.1.1.dist-info/METADATA`]: metadata("Flask", "1.1.1", "jinja2>=2.10.1,<3", "click (>=5.1)"),
      [`${site}/old-1.0.egg-info`]: metadata("old", "1.0", "JINJA2>1"),
      [`${site}/egg-1.0-py3.11.egg/EGG-INFO/PKG-INFO`]: metadata("egg", "1.0", "jinja2>0"),
      "opt/venv/site-packages/other-1.0.dist-info/METADATA": metadata("other", "1.0", "jinja2==2.0"),
      "usr/lib/python3.11/stray-1.0.egg-info": metadata("stray", "1.0", "jinja2==2.0"),
    });
    expect(createDemands(tree, undefined)(finding).asked.map(({ name, range }) => [name, range])).toEqual([
      ["egg@1.0", ">0"],
      ["Flask@1.1.1", ">=2.10.1,<3"],
      ["old@1.0", ">1"],
    ]);
  });

  it("asks under a marker only where that holds in the image", () => {
    const all = ["jinja2<3 ; python_version < '3.10'", 'Jinja2>=2 ; python_version >= "3.10" and os_name == "posix"'];
    expect(ranges({ a: all })).toEqual([["a@1.0", ">=2"]]);
    const machine = "jinja2~=2.3 ; platform_machine == 'aarch64'";
    expect(ranges({ a: [machine] }, "arm64")).toEqual([["a@1.0", "~=2.3"]]);
    expect(ranges({ a: [machine] }, "amd64")).toEqual([]);
    expect(ranges({ a: [machine] })).toEqual([["a@1.0", "~=2.3", "platform_machine == 'aarch64'"]]);
    expect(ranges({ a: ["jinja2<3 ; python_full_version < '3.11.4'"] })).toEqual([
      ["a@1.0", "<3", "python_full_version < '3.11.4'"],
    ]);
    expect(ranges({ a: ["jinja2<3 ; python_full_version < '3.11'", "jinja2<4 ; not a marker"] })).toEqual([
      ["a@1.0", "<4", "not a marker"],
    ]);
  });

  it("goes by the Pythons of the image where the folder is named after none", () => {
    const debian = "usr/lib/python3/dist-packages/tool-1.dist-info/METADATA";
    const files = {
      [debian]: metadata("tool", "1", "jinja2<3 ; python_version < '3.11'", "jinja2<4 ; python_version >= '3.11'"),
    };
    const own = { ...finding, path: "usr/lib/python3/dist-packages/Jinja2-2.dist-info/METADATA" };
    const rangesIn = (more: Record<string, string>) =>
      createDemands(
        treeOf({ ...files, ...more }),
        undefined,
      )(own).asked.map(({ range, when }) => [range, when !== undefined]);
    expect(rangesIn({ "usr/bin/python3.11": "" })).toEqual([["<4", false]]);
    expect(rangesIn({ "usr/bin/python3.11": "", "usr/bin/python3.9": "" })).toEqual([
      ["<3", true],
      ["<4", true],
    ]);
    expect(rangesIn({})).toEqual([
      ["<3", true],
      ["<4", true],
    ]);
  });

  it("asks for an extra where something wants the extra, through others too", () => {
    const lint = ["jinja2==1.0 ; extra == 'templates'"];
    expect(ranges({ lint })).toEqual([]);
    expect(ranges({ lint, app: ["lint[Templates]>=1"] })).toEqual([["lint@1.0", "==1.0"]]);
    expect(ranges({ lint, app: ["lint[other]>=1"] })).toEqual([]);
    const through = { lint, mid: ["lint[templates] ; extra == 'all'"], app: ["mid[all]"] };
    expect(ranges(through)).toEqual([["lint@1.0", "==1.0"]]);
    expect(ranges({ ...through, app: ["mid[all] ; python_version < '3'"] })).toEqual([]);
    expect(ranges({ ...through, app: ["mid[all] ; platform_release > '5'"] })).toEqual([
      ["lint@1.0", "==1.0", "extra == 'templates'"],
    ]);
    expect(ranges({ lint: ["lint[templates] ; extra == 'self'", ...lint], app: ["lint[self]"] })).toEqual([
      ["lint@1.0", "==1.0"],
    ]);
  });

  it("knows no range of an address, keeps nothing of it, and says what it cannot read", () => {
    expect(ranges({ a: ["jinja2 @ https://me:pass@example.invalid/x.whl"] })).toEqual([["a@1.0", "@ an address"]]);
    expect(asking({ a: ["==odd"] })).toEqual({
      asked: [],
      gap: `${site}/a-1.0.dist-info/METADATA: one of its requirements cannot be read`,
    });
    expect(asking({ a: Array.from({ length: 2100 }, (_, at) => `p${at}`) }).gap).toContain(
      "more than 2000 requirements",
    );
    const deep = Object.fromEntries(
      Array.from({ length: 60 }, (_, at) => [`p${at}`, [`p${at + 1}[x]${at === 0 ? "" : " ; extra == 'x'"}`]]),
    );
    expect(asking(deep).gap).toContain("extras want each other more than 20 deep");
  });
});

describe("who asks for a Java archive", () => {
  const pom = (group: string, artifact: string, version: string, dependencies = "") =>
    `<project><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version><dependencies>${dependencies}</dependencies></project>`;
  const wants = (artifact: string, version: string, more = "") =>
    `<dependency><groupId>org.log</groupId><artifactId>${artifact}</artifactId>${version === "" ? "" : `<version>${version}</version>`}${more}</dependency>`;
  const jar = (group: string, artifact: string, version: string, dependencies?: string): ZipMember[] => [
    {
      name: `META-INF/maven/${group}/${artifact}/pom.properties`,
      body: `version=${version}\ngroupId=${group}\nartifactId=${artifact}\n`,
    },
    ...(dependencies === undefined
      ? []
      : [{ name: `META-INF/maven/${group}/${artifact}/pom.xml`, body: pom(group, artifact, version, dependencies) }]),
  ];
  const log = jar("org.log", "log", "2.14.1", "");
  const java = (path: string) => madeFinding({ type: "maven", package: "org.log:log", source: "org.log:log", path });

  it("is whose pom says so in the same archive, the archives beside it and the program above them", () => {
    const fat = makeZip([
      { name: "BOOT-INF/lib/log.jar", body: makeZip(log) },
      { name: "BOOT-INF/lib/lib.jar", body: makeZip(jar("org.lib", "lib", "1", wants("log", "[2.0,3.0)"))) },
      ...jar(
        "own",
        "app",
        "3",
        wants("log", "", "<optional>false</optional>") + wants("log", "9", "<scope>test</scope>"),
      ),
    ]);
    expect(createDemands(treeOf({ "app/app.jar": fat }), undefined)(java("app/app.jar!/BOOT-INF/lib/log.jar"))).toEqual(
      {
        asked: [
          { file: "app/app.jar", name: "own:app@3", range: "" },
          { file: "app/app.jar!/BOOT-INF/lib/lib.jar", name: "org.lib:lib@1", range: "[2.0,3.0)" },
        ],
      },
    );
    const spread = treeOf({
      "app/app.jar": makeZip(jar("own", "app", "3", wants("log", "2.14.1"))),
      "app/lib/log.jar": makeZip(log),
      "app/lib/lib.jar": makeZip(
        jar("org.lib", "lib", "1", wants("log", "${no.such}") + wants("log", "1", "<optional>true</optional>")),
      ),
      "other/other.jar": makeZip(jar("own", "other", "3", wants("log", "[1]"))),
    });
    expect(createDemands(spread, undefined)(java("app/lib/log.jar"))).toEqual({
      asked: [
        { file: "app/app.jar", name: "own:app@3", range: "2.14.1" },
        { file: "app/lib/lib.jar", name: "org.lib:lib@1", range: "" },
      ],
    });
  });

  it("says so where an archive does not tell what it asks for", () => {
    const tree = treeOf({
      "app/log.jar": makeZip(log),
      "app/mute.jar": makeZip(jar("org.mute", "mute", "1")),
      "app/lib.jar": makeZip([
        ...jar("org.lib", "lib", "1", wants("log", "1")),
        { name: "x.jar", body: makeZip(jar("a", "b", "1")) },
      ]),
    });
    expect(createDemands(tree, undefined)(java("app/log.jar"))).toEqual({
      asked: [{ file: "app/lib.jar", name: "org.lib:lib@1", range: "1" }],
      gap: "app/lib.jar: 1 of the 2 archives in it do not say what they ask for",
    });
    const torn = treeOf({ "app/log.jar": makeZip(log), "app/torn.jar": "no archive" });
    expect(createDemands(torn, undefined)(java("app/log.jar")).gap).toContain("app/torn.jar: ");
  });
});
