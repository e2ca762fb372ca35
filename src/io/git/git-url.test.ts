import { describe, expect, it } from "vitest";
import { checkRef, checkSubdirectory, parseGitUrl } from "./git-url.ts";

describe("the address of a repository", () => {
  it.each([
    ["https://git.example/a/b.git", "https", "https://git.example"],
    ["https://me@git.example:8443/a", "https", "https://git.example:8443"],
    ["ssh://git@git.example:22/a/b", "ssh", "ssh://git.example:22"],
    ["git@git.example:a/b.git", "ssh", "ssh://git.example"],
    ["git.example:a", "ssh", "ssh://git.example"],
    ["http://127.0.0.1:3000/a", "http", "http://127.0.0.1:3000"],
    ["http://[::1]:3000/a", "http", "http://[::1]:3000"],
    ["file:///srv/a.git", "file", "file://"],
  ])("%s is taken", (text, protocol, origin) => {
    expect(parseGitUrl(text, true)).toMatchObject({ protocol, origin });
  });

  it.each([
    "ext::sh -c touch% /tmp/x",
    "ext::sh",
    "fd::17/x",
    "--upload-pack=touch /tmp/x",
    "-oProxyCommand=x",
    "ssh://-oProxyCommand=x/a",
    "ssh://git@-oProxyCommand=x/a",
    "ssh://-l@host/a",
    "git@-oProxyCommand=x:a",
    "https://user:secret@git.example/a",
    "http://git.example/a",
    "http://127.0.0.1.example/a",
    "git://git.example/a",
    "ftp://git.example/a",
    "file:///etc",
    "/srv/a.git",
    "../a",
    "https:///a",
    "https://git.example/a/../../b",
    "https://git.example/-a",
    "https://git.example/a b",
    "https://git.example/a\n--upload-pack=x",
    "https://git.example/a\u001b[2J",
    "https://git.example/$(x)",
    "https://git.example/`x`",
    `https://git.example/${"a".repeat(3000)}`,
    "",
  ])("%j is refused, and no secret in it is told", (text) => {
    expect(() => parseGitUrl(text, false)).toThrow(expect.objectContaining({ code: "BAD_URL" }));
    try {
      parseGitUrl(text, false);
    } catch (error) {
      expect(String(error)).not.toContain("secret");
      expect(String(error)).not.toContain("\u001b");
    }
  });
});

describe("a ref", () => {
  it.each(["main", "feature/x", "v1.2.3", "refs/heads/main", "a".repeat(40), "release-1.x", "dependabot/npm/@types/x"])(
    "%s is taken",
    (ref) => expect(checkRef(ref)).toBe(ref),
  );
  it.each([
    "",
    "-x",
    "--upload-pack=x",
    "a..b",
    "a:b",
    "a b",
    "a\n",
    "+a",
    "a/",
    "a.lock",
    "/a",
    ".a",
    "a/.b",
    "a@{1}",
    "^a",
    "a~1",
    "a*",
    "x".repeat(300),
  ])("%j is refused", (ref) => expect(() => checkRef(ref)).toThrow(expect.objectContaining({ code: "BAD_REF" })));
});

describe("a folder in a repository", () => {
  it.each([
    ["a/b", "a/b"],
    ["./a//b/", "a/b"],
    [".", ""],
    ["", ""],
  ])("%j is %j", (text, expected) => expect(checkSubdirectory(text)).toBe(expected));
  it.each(["..", "a/../..", "/a", "a\0b", "a\nb", "a\\b", "x".repeat(2000)])("%j is refused", (text) =>
    expect(() => checkSubdirectory(text)).toThrow(expect.objectContaining({ code: "BAD_PATH" })),
  );
});
