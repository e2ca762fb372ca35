import { describe, expect, it } from "vitest";
import { findChangelog } from "./find-changelog.ts";
import { suggestFixedIds } from "./suggest-fixed-ids.ts";

function entry(version: string, ...items: string[]): string {
  return `openssl (${version}) bookworm-security; urgency=medium\n\n${items.join("\n")}\n\n -- Some One <one@example.org>  Mon, 01 Jan 2024 00:00:00 +0000\n\n`;
}

describe("suggestFixedIds", () => {
  const changelog =
    entry("3.0-4", "  * CVE-2024-0009 (not in yet)") +
    entry("3.0-3", "  * Fix CVE-2024-0003 and", "    CVE-2024-0004 (Closes: #1)") +
    entry("3.0-2", "  [ Some One ]", "  * Import patches:", "    - CVE-2024-0002.patch", "    + again CVE-2024-0002") +
    entry("3.0-1", "  * CVE-2023-0001");

  it("names what is between the two versions, with the version that names it first", () => {
    expect(suggestFixedIds(changelog, "3.0-1", "3.0-3")).toEqual({
      kind: "suggested",
      ids: [
        { id: "CVE-2024-0002", version: "3.0-2" },
        { id: "CVE-2024-0003", version: "3.0-3" },
        { id: "CVE-2024-0004", version: "3.0-3" },
      ],
    });
  });

  it("knows nothing where the installed version is not in it, as in a changelog that was cut off", () => {
    expect(suggestFixedIds(changelog, "2.9-1", "3.0-3").kind).toBe("unknown");
    expect(suggestFixedIds(changelog.slice(0, 400), "3.0-1", "3.0-3").kind).toBe("unknown");
    expect(suggestFixedIds(changelog, "3.0-1", "3.0-9").kind).toBe("unknown");
    expect(suggestFixedIds("", "3.0-1", "3.0-3").kind).toBe("unknown");
    expect(suggestFixedIds("\0\u0001binary", "3.0-1", "3.0-3").kind).toBe("unknown");
  });

  it("names nothing where nothing changed, or went backwards", () => {
    expect(suggestFixedIds(changelog, "3.0-3", "3.0-3")).toEqual({ kind: "suggested", ids: [] });
    expect(suggestFixedIds(changelog, "3.0-3", "3.0-1")).toEqual({ kind: "suggested", ids: [] });
  });

  it.each([
    "  * Drop CVE-2024-0001.patch, applied upstream",
    "  * Dropped patches:\n    - CVE-2024-0001.patch\n      and CVE-2024-0002",
    "  * Revert the fix for CVE-2024-0001",
    "  * debian/patches: remove CVE-2024-0001",
    "  * Fix a regression of the patch for\n    CVE-2024-0001",
    "  * CVE-2024-0001 does not affect this version: not affected",
    "  * Disable the patch of CVE-2024-0001",
    "  * CVE-2024-0001 is postponed",
  ])("leaves out an item that takes a patch away: %s", (item) => {
    const text = entry("2", item, "  * Fix CVE-2024-7777") + entry("1", "  * Initial release");
    expect(suggestFixedIds(text, "1", "2")).toEqual({
      kind: "suggested",
      ids: [{ id: "CVE-2024-7777", version: "2" }],
    });
  });

  it("takes an item below a dropping one as its part, and one beside it as its own", () => {
    const item = "  * New upstream:\n    - drop CVE-2024-0001.patch\n    - fixes CVE-2024-0002";
    const text = entry("2", item) + entry("1", "  * x");
    expect(suggestFixedIds(text, "1", "2")).toEqual({
      kind: "suggested",
      ids: [{ id: "CVE-2024-0002", version: "2" }],
    });
  });

  it("reads a million lines in a second", () => {
    const text = entry("2", `  * x\n${"y\n".repeat(1_000_000)}`) + entry("1", "  * x");
    const started = performance.now();
    suggestFixedIds(text, "1", "2");
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

describe("findChangelog", () => {
  const file = (path: string) => ({ path, type: "file" });
  it.each([
    [
      [file("./usr/share/doc/a/changelog.Debian.gz"), file("./usr/share/doc/a/changelog.gz")],
      { kind: "file", path: "./usr/share/doc/a/changelog.Debian.gz" },
    ],
    [[file("/usr/share/doc/a/changelog.gz")], { kind: "file", path: "/usr/share/doc/a/changelog.gz" }],
    [[file("usr/share/doc/b/changelog.gz")], { kind: "missing" }],
    [[{ path: "./usr/share/doc/a", type: "symlink", link: "b" }], { kind: "link", package: "b" }],
    [[{ path: "./usr/share/doc/a", type: "symlink", link: "/usr/share/doc/b" }], { kind: "link", package: "b" }],
    [
      [{ path: "./usr/share/doc/a/changelog.Debian.gz", type: "symlink", link: "../b/changelog.Debian.gz" }],
      { kind: "link", package: "b" },
    ],
    [[{ path: "./usr/share/doc/a", type: "symlink", link: "../../../etc" }], { kind: "missing" }],
    [[], { kind: "missing" }],
  ])("%j", (entries, place) => {
    expect(findChangelog("a", entries)).toEqual(place);
  });
});
