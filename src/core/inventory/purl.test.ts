import { describe, expect, it } from "vitest";
import { sha256 } from "../../lib/index.ts";
import { purlOf } from "./purl.ts";
import type { InstalledPackage, OsRelease } from "./types.ts";

const debian: OsRelease = { id: "debian", versionId: "12", codename: "bookworm", prettyName: undefined };
const rhel: OsRelease = { id: "rhel", versionId: "9.2", codename: undefined, prettyName: undefined };
const alpine: OsRelease = { id: "alpine", versionId: "3.19.1", codename: undefined, prettyName: undefined };

function made(one: Pick<InstalledPackage, "type" | "name" | "version"> & Partial<InstalledPackage>): InstalledPackage {
  return { architecture: "", source: one.name, sourceVersion: one.version, layer: sha256(""), ...one };
}

describe("purlOf", () => {
  it.each<[InstalledPackage, OsRelease | undefined, string]>([
    [
      made({ type: "deb", name: "libstdc++6", version: "1:12.2.0-14", architecture: "amd64", source: "gcc-12" }),
      debian,
      "pkg:deb/debian/libstdc%2B%2B6@1:12.2.0-14?arch=amd64&distro=debian-12&upstream=gcc-12",
    ],
    [
      made({ type: "deb", name: "a", version: "1+b1", architecture: "amd64", sourceVersion: "1" }),
      debian,
      "pkg:deb/debian/a@1+b1?arch=amd64&distro=debian-12&upstream=a%401",
    ],
    [
      made({ type: "apk", name: "libcrypto3", version: "3.1.4-r5", architecture: "x86_64", source: "openssl" }),
      alpine,
      "pkg:apk/alpine/libcrypto3@3.1.4-r5?arch=x86_64&distro=alpine-3.19.1&upstream=openssl",
    ],
    [
      made({
        type: "rpm",
        name: "nodejs",
        version: "1:18.14.2-2.el9",
        architecture: "x86_64",
        sourceVersion: "18.14.2-2.el9",
        module: "nodejs:18",
      }),
      rhel,
      "pkg:rpm/rhel/nodejs@18.14.2-2.el9?arch=x86_64&distro=rhel-9.2&epoch=1&rpmmod=nodejs%3A18",
    ],
    [made({ type: "npm", name: "@angular/core", version: "1.0.0" }), debian, "pkg:npm/%40angular/core@1.0.0"],
    [made({ type: "pypi", name: "Zope.Interface_x", version: "5.0" }), debian, "pkg:pypi/zope-interface-x@5.0"],
    [
      made({ type: "golang", name: "github.com/Org/Mod/v2", version: "v2.0.0+incompatible" }),
      undefined,
      "pkg:golang/github.com/Org/Mod/v2@v2.0.0+incompatible",
    ],
    [made({ type: "golang", name: "stdlib", version: "1.22.1" }), undefined, "pkg:golang/stdlib@1.22.1"],
    [made({ type: "golang", name: "example.com/app", version: "(devel)" }), undefined, "pkg:golang/example.com/app"],
    [
      made({ type: "maven", name: "org.apache.logging.log4j:log4j-core", version: "2.14.1" }),
      undefined,
      "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1",
    ],
    [made({ type: "maven", name: "log4j", version: "1.2" }), undefined, "pkg:maven/log4j@1.2"],
    [made({ type: "composer", name: "Guzzle/Psr7", version: "1.8.3" }), undefined, "pkg:composer/guzzle/psr7@1.8.3"],
  ])("%j", (entry, os, purl) => expect(purlOf(entry, os)).toBe(purl));
});
