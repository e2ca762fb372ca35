import { existsSync, readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { needs } from "../../../../test/needs.ts";
import { sha256 } from "../../../lib/index.ts";
import type { InstalledPackage, Inventory } from "../../inventory/index.ts";
import { scanPackages } from "../create-platform.ts";
import { formatSpdx } from "../format-spdx.ts";
import { loadCyclonedx } from "../index.ts";
import { parseSbom } from "./parse-sbom.ts";

const { formatCyclonedx } = await loadCyclonedx();
const samples = "../shared/data/inventories/raw-samples";
const absent = existsSync(samples) ? undefined : "the shared data";

function cyclonedx(components: unknown, more: object = {}): string {
  return JSON.stringify({ bomFormat: "CycloneDX", specVersion: "1.6", components, ...more });
}
function read(text: string) {
  const parsed = parseSbom(text);
  if (parsed.kind === "invalid") throw new Error(parsed.message);
  return parsed;
}

const base = { layer: sha256("layer"), architecture: "", source: "", sourceVersion: "" };
const packages: InstalledPackage[] = [
  {
    ...base,
    type: "deb",
    name: "a+b",
    version: "1:2~rc1-3",
    architecture: "all",
    source: "a+b",
    sourceVersion: "1:2~rc1-3",
  },
  {
    ...base,
    type: "deb",
    name: "libssl3",
    version: "3.0-1+b1",
    architecture: "amd64",
    source: "openssl",
    sourceVersion: "3.0-1",
  },
  {
    ...base,
    type: "golang",
    name: "github.com/Org/Mod/v2",
    version: "v2.0.0-20200101000000-abcdef123456+incompatible",
    source: "github.com/Org/Mod/v2",
    sourceVersion: "v2.0.0-20200101000000-abcdef123456+incompatible",
    path: "usr/bin/a b",
  },
  {
    ...base,
    type: "maven",
    name: "org.apache:log4j-core",
    version: "2.14.1",
    source: "org.apache:log4j-core",
    sourceVersion: "2.14.1",
    path: "app.jar",
  },
  {
    ...base,
    type: "npm",
    name: "@scope/name",
    version: "1.0.0",
    source: "@scope/name",
    sourceVersion: "1.0.0",
    path: "app/package.json",
    owner: "node-scope",
  },
  { ...base, type: "pypi", name: "flask", version: "2.0", source: "flask", sourceVersion: "2.0", path: "x/METADATA" },
  {
    ...base,
    type: "rpm",
    name: "openssl-libs",
    version: "1:3.0.7-1.el9",
    architecture: "x86_64",
    source: "openssl",
    sourceVersion: "1:3.0.7-1.el9",
  },
];
const inventory: Inventory = {
  platform: { os: "linux", architecture: "amd64" },
  os: { id: "debian", versionId: "12", codename: "bookworm", prettyName: "Debian GNU/Linux 12 (bookworm)" },
  packages,
  status: "complete",
  system: "complete",
  problems: [],
};
const bom = (problems: string[] = []) => ({
  subject: { kind: "image", name: "registry.example/app:1", digest: sha256("image") } as const,
  platforms: [{ platform: "linux/amd64", os: inventory.os, packages: scanPackages(inventory), problems }],
  version: "1.2.3",
  created: undefined,
});

describe("what Tidemill writes, it reads again", () => {
  it.each([
    ["CycloneDX", formatCyclonedx],
    ["SPDX", formatSpdx],
  ] as const)("as %s: every package with source, layer, path and owner", (_, format) => {
    const parsed = read(format(bom()));
    expect(parsed.inventory.packages).toEqual(packages);
    expect(parsed.inventory).toMatchObject({
      status: "complete",
      system: "complete",
      problems: [],
      os: { id: "debian", versionId: "12" },
    });
    expect(parsed).toMatchObject({ subject: "registry.example/app:1", digest: sha256("image") });
    const partial = read(format(bom(["half of it"])));
    expect(partial.inventory).toMatchObject({ status: "unknown", problems: ["linux/amd64: half of it"] });
  });
});

describe("parseSbom", () => {
  it("takes nested components, and counts what it cannot look up", () => {
    const { inventory: found } = read(
      cyclonedx([
        { type: "application", name: "app", components: [{ type: "library", name: "a", purl: "pkg:npm/a@1" }] },
        { type: "library", name: "nameless", version: "1" },
        { type: "library", name: "b", purl: "pkg:swift/b/c@1" },
        { type: "library", name: "c", purl: "not a purl" },
        { type: "library", name: "d", purl: "pkg:npm/d" },
        { type: "file", name: "/bin/sh" },
      ]),
    );
    expect(found.packages.map(({ name }) => name)).toEqual(["a"]);
    expect(found.status).toBe("unknown");
    expect(found.problems.join("\n")).toMatch(/pkg:npm\/d: it names no version/);
    expect(found.problems.join("\n")).toMatch(/1 purls cannot be read: not a purl/);
    expect(found.problems.join("\n")).toMatch(/1 packages have no purl.*nameless 1/);
    expect(found.problems.join("\n")).toMatch(/1 packages of type swift/);
  });

  it("says that a distribution's packages without sources may hide findings", () => {
    const one = { type: "library", name: "libssl3", purl: "pkg:deb/debian/libssl3@3.0-1?distro=debian-12" };
    expect(read(cyclonedx([one])).inventory).toMatchObject({
      status: "unknown",
      os: { id: "debian", versionId: "12" },
    });
    const withSource = { ...one, purl: `${one.purl}&upstream=openssl%403.0-0` };
    expect(read(cyclonedx([withSource])).inventory).toMatchObject({
      status: "complete",
      system: "complete",
      packages: [{ source: "openssl", sourceVersion: "3.0-0" }],
    });
  });

  it("knows the release by codename where the bill gives that", () => {
    const one = { type: "library", name: "a", purl: "pkg:deb/debian/a@1?distro=bookworm&upstream=b" };
    expect(read(cyclonedx([one])).inventory.os).toMatchObject({ id: "debian", codename: "bookworm" });
  });

  it.each([
    ["nothing", "", /JSON/],
    ["a list", "[]", /no JSON object/],
    ["XML", "<bom/>", /XML/],
    ["half of it", cyclonedx([]).slice(0, -5), /JSON/],
    ["something else", '{"a":1}', /neither/],
    ["an old version", cyclonedx([], { specVersion: "1.0" }), /1\.0/],
    ["SPDX 3", '{"spdxVersion":"SPDX-3.0"}', /3\.0/],
    ["components that are no list", cyclonedx({ __proto__: 1 }), /no list/],
  ])("refuses %s", (_, text, message) => {
    expect(parseSbom(text)).toMatchObject({ kind: "invalid", message: expect.stringMatching(message) as string });
  });

  it("is never clean where a bill names nothing, or breaks its schema", () => {
    expect(read(cyclonedx([])).inventory).toMatchObject({ status: "unknown", problems: ["it names no package"] });
    expect(read(cyclonedx([null, 5, { name: 5 }])).inventory.status).toBe("unknown");
  });

  it("survives deep nests, prototype names and whatever stands in a component", () => {
    const open = '{"type":"library","name":"x","purl":"pkg:npm/x@1","components":[';
    const deep = '{"type":"library","name":"deep","purl":"pkg:npm/deep@1"}';
    const nest = `${open.repeat(3000)}${deep}${"]}".repeat(3000)}`;
    expect(read(cyclonedx([]).replace("[]", `[${nest}]`)).inventory.packages.map(({ name }) => name)).toContain("deep");
    const evil =
      '{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"__proto__":{"purl":"pkg:npm/a@1"},"type":"library","name":"constructor"}]}';
    expect(read(evil).inventory.packages).toEqual([]);
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), (value, purl) => {
        const parsed = parseSbom(
          cyclonedx([value, { type: "library", name: "a", purl: `pkg:npm/${purl}@${purl}`, components: [value] }]),
        );
        parseSbom(
          JSON.stringify({
            spdxVersion: "SPDX-2.3",
            packages: [value, { name: purl, externalRefs: value }],
            relationships: value,
          }),
        );
        parseSbom(
          JSON.stringify({
            artifacts: [value, { name: purl, purl, locations: value }],
            schema: {},
            source: value,
            distro: value,
          }),
        );
        if (parsed.kind === "ok") expect(parsed.inventory.problems.join("")).not.toMatch(/\p{Cc}/u);
      }),
      { numRuns: 300 },
    );
  });

  needs(absent)("reads what other tools wrote", () => {
    const of = (file: string) => read(readFileSync(`${samples}/${file}`, "utf8"));
    expect(of("alpine.syft-native.json")).toMatchObject({
      format: "syft",
      inventory: { status: "complete", system: "complete", os: { id: "alpine", versionId: "3.16.3" } },
    });
    expect(of("alpine.syft-native.json").inventory.packages).toHaveLength(14);
    expect(of("alpine-3.10.syft.spdx.json").inventory.packages.map(({ name, source }) => [name, source])).toEqual([
      ["busybox", "busybox"],
      ["libssl1.1", "libssl1.1"],
      ["ssl_client", "busybox"],
    ]);
    for (const file of ["trivy-centos-7.cdx.json", "trivy-centos-7.spdx.json"])
      expect(of(file).inventory).toMatchObject({
        status: "complete",
        system: "complete",
        os: { id: "centos", versionId: "7.6.1810" },
        packages: [
          { name: "bash", version: "4.2.46-31.el7", architecture: "x86_64" },
          { name: "openssl-libs", version: "1:1.0.2k-16.el7" },
        ],
      });
    expect(of("ubi8-micro.spdx.json").inventory).toMatchObject({ status: "unknown", packages: [] });
    expect(parseSbom(readFileSync(`${samples}/alpine.syft.cdx.xml`, "utf8"))).toMatchObject({ kind: "invalid" });
  });
});
