import { describe, expect, it } from "vitest";
import { buildAdvisoryIndex, matchAdvisories, parseOsvRecord, type Finding } from "../advisory/index.ts";
import type { InstalledPackage, Inventory } from "../inventory/index.ts";
import { createLoneRemedies, type LoneFacts } from "./lone-remedies.ts";
import { digest, now } from "./testdata/made-remedy.ts";

const [base, own] = [digest("1"), digest("2")];

function installed(over: Partial<InstalledPackage>): InstalledPackage {
  const plain = { type: "deb", name: "openssl", version: "3.0.9-1", architecture: "amd64", layer: base } as const;
  const one = { ...plain, ...over };
  return { source: one.name, sourceVersion: one.version, ...one };
}

const inventory: Inventory = {
  platform: { os: "linux", architecture: "amd64" },
  os: { id: "debian", versionId: "12", codename: "bookworm", prettyName: undefined },
  status: "complete",
  system: "complete",
  problems: [],
  packages: [
    installed({}),
    installed({ name: "curl", version: "7.88.1-9", layer: own }),
    installed({ name: "gone", version: "1", layer: own }),
    installed({
      type: "npm",
      name: "minimist",
      version: "1.2.0",
      architecture: "",
      layer: own,
      path: "app/node_modules/minimist/package.json",
    }),
    installed({
      type: "npm",
      name: "minimist",
      version: "0.0.8",
      architecture: "",
      layer: own,
      path: "app/node_modules/mkdirp/node_modules/minimist/package.json",
    }),
    installed({
      type: "golang",
      name: "golang.org/x/net",
      version: "v0.7.0",
      architecture: "",
      layer: own,
      path: "app/server",
    }),
    installed({
      type: "pypi",
      name: "Jinja2",
      version: "2.11.2",
      architecture: "",
      layer: own,
      path: "usr/lib/python3/dist-packages/Jinja2-2.11.2.dist-info/METADATA",
    }),
    installed({
      type: "maven",
      name: "org.apache.logging.log4j:log4j-core",
      version: "2.14.1",
      architecture: "",
      layer: own,
      path: "app.jar",
    }),
  ],
};

function record(id: string, ecosystem: string, name: string, ...events: readonly object[]): object {
  const type = ecosystem === "npm" || ecosystem === "Go" ? "SEMVER" : "ECOSYSTEM";
  const affected = [{ package: { ecosystem, name }, ranges: [{ type, events }] }];
  return { schema_version: "1.7.0", id, modified: "2026-01-01T00:00:00Z", published: "2026-01-01T00:00:00Z", affected };
}

const ecosystems = new Set(["debian", "npm", "go", "pypi", "maven"]);
const index = buildAdvisoryIndex(
  [
    record("CVE-2099-0001", "Debian:12", "openssl", { introduced: "0" }, { fixed: "3.0.15-1" }),
    record("CVE-2099-0002", "Debian:12", "curl", { introduced: "0" }, { fixed: "7.88.1-10" }),
    record("CVE-2099-0003", "Debian:12", "gone", { introduced: "0" }),
    record(
      "GHSA-xvch-5gv4-984h",
      "npm",
      "minimist",
      { introduced: "0" },
      { fixed: "0.2.4" },
      { introduced: "1.0.0" },
      { fixed: "1.2.6" },
    ),
    record(
      "GHSA-vh95-rmgr-6w4m",
      "npm",
      "minimist",
      { introduced: "0" },
      { fixed: "0.2.1" },
      { introduced: "1.0.0" },
      { fixed: "1.2.3" },
    ),
    record("GO-2099-0001", "Go", "golang.org/x/net", { introduced: "0" }, { fixed: "0.17.0" }),
    record("PYSEC-2099-1", "PyPI", "jinja2", { introduced: "0" }, { fixed: "2.11.3" }),
    record(
      "GHSA-jfh8-c2jp-5v3q",
      "Maven",
      "org.apache.logging.log4j:log4j-core",
      { introduced: "2.13.0" },
      { fixed: "2.15.0" },
    ),
    record(
      "GHSA-7rjr-3q55-vv33",
      "Maven",
      "org.apache.logging.log4j:log4j-core",
      { introduced: "2.13.0" },
      { fixed: "2.16.0" },
    ),
  ].map((one) => {
    const parsed = parseOsvRecord(one, ecosystems);
    return parsed.kind === "advisory" ? parsed.advisory : expect.fail(parsed.problem);
  }),
);
const { findings } = matchAdvisories(inventory, index);

