import { describe, expect, it } from "vitest";
import { buildAdvisoryIndex } from "./advisory-index.ts";
import { parseTrackerSource } from "./debian-tracker.ts";
import { keysOf } from "./lookups.ts";
import { matchAdvisories } from "./match-advisories.ts";
import { madeAdvisory, madeInventory, madeOs, madePackage, madeRecord } from "./testdata/made.ts";
import type { Advisory } from "./types.ts";

const debian = madeOs("debian", "12");
function tracked(release: object): Advisory[] {
  return parseTrackerSource("openssl", { "CVE-2024-0001": { releases: { bookworm: release } } }).flatMap((one) =>
    one.kind === "advisory" ? [one.advisory] : [],
  );
}

describe("what is looked up", () => {
  it("is each package in its own ecosystem, in its own order of versions", () => {
    const held = madeInventory(
      debian,
      madePackage("npm", "a", "1.10.0"),
      madePackage("pypi", "Foo_Bar", "1.0rc1"),
      madePackage("golang", "stdlib", "go1.22.1"),
      madePackage("golang", "github.com/a/b", "v2.0.0+incompatible"),
      madePackage("maven", "org.a:b", "1.0-alpha-1"),
      madePackage("cargo", "c", "1.2.3"),
      madePackage("gem", "g", "1.0.0.rc1"),
      madePackage("nuget", "N.Uget", "1.0.0"),
      madePackage("composer", "P/Hp", "1.0.0"),
      madePackage("deb", "libssl3", "3.0.9-1", { source: "openssl" }),
    );
    const index = buildAdvisoryIndex([
      madeRecord("GHSA-npm", "npm", "a", "1.10.1"),
      madeRecord("GHSA-npm-not", "npm", "a", "1.9.0"),
      madeRecord("PYSEC-1", "PyPI", "foo.bar", "1.0"),
      madeRecord("GO-1", "Go", "stdlib", "1.22.2"),
      madeRecord("GO-2", "Go", "github.com/a/b", "2.0.1"),
      madeRecord("GHSA-maven", "Maven:https://maven.example", "org.a:b", "1.0"),
      madeRecord("RUSTSEC-1", "crates.io", "c", "1.2.4-0"),
      madeRecord("GHSA-gem", "RubyGems", "g", "1.0.0"),
      madeRecord("GHSA-nuget", "NuGet", "n.uget", "1.0.0.1"),
      madeRecord("GHSA-composer", "Packagist", "p/hp", "1.0.1"),
      madeRecord("DSA-1-1", "Debian:12", "openssl", "3.0.9-2"),
    ]);
    const { state, findings } = matchAdvisories(held, index);
    expect(state).toBe("known");
    expect(findings.map(({ package: name, id }) => `${name} ${id}`)).toEqual([
      "Foo_Bar PYSEC-1",
      "N.Uget GHSA-nuget",
      "P/Hp GHSA-composer",
      "a GHSA-npm",
      "c RUSTSEC-1",
      "g GHSA-gem",
      "github.com/a/b GO-2",
      "libssl3 DSA-1-1",
      "org.a:b GHSA-maven",
      "stdlib GO-1",
    ]);
    const asked = new Set(keysOf(held).map(({ ecosystem, name }) => `${ecosystem} ${name}`));
    for (const { ecosystem, name } of [
      { ecosystem: "pypi", name: "foo-bar" },
      { ecosystem: "debian:12", name: "openssl" },
    ])
      expect(asked).toContain(`${ecosystem} ${name}`);
  });

  it("is not what a distribution's package brought, for that one has its own fixes", () => {
    const index = buildAdvisoryIndex([madeRecord("PYSEC-1", "PyPI", "pip", "99")]);
    const of = (owner?: string) =>
      matchAdvisories(
        madeInventory(undefined, madePackage("pypi", "pip", "1.0", owner === undefined ? {} : { owner, path: "p" })),
        index,
      );
    expect(of("python3-pip").findings).toEqual([]);
    expect(of().findings.map(({ id }) => id)).toEqual(["PYSEC-1"]);
  });

  it("says where each package is", () => {
    const held = madeInventory(undefined, madePackage("npm", "a", "1.0.0", { path: "x/package.json" }));
    const index = buildAdvisoryIndex([madeRecord("MAL-2024-1", "npm", "a", undefined, { aliases: ["GHSA-a"] })]);
    expect(matchAdvisories(held, index).findings).toMatchObject([
      {
        id: "MAL-2024-1",
        aliases: ["GHSA-a"],
        malicious: true,
        path: "x/package.json",
        layer: held.packages[0]?.layer,
      },
    ]);
  });

  it.each<[string, string]>([
    ["(devel)", "unknown"],
    ["", "unknown"],
    ["v1.0.0", "affected"],
  ])("of a module in version %j is %s", (version, state) => {
    const held = madeInventory(undefined, madePackage("golang", "github.com/a/b", version));
    const index = buildAdvisoryIndex([madeRecord("GO-1", "Go", "github.com/a/b", "1.0.1")]);
    expect(matchAdvisories(held, index).findings).toMatchObject([{ state, fixed: "1.0.1" }]);
  });
});

