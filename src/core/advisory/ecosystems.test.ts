import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { OsRelease } from "../inventory/index.ts";
import { distroOf } from "./distros.ts";
import { advisoryKey } from "./ecosystems.ts";
import { keysOf } from "./lookups.ts";
import { madeInventory as inventory, madeOs as os, madePackage as held } from "./testdata/made.ts";

describe("advisoryKey", () => {
  it.each([
    ["Debian:12", "openssl", "debian:12"],
    ["Debian:bookworm", "openssl", "debian:12"],
    ["Debian", "openssl", "debian"],
    ["Ubuntu:22.04:LTS", "openssl", "ubuntu:22.04"],
    ["Ubuntu:24.10", "openssl", "ubuntu:24.10"],
    ["Ubuntu:Pro:18.04:LTS", "openssl", "ubuntu:pro:18.04"],
    ["Ubuntu:Pro:FIPS-updates:22.04:LTS", "openssl", "ubuntu:pro:fips-updates:22.04"],
    ["Alpine:v3.19", "openssl", "alpine:v3.19"],
    ["Alpine:3.19", "openssl", "alpine:v3.19"],
    ["Alpine:edge", "openssl", "alpine:edge"],
    ["Rocky Linux:9", "openssl", "rocky linux:9"],
    ["Red Hat:enterprise_linux:9::baseos", "openssl", "red hat:enterprise_linux:9::baseos"],
    ["openSUSE:Leap 15.5", "openssl", "opensuse:leap 15.5"],
    ["Maven:https://maven.example", "org.a:b", "maven"],
    ["Maven", "org.A:b", "maven"],
    ["npm", "@Scope/Name", "npm"],
    ["Go", "github.com/A/b", "go"],
    ["crates.io", "Inflector", "crates.io"],
    ["__proto__", "constructor", "__proto__"],
  ])("%s %s is in %s, under its own name", (ecosystem, name, normal) =>
    expect(advisoryKey(ecosystem, name)).toEqual({ ecosystem: normal, name }),
  );

  it.each([
    ["PyPI", "Foo.Bar__baz-_.Qux", "foo-bar-baz-qux"],
    ["PyPI", "requests", "requests"],
    ["PyPI", "a--b", "a-b"],
    ["NuGet", "Newtonsoft.Json", "newtonsoft.json"],
    ["Packagist", "Guzzle/Http", "guzzle/http"],
    ["Packagist:https://packages.example/8", "drupal/Core", "drupal/core"],
  ])("of %s, %s is called %s", (ecosystem, name, normal) => expect(advisoryKey(ecosystem, name).name).toBe(normal));

  it("leaves a key as it is, and does not tell case apart in ecosystems", () => {
    const bases = ["Debian", "Ubuntu", "Ubuntu:Pro", "Alpine", "Maven", "PyPI", "NuGet", "Packagist", "openSUSE", "X"];
    const ecosystem = fc
      .tuple(fc.constantFrom(...bases), fc.constantFrom("", ":12", ":22.04:LTS", ":v3.1", ":bookworm"), fc.string())
      .map(([base, release, more]) => `${base}${release}${more}`);
    fc.assert(
      fc.property(ecosystem, fc.string(), (name, of) => {
        const key = advisoryKey(name, of);
        expect(advisoryKey(key.ecosystem, key.name)).toEqual(key);
        expect(advisoryKey(name.toUpperCase().toLowerCase(), of).ecosystem).toBe(
          advisoryKey(name.toLowerCase(), of).ecosystem,
        );
      }),
      { numRuns: 2000 },
    );
  });
});