function finding(id: string, name?: string): Finding {
  return (
    findings.find((one) => one.id === id && (name === undefined || one.path?.includes(name) === true)) ??
    expect.fail(`no ${id}`)
  );
}

function remedyOf(id: string, over: Partial<LoneFacts> = {}, at?: string) {
  const facts: LoneFacts = { now, name: "registry.example/app:1", inventory, index, layers: [base, own], ...over };
  return createLoneRemedies(facts)(finding(id, at));
}

describe("the remedies of an image without configuration", () => {
  it("tell its own layers from those that it begins with", () => {
    expect(remedyOf("CVE-2099-0001")).toEqual({
      kind: "rebase",
      image: "registry.example/app:1",
      onto: undefined,
      offered: { version: "3.0.15-1", from: "the word of CVE-2099-0001", since: undefined },
    });
    expect(remedyOf("CVE-2099-0002")).toMatchObject({ kind: "rebuild", offered: { version: "7.88.1-10" } });
    expect(remedyOf("CVE-2099-0001", { layers: [base] })).toMatchObject({ kind: "rebuild" });
    expect(remedyOf("CVE-2099-0003")).toMatchObject({ kind: "wait-upstream" });
  });

  it("go by what its suites offer where they were asked", () => {
    const offer = {
      version: "7.88.1-11",
      sourceVersion: "7.88.1-11",
      from: "debian/bookworm",
      since: now,
      isWaiting: false,
    };
    const offersOf = () => ({ kind: "asked", versions: [offer] }) as const;
    expect(remedyOf("CVE-2099-0002", { offersOf })).toMatchObject({
      kind: "rebuild",
      offered: { version: "7.88.1-11", from: "debian/bookworm", since: now },
    });
    expect(remedyOf("CVE-2099-0002", { offersOf: () => ({ kind: "asked", versions: [] }) })).toMatchObject({
      kind: "wait-upstream",
      reason: "curl 7.88.1-10 cures it, and is not offered yet",
    });
  });

  it.each([
    ["npm", "GHSA-xvch-5gv4-984h", "app/node_modules/minimist/", "1.2.6", undefined],
    ["npm, once more below a package that pins it", "GHSA-vh95-rmgr-6w4m", "mkdirp", "0.2.4", undefined],
    ["PyPI", "PYSEC-2099-1", "Jinja2", "2.11.3", undefined],
    ["Go, whose modules take any later version", "GO-2099-0001", "app/server", "v0.17.0", true],
    ["Maven", "GHSA-jfh8-c2jp-5v3q", "app.jar", "2.16.0", undefined],
  ])("name the exact version for %s", (_, id, at, version, isCompatible) => {
    expect(remedyOf(id, {}, at)).toMatchObject({
      kind: "bump-source",
      image: "registry.example/app:1",
      file: expect.stringContaining(at) as string,
      offered: { version },
      isCompatible,
    });
  });

  it("say who asks for a package, and who does not allow the version that cures", () => {
    const asked = [
      { file: "app/package.json", name: "app", range: "^1.2.0" },
      { file: "app/node_modules/optimist/package.json", name: "optimist@0.6.1", range: "~1.2.0 <1.2.5" },
      { file: "app/node_modules/odd/package.json", name: "odd@1.0.0", range: "github:odd/minimist" },
    ];
    const demandsOf = () => ({ asked });
    const remedy = remedyOf("GHSA-xvch-5gv4-984h", { demandsOf }, "app/node_modules/minimist/");
    expect(remedy).toMatchObject({ isCompatible: false, declared: "~1.2.0 <1.2.5" });
    expect(remedy.kind === "bump-source" && remedy.dependants.map(({ name, allows }) => [name, allows])).toEqual([
      ["optimist@0.6.1", false],
      ["odd@1.0.0", undefined],
      ["app", true],
    ]);
  });
});