describe("what no feed speaks of", () => {
  const index = buildAdvisoryIndex([madeRecord("DSA-1-1", "Debian:12", "openssl", "1")]);
  const reasons = (...held: Parameters<typeof madeInventory>) => matchAdvisories(madeInventory(...held), index).reasons;
  const deb = madePackage("deb", "openssl", "3");
  const npm = madePackage("npm", "a", "1.0.0");

  it("makes what is known of an image unknown, by name", () => {
    expect(reasons(debian, deb)).toEqual([]);
    expect(reasons(debian, deb, npm, madePackage("pypi", "b", "1"))).toEqual([
      "no feed speaks of npm",
      "no feed speaks of pypi",
    ]);
    expect(reasons(debian, deb, { ...npm, owner: "node-a" })).toEqual([]);
    expect(reasons(madeOs("ubuntu", "22.04"), deb)).toEqual(["no feed speaks of ubuntu:22.04"]);
  });

  it("is the release of distributions' packages, and of an image in which nothing was found", () => {
    const missing = "it does not say which release it is";
    expect(reasons(undefined, deb)).toEqual([missing]);
    expect(reasons(undefined)).toEqual([missing]);
    expect(reasons(undefined, npm)).toEqual(["no feed speaks of npm"]);
  });
});

describe("a distribution's own judgement", () => {
  const held = madeInventory(debian, madePackage("deb", "libssl3", "3.0.9-1", { source: "openssl" }));
  const find = (...advisories: Advisory[]) => matchAdvisories(held, buildAdvisoryIndex(advisories)).findings;

  it.each<[object, string | undefined, string | undefined, string]>([
    [{ status: "open", urgency: "medium" }, undefined, "medium", "affected"],
    [{ status: "open", urgency: "low", nodsa: "Minor issue", nodsa_reason: "" }, "no-dsa", "low", "affected"],
    [{ status: "open", urgency: "unimportant", nodsa_reason: "ignored" }, "ignored", "none", "affected"],
    [{ status: "open", urgency: "high**", nodsa: "x", nodsa_reason: "postponed" }, "postponed", "high", "affected"],
    [{ status: "open", urgency: "end-of-life" }, "end-of-life", undefined, "affected"],
    [{ status: "undetermined", urgency: "not yet assigned" }, "undetermined", undefined, "unknown"],
    [{ status: "resolved", fixed_version: "3.0.9-2", urgency: "low", nodsa: "x" }, undefined, "low", "affected"],
  ])("%j: %s", (release, judgement, level, state) => {
    const [one, ...others] = find(...tracked(release));
    expect([one?.judgement, one?.severity?.level, one?.state, others.length]).toEqual([judgement, level, state, 0]);
  });

  it("that it is not affected counts for its own feeds, and for that vulnerability alone", () => {
    const dsa = madeRecord("DSA-1-1", "Debian:12", "openssl", "4", { upstream: ["CVE-2024-0001", "CVE-2024-0002"] });
    const own = madeRecord("DEBIAN-CVE-2024-0001", "Debian:12", "openssl", "4");
    const clear = tracked({ status: "resolved", fixed_version: "0", urgency: "unimportant" });
    expect(find(dsa, own).map(({ id }) => id)).toEqual(["CVE-2024-0001", "CVE-2024-0002"]);
    expect(find(dsa, own, ...clear).map(({ id, aliases }) => [id, aliases])).toEqual([["CVE-2024-0002", ["DSA-1-1"]]]);
    const npm = madeInventory(debian, madePackage("npm", "openssl", "3.0.0"));
    const ghsa = madeRecord("GHSA-a", "npm", "openssl", "4.0.0", { aliases: ["CVE-2024-0001"] });
    expect(matchAdvisories(npm, buildAdvisoryIndex([ghsa, ...clear])).findings).toHaveLength(1);
  });

  it("of how bad it is counts before any score", () => {
    const severity = [{ type: "CVSS_V3", score: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H" }];
    const osv = madeRecord("DEBIAN-CVE-2024-0001", "Debian:12", "openssl", "4", { severity });
    expect(find(osv)[0]?.severity).toMatchObject({ level: "critical", by: "cvss" });
    expect(find(osv, ...tracked({ status: "open", urgency: "low" }))[0]?.severity).toEqual({
      level: "low",
      by: "distro",
    });
  });

  it("takes the cure that all its records call one", () => {
    const first = madeRecord("DSA-1-1", "Debian:12", "openssl", "3.0.9-2", { upstream: ["CVE-2024-0001"] });
    const regression = madeRecord("DSA-1-2", "Debian:12", "openssl", "3.0.9-10", { upstream: ["CVE-2024-0001"] });
    expect(find(regression, first).map(({ fixed }) => fixed)).toEqual(["3.0.9-10"]);
    expect(find(first, regression).map(({ fixed }) => fixed)).toEqual(["3.0.9-10"]);
  });
});

describe("Ubuntu with extended maintenance", () => {
  const row = (ecosystem: string, fixed?: string) => ({
    package: { ecosystem, name: "unzip" },
    ranges: [{ type: "ECOSYSTEM", events: [{ introduced: "0" }, ...(fixed === undefined ? [] : [{ fixed }])] }],
  });
  const both = madeAdvisory({
    id: "UBUNTU-CVE-2024-0001",
    affected: [row("Ubuntu:18.04:LTS"), row("Ubuntu:Pro:18.04:LTS", "6.0-21ubuntu1+esm1")],
  });
  const only = madeAdvisory({
    id: "UBUNTU-CVE-2024-0002",
    affected: [row("Ubuntu:Pro:18.04:LTS", "6.0-21ubuntu1+esm1")],
  });
  it.each([
    ["6.0-21ubuntu1", ["CVE-2024-0001 undefined", "CVE-2024-0002 6.0-21ubuntu1+esm1"]],
    ["6.0-21ubuntu1+esm1", []],
    ["6.0-21ubuntu0+esm9", ["CVE-2024-0001 6.0-21ubuntu1+esm1", "CVE-2024-0002 6.0-21ubuntu1+esm1"]],
  ])("holds %s against what it says of such versions", (version, expected) => {
    const held = madeInventory(madeOs("ubuntu", "18.04"), madePackage("deb", "unzip", version));
    const { findings } = matchAdvisories(held, buildAdvisoryIndex([both, only]));
    expect(findings.map(({ id, fixed }) => `${id} ${fixed}`)).toEqual(expected);
  });
});

describe("modules of rpm distributions", () => {
  const fixed = "1:14.18.2-2.module_el8.5.0+2618";
  const of = (summary: string) =>
    buildAdvisoryIndex([madeRecord("ALSA-1", "AlmaLinux:8", "nodejs", fixed, { summary })]);
  const count = (version: string, module: string | undefined, summary: string) => {
    const more = module === undefined ? {} : { module };
    const held = madeInventory(madeOs("almalinux", "8.5"), madePackage("rpm", "nodejs", version, more));
    return matchAdvisories(held, of(summary)).findings.length;
  };
  it.each<[string, string | undefined, string, number]>([
    ["1:14.17.0-1.module_el8.5.0+1", "nodejs:14", "Moderate: nodejs:14 security update", 1],
    ["1:12.22.0-1.module_el8.5.0+1", "nodejs:12", "Moderate: nodejs:14 security update", 0],
    ["1:12.22.0-1.module_el8.5.0+1", undefined, "Moderate: nodejs:14 security update", 1],
    ["1:12.22.0-1.el8", undefined, "Moderate: nodejs:14 security update", 0],
    ["1:12.22.0-1.el8", undefined, "Moderate: nodejs security update", 0],
    ["1:14.18.2-2.module_el8.5.0+2618", "nodejs:14", "Moderate: nodejs:14 security update", 0],
  ])("%s of %s, and %s: %d", (version, module, summary, expected) => {
    expect(count(version, module, summary)).toBe(expected);
  });
});

describe("the time that it takes", () => {
  it("to match 300 packages of which three thousand things are said is short", () => {
    const packages = Array.from({ length: 300 }, (_, at) =>
      madePackage("deb", `lib${at}`, `1.${at}-1`, { source: `src${at % 150}`, sourceVersion: `1.${at % 150}-1` }),
    );
    const advisories = Array.from({ length: 3000 }, (_, at) =>
      madeRecord(`CVE-2024-${10_000 + at}`, "Debian:12", `src${at % 150}`, `1.${at % 160}-${at % 3}`),
    );
    const index = buildAdvisoryIndex(advisories);
    const held = madeInventory(debian, ...packages);
    matchAdvisories(held, index);
    const begun = performance.now();
    expect(matchAdvisories(held, index).findings.length).toBeGreaterThan(100);
    expect(performance.now() - begun).toBeLessThan(1000);
  });
});
