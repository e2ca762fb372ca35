import { describe, expect, it } from "vitest";
import { parseDeb822Sources, parseSourcesList } from "./apt-sources.ts";
import { suitesOfImage } from "./suites-of-image.ts";
import type { InstalledPackage, Inventory, OsRelease } from "./types.ts";

const bookworm: OsRelease = { id: "debian", versionId: "12", codename: "bookworm", prettyName: "Debian 12" };
const inventoryOf = (os: OsRelease | undefined, ...architectures: string[]): Inventory => ({
  platform: { os: "linux", architecture: "amd64" },
  os,
  packages: architectures.map(
    (architecture, index) => ({ type: "deb", name: `p${index}`, architecture }) as InstalledPackage,
  ),
  status: "complete",
  system: "complete",
  problems: [],
});
const list = (text: string) => parseSourcesList(text, "etc/apt/sources.list");

describe("suitesOfImage", () => {
  it("asks the suites of its release that the image's apt reads, in either style", () => {
    const deb822 =
      "Types: deb\nURIs: http://deb.example/debian\nSuites: bookworm bookworm-updates\nComponents: main contrib\n\nTypes: deb\nURIs: http://deb.example/security\nSuites: bookworm-security\nComponents: main\n\nTypes: deb\nURIs: http://other.example\nSuites: trixie\nComponents: main\n";
    const sources = parseDeb822Sources(deb822, "etc/apt/sources.list.d/debian.sources");
    const asked = suitesOfImage(inventoryOf(bookworm, "amd64", "all"), sources);
    const suites = ["bookworm", "bookworm-updates", "bookworm-security"];
    expect(asked).toEqual({
      kind: "ask",
      suites,
      suitesFrom: "image",
      request: { codename: "bookworm", suites, architecture: "amd64", sources },
    });
    const short = suitesOfImage(
      inventoryOf(bookworm),
      list("deb http://deb.example/debian bookworm main # release\ndeb-src http://x bookworm-updates main\n"),
    );
    expect(short).toMatchObject({ kind: "ask", suites: ["bookworm"], suitesFrom: "image" });
  });

  it("knows the old name of a security suite", () => {
    const buster = { ...bookworm, versionId: "10", codename: "buster" };
    const asked = suitesOfImage(inventoryOf(buster), list("deb http://security.example buster/updates main\n"));
    expect(asked.suites).toEqual(["buster-security"]);
  });

  it("asks the usual ones where the image has no sources", () => {
    expect(suitesOfImage(inventoryOf(bookworm), list("deb http://x trixie main"))).toMatchObject({
      kind: "ask",
      suitesFrom: "release",
      suites: ["bookworm", "bookworm-updates", "bookworm-security"],
    });
  });

  it("takes the architecture of the packages, not the one that is claimed", () => {
    expect(suitesOfImage(inventoryOf(bookworm, "arm64", "arm64", "all", "amd64"), [])).toMatchObject({
      request: { architecture: "arm64" },
    });
    expect(suitesOfImage(inventoryOf(bookworm), [])).toMatchObject({ request: { architecture: "amd64" } });
  });

  it.each([
    [undefined, "a system without os-release: only Debian's suites can be asked"],
    [
      { ...bookworm, id: "alpine", prettyName: "Alpine\u001b[31m" },
      "Alpine\\u{1b}[31m: only Debian's suites can be asked",
    ],
    [{ ...bookworm, codename: undefined }, "Debian 12: it names no release"],
  ])("cannot ask for %j", (os, reason) => {
    expect(suitesOfImage(inventoryOf(os), [])).toMatchObject({ kind: "unknown", reason });
  });
});