describe("distroOf", () => {
  it.each<[OsRelease, string[] | undefined, string?]>([
    [os("debian", "12"), ["debian:12"], "source"],
    [os("debian", "10.1"), ["debian:10"]],
    [os("debian", undefined, { codename: "trixie" }), ["debian:13"]],
    [os("debian", undefined, { codename: "sid" }), undefined],
    [os("ubuntu", "22.04"), ["ubuntu:22.04", "ubuntu:pro:22.04"], "source"],
    [os("alpine", "3.19.1"), ["alpine:v3.19"], "source"],
    [os("alpine", "3.10"), ["alpine:v3.10"]],
    [os("alpine", "3.21.0_alpha20240923"), ["alpine:edge"]],
    [os("wolfi", "20230201"), ["wolfi"], "both"],
    [os("chainguard", "20230214"), ["chainguard"], "both"],
    [os("almalinux", "8.9"), ["almalinux:8"], "binary"],
    [os("rocky", "9.3"), ["rocky linux:9"]],
    [os("ol", "8.10"), ["oracle linux:8"], "binary"],
    [os("photon", "3.0"), ["photon os:3.0"], "source"],
    [os("opensuse-leap", "15.5"), ["opensuse:leap 15.5"], "binary"],
    [os("opensuse-tumbleweed", "20240101"), ["opensuse:tumbleweed"], "binary"],
    [os("openEuler", "22.03", { prettyName: "openEuler 22.03 (LTS-SP1)" }), ["openeuler:22.03-lts-sp1"], "source"],
    [os("azurelinux", "3.0"), ["azure linux:3"], "source"],
    [os("tide", "1"), ["tide:1"], "source"],
    [os("tide"), undefined],
  ])("%j: %j %s", (release, ecosystems, named) => {
    const distro = distroOf(release);
    expect(distro?.ecosystems).toEqual(ecosystems);
    if (named !== undefined) expect(distro?.named).toBe(named);
  });

  it("names the product streams of those that have several", () => {
    expect(distroOf(os("rhel", "9.4"))?.ecosystems).toEqual([
      "red hat:enterprise_linux:9::baseos",
      "red hat:enterprise_linux:9::appstream",
      "red hat:enterprise_linux:9::crb",
    ]);
    const sles = os("sles", "15.5", { prettyName: "SUSE Linux Enterprise Server 15 SP5" });
    expect(distroOf(sles)?.ecosystems).toContain("suse:linux enterprise server 15 sp5");
    expect(distroOf(sles)?.ecosystems).toContain("suse:linux enterprise module for basesystem 15 sp5");
  });
});

describe("keysOf", () => {
  it("asks for the source of a deb and an apk, and for the rpm itself", () => {
    const debian = inventory(os("debian", "12"), held("deb", "libssl3", "3", { source: "openssl" }));
    expect(keysOf(debian)).toEqual([
      { ecosystem: "debian:12", name: "openssl" },
      { ecosystem: "debian", name: "openssl" },
    ]);
    const alpine = inventory(os("alpine", "3.19"), held("apk", "libssl3", "3", { source: "openssl" }));
    expect(keysOf(alpine)).toEqual([{ ecosystem: "alpine:v3.19", name: "openssl" }]);
    const oracle = inventory(os("ol", "8"), held("rpm", "openssl-libs", "3", { source: "openssl" }));
    expect(keysOf(oracle)).toEqual([{ ecosystem: "oracle linux:8", name: "openssl-libs" }]);
    const photon = inventory(os("photon", "3.0"), held("rpm", "openssl-libs", "3", { source: "openssl" }));
    expect(keysOf(photon)).toEqual([{ ecosystem: "photon os:3.0", name: "openssl" }]);
    const wolfi = inventory(os("wolfi", "1"), held("apk", "libssl3", "3", { source: "openssl" }));
    expect(keysOf(wolfi).map(({ name }) => name)).toEqual(["libssl3", "openssl"]);
  });

  it("asks for languages' packages by their own names, each once, and for none that the distribution brought", () => {
    const all = inventory(
      undefined,
      held("npm", "@a/b", "1"),
      held("npm", "@a/b", "2"),
      held("pypi", "Foo_Bar", "1"),
      held("golang", "stdlib", "go1.22.1"),
      held("maven", "org.a:b", "1"),
      held("cargo", "serde", "1"),
      held("composer", "A/B", "1"),
      held("gem", "rails", "1"),
      held("nuget", "A.B", "1"),
      held("pypi", "pip", "1", { owner: "python3-pip" }),
      held("deb", "bash", "1"),
    );
    expect(keysOf(all).map(({ ecosystem, name }) => `${ecosystem} ${name}`)).toEqual([
      "npm @a/b",
      "pypi foo-bar",
      "go stdlib",
      "maven org.a:b",
      "crates.io serde",
      "packagist a/b",
      "rubygems rails",
      "nuget a.b",
    ]);
    expect(keysOf(all, "debian:12")).toContainEqual({ ecosystem: "debian:12", name: "bash" });
  });
});
