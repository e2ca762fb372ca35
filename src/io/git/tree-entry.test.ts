import { describe, expect, it } from "vitest";
import { createListing } from "./tree-entry.ts";

const line = (mode: string, path: string | Buffer, size = "1") =>
  Buffer.concat([Buffer.from(`${mode} blob ${"a".repeat(40)} ${size.padStart(7)}\t`), Buffer.from(path), Buffer.of(0)]);

describe("a listing", () => {
  const limits = { files: 3, bytes: 100 };

  it("is read whatever its pieces are", () => {
    const all = Buffer.concat([line("040000", "a", "-"), line("100755", "a/b\tc\nd"), line("120000", "é")]);
    for (const size of [1, 7, 1000]) {
      const listing = createListing(limits, "it");
      for (let at = 0; at < all.length; at += size) listing.push(all.subarray(at, at + size));
      expect(listing.entries).toEqual([
        { kind: "folder", path: "a" },
        { kind: "program", path: "a/b\tc\nd" },
        { kind: "link", path: "é" },
      ]);
    }
  });

  it.each<[string, Buffer, string]>([
    ["a path that leads up", line("100644", "a/../../b"), "UNSAFE_TREE"],
    ["an absolute path", line("100644", "/a"), "UNSAFE_TREE"],
    ["a path into .git", line("100644", ".GIT/hooks/x"), "UNSAFE_TREE"],
    ["an empty path", line("100644", ""), "UNSAFE_TREE"],
    ["a name that is not UTF-8", line("100644", Buffer.of(0xff, 0xfe)), "UNSAFE_TREE"],
    ["a mode of nothing known", line("010644", "a"), "UNSAFE_TREE"],
    ["a path without end", Buffer.alloc(10_000, "a"), "UNSAFE_TREE"],
    ["a file that is too large", line("100644", "a", "101"), "TOO_LARGE"],
    [
      "files that are too large together",
      Buffer.concat([line("100644", "a", "60"), line("100644", "b", "60")]),
      "TOO_LARGE",
    ],
    ["too many files", Buffer.concat(["a", "b", "c", "d"].map((path) => line("100644", path))), "TOO_LARGE"],
    ["what is no listing", Buffer.from("fatal: no\0"), "UNSAFE_TREE"],
  ])("with %s is refused", (_, bytes, code) => {
    const listing = createListing(limits, "it");
    expect(() => listing.push(bytes)).toThrow(expect.objectContaining({ code }) as unknown);
  });
});
