import { describe, expect, it } from "vitest";
import { contentRecognisers } from "../inventory/content/recognisers.ts";
import { extendTree, emptyTree, type LayerEntry, type Tree } from "../inventory/index.ts";
import { createDemands } from "./find-demands.ts";
import { digest, madeFinding } from "./testdata/made-remedy.ts";

/** A tree of these files, each read as its layer streams by. */
function treeOf(files: Readonly<Record<string, string>>): Tree {
  const entries = Object.entries(files).map(([path, text]): LayerEntry => {
    const by = Object.values(contentRecognisers).find((one) => one.matches(path));
    const holds = by?.read(Buffer.from(text), path);
    const file = { path, type: "file", mode: 0o644, uid: 0, gid: 0, size: text.length } as const;
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
  const demandsOf = createDemands(tree);

  it("is whoever node gives it to: the program, and packages beside it, by the nearest folder", () => {
    const found = demandsOf(npm("srv/app/node_modules/minimist/package.json"));
    expect(found.map(({ name, range }) => [name, range])).toEqual([
      ["@scope/tool@2.0.0", ">=1.0.0"],
      ["app", "^1.2.0"],
    ]);
  });

  it("names the package that pins a nested one", () => {
    expect(demandsOf(npm("srv/app/node_modules/mkdirp/node_modules/minimist/package.json"))).toEqual([
      { file: "srv/app/node_modules/mkdirp/package.json", name: "mkdirp@0.5.1", range: "0.0.8" },
    ]);
  });

  it("goes by the folder where a package was installed by another name", () => {
    expect(demandsOf(npm("srv/app/node_modules/old/package.json"))).toEqual([
      { file: "srv/app/package.json", name: "app", range: "~1.1.0" },
    ]);
  });

  it("is nobody for a program's own manifest, for what has no path, and for other kinds", () => {
    expect(demandsOf(npm("srv/app/package.json", "app"))).toEqual([]);
    expect(demandsOf(madeFinding({ type: "npm" }))).toEqual([]);
    expect(demandsOf(madeFinding({ type: "golang", path: "srv/app/server" }))).toEqual([]);
  });

  it("takes nothing from manifests that are not what they should be", () => {
    const odd = treeOf({
      "a/package.json": JSON.stringify({ dependencies: { minimist: 1, "a b": "1", x: "\u0007", y: "z".repeat(300) } }),
      "b/package.json": JSON.stringify({ dependencies: ["minimist"] }),
      "c/package.json": '{"dependencies": {"__proto__": "1", "constructor": "2"}}',
      "node_modules/minimist/package.json": JSON.stringify({ name: "minimist", version: "1.0.0" }),
      "node_modules/constructor/package.json": JSON.stringify({ name: "constructor", version: "1.0.0" }),
    });
    expect(createDemands(odd)(npm("node_modules/minimist/package.json"))).toEqual([]);
    expect(createDemands(odd)(npm("node_modules/constructor/package.json", "constructor"))).toEqual([
      { file: "c/package.json", name: "c/package.json", range: "2" },
    ]);
    const many = Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`p${at}`, "1"]));
    const large = treeOf({
      "d/package.json": JSON.stringify({ dependencies: many }),
      "d/node_modules/p4999/package.json": JSON.stringify({ name: "p4999", version: "1.0.0" }),
    });
    expect(createDemands(large)(npm("d/node_modules/p4999/package.json", "p4999"))).toEqual([]);
  });
});

describe("who asks for a Python project", () => {
  const site = "usr/lib/python3/site-packages";
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

  it("is what is installed beside it, but not for an extra, and whatever the case", () => {
    const tree = treeOf({
      [`${site}/Jinja2-2.11.2.dist-info/METADATA`]: metadata("Jinja2", "2.11.2", "MarkupSafe (>=0.23)"),
      [`${site}/flask-1.1.1.dist-info/METADATA`]: metadata("Flask", "1.1.1", "jinja2>=2.10.1,<3", "click (>=5.1)"),
      [`${site}/sphinx-3.0.dist-info/METADATA`]: metadata(
        "Sphinx",
        "3.0",
        'Jinja2[i18n] (~=2.3) ; python_version >= "3"',
      ),
      [`${site}/lint-1.0.dist-info/METADATA`]: metadata(
        "lint",
        "1.0",
        "jinja2==1.0 ; extra == 'templates'",
        "jinja2 @ https://example.invalid/x.whl",
      ),
      "opt/venv/site-packages/other-1.0.dist-info/METADATA": metadata("other", "1.0", "jinja2==2.0"),
    });
    const finding = madeFinding({
      type: "pypi",
      package: "Jinja2",
      source: "Jinja2",
      path: `${site}/Jinja2-2.11.2.dist-info/METADATA`,
    });
    expect(createDemands(tree)(finding).map(({ name, range }) => [name, range])).toEqual([
      ["Flask@1.1.1", ">=2.10.1,<3"],
      ["Sphinx@3.0", "~=2.3"],
    ]);
  });
});
