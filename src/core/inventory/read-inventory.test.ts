import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { needs } from "../../../test/needs.ts";
import { diffInventories } from "./diff-inventories.ts";
import { inventoryKey } from "./inventory-key.ts";
import { readInventory } from "./read-inventory.ts";
import { makeLayer, type Sketch } from "./testdata/make-layer.ts";
import { mergeLayers } from "./tree.ts";
import type { LayerFacts } from "./layer-facts.ts";

const amd64 = { os: "linux", architecture: "amd64" };
const status = "var/lib/dpkg/status";
const shared = "../shared/data/inventories";

function stanza(name: string, version: string, more = "", state = "install ok installed"): string {
  return `Package: ${name}\nStatus: ${state}\nArchitecture: amd64\nVersion: ${version}\n${more}\n`;
}
function read(...layers: LayerFacts[]) {
  return readInventory(mergeLayers(layers), amd64);
}
function readOne(...sketch: Sketch[]) {
  return read(makeLayer("one", sketch));
}

describe("readInventory", () => {
  it("reads dpkg's status: what is there, its source, and what is only configuration left behind", () => {
    const text =
      stanza("libc6", "2.36-9+deb12u9", "Source: glibc\n") +
      stanza("util", "1:2.0-1+b1", "Source: util-src (1:2.0-1)\nDescription: text\n more\n .\n text: with colon\n") +
      stanza("gone", "1.0", "", "deinstall ok config-files");
    const inventory = readOne({ path: status, text }, { path: "etc/os-release", text: 'ID=debian\nVERSION_ID="12"\n' });
    expect(inventory.status).toBe("complete");
    expect(inventory.os).toMatchObject({ id: "debian", versionId: "12" });
    expect(inventory.packages).toMatchObject([
      {
        type: "deb",
        name: "libc6",
        version: "2.36-9+deb12u9",
        architecture: "amd64",
        source: "glibc",
        sourceVersion: "2.36-9+deb12u9",
      },
      {
        type: "deb",
        name: "util",
        version: "1:2.0-1+b1",
        architecture: "amd64",
        source: "util-src",
        sourceVersion: "1:2.0-1",
      },
    ]);
  });

  it("names the layer that brought each package, not the one that last wrote status", () => {
    const base = makeLayer("base", [{ path: "var/lib/dpkg/info/a.list" }, { path: status, text: stanza("a", "1") }]);
    const app = makeLayer("app", [
      { path: "var/lib/dpkg/info/b:amd64.list" },
      { path: status, text: stanza("a", "1") + stanza("b", "2") },
    ]);
    const inventory = read(base, app);
    expect(inventory.packages.map(({ name, layer }) => [name, layer])).toEqual([
      ["a", base.diffId],
      ["b", app.diffId],
    ]);
  });

  it("reads status.d, one file a package", () => {
    const inventory = readOne(
      { path: "var/lib/dpkg/status.d/libc6", text: "Package: libc6\nVersion: 2\nArchitecture: amd64\nSource: glibc\n" },
      { path: "var/lib/dpkg/status.d/libc6.md5sums", text: "d41d8cd98f00b204e9800998ecf8427e  usr/x\n" },
    );
    expect(inventory).toMatchObject({ status: "complete", packages: [{ name: "libc6", source: "glibc" }] });
  });

  it.each<[string, Sketch[], RegExp]>([
    ["nothing at all", [{ path: "bin/app" }], /no package database/],
    [
      "an apk record without a version",
      [{ path: "lib/apk/db/installed", text: "P:musl\nA:x\n" }],
      /gives musl no valid version/,
    ],
    ["an rpm database that is none", [{ path: "var/lib/rpm/rpmdb.sqlite" }], /no database that can be read/],
    ["an old rpm database", [{ path: "var/lib/rpm/Packages" }], /no reader for rpm \(Berkeley DB\)/],
    ["a cut-off line", [{ path: status, text: `${stanza("a", "1")}Package: b\nVers` }], /middle of a line/],
    [
      "a cut-off stanza",
      [{ path: status, text: `${stanza("a", "1")}Package: b\nStatus: install ok installed\n` }],
      /gives b no valid version/,
    ],
    ["binary", [{ path: status, text: "\u0000\u0001\u0002".repeat(1000) }], /no field|no package/],
    ["a version that is none", [{ path: status, text: stanza("a", "one\u001b[2J") }], /no valid version/],
    ["a name that is none", [{ path: status, text: stanza("../a", "1") }], /no package name/],
    ["a state that is none", [{ path: status, text: stanza("a", "1", "", "all is well") }], /no known state/],
    ["a folder in its place", [{ path: `${status}/` }], /a directory, not a file/],
    ["a link to nothing", [{ path: status, link: "/nowhere" }], /leads nowhere/],
    ["a link to itself", [{ path: status, link: "status" }], /circle/],
    [
      "a huge stanza",
      [{ path: status, text: `${stanza("a", "1")}Package: b\nX: ${"x".repeat(2_000_000)}\n` }],
      /larger than/,
    ],
    [
      "two versions of one package",
      [{ path: status, text: stanza("a", "1") + stanza("a", "2") }],
      /listed as 1 .* and 2/,
    ],
    [
      "a package cut out whole",
      [{ path: status, text: stanza("a", "1") }, { path: "var/lib/dpkg/info/b.list" }],
      /does not know b/,
    ],
  ])("calls %s unknown, and says why", (_, sketch, reason) => {
    const inventory = readOne(...sketch);
    expect(inventory.status).toBe("unknown");
    expect(inventory.problems.join("\n")).toMatch(reason);
    expect(inventory.problems.join("\n")).not.toContain("\u001b");
  });

  it("keeps what is readable beside what is not", () => {
    const inventory = readOne({ path: status, text: `${stanza("a", "1")}nonsense\n\n${stanza("b", "2")}` });
    expect(inventory.packages.map(({ name }) => name)).toEqual(["a", "b"]);
    expect(inventory.status).toBe("unknown");
  });

  const absent = existsSync(shared) ? undefined : "the shared data";
  needs(absent)("agrees with another reader on a real status file", () => {
    const folder = `${shared}/debian/bookworm-minbase`;
    const text = readFileSync(`${folder}/raw/var/lib/dpkg/status`, "utf8");
    const expected = JSON.parse(readFileSync(`${folder}/inventory.json`, "utf8")) as {
      packages: { name: string; version: string; arch: string; source: string; source_version: string }[];
    };
    const inventory = readOne({ path: status, text });
    expect(inventory.status).toBe("complete");
    expect(
      inventory.packages.map((entry) => [
        entry.name,
        entry.version,
        entry.architecture,
        entry.source,
        entry.sourceVersion,
      ]),
    ).toEqual(
      expected.packages.map((entry) => [entry.name, entry.version, entry.arch, entry.source, entry.source_version]),
    );
  });
  needs(absent)("reads another distribution's real status file", () => {
    const text = readFileSync(`${shared}/raw-samples/ubuntu-18.04.dpkg-status`, "utf8");
    const inventory = readOne({ path: status, text });
    expect([inventory.status, inventory.packages.length, inventory.problems]).toEqual(["complete", 90, []]);
  });
  needs(absent)("survives every cut of a real status file, and never calls one with a torn stanza complete", () => {
    const text = readFileSync(`${shared}/debian/bookworm-minbase/raw/var/lib/dpkg/status`, "utf8").slice(0, 6000);
    for (let end = 1; end < text.length; end += 7) {
      const inventory = readOne({ path: status, text: text.slice(0, end) });
      if (!text.slice(0, end).endsWith("\n")) expect(inventory.status).toBe("unknown");
    }
  });
});

describe("inventoryKey and diffInventories", () => {
  it("share what is equal, and tell what changed", () => {
    const one = readOne({ path: status, text: stanza("a", "1") + stanza("b", "1") });
    const same = readOne({ path: status, text: stanza("b", "1") + stanza("a", "1") });
    const other = readOne({ path: status, text: stanza("a", "2") + stanza("c", "1") });
    expect(inventoryKey(one)).toBe(inventoryKey(same));
    expect(inventoryKey(one)).not.toBe(inventoryKey(other));
    expect(diffInventories(one, other)).toEqual([
      { name: "a", architecture: "amd64", from: "1", to: "2" },
      { name: "b", architecture: "amd64", from: "1", to: undefined },
      { name: "c", architecture: "amd64", from: undefined, to: "1" },
    ]);
    expect(diffInventories(one, same)).toEqual([]);
  });
});
