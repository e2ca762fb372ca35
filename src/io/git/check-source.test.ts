import { describe, expect, it } from "vitest";
import { checkRef, checkSubdirectory, parseLocation } from "./check-source.ts";
import { publicUrl } from "./public-url.ts";

const bad = expect.objectContaining({ code: "BAD_SOURCE" }) as unknown;

describe("parseLocation", () => {
  it.each([
    ["https://example.org/a/b.git", "https://example.org/a/b.git"],
    ["HTTPS://Example.org:8443/a", "https://example.org:8443/a"],
    ["https://u:p%40ss@example.org/a", "https://example.org/a"],
    ["https://example.org/a/../b", "https://example.org/b"],
    ["https://[::1]:8443/a", "https://[::1]:8443/a"],
    ["ssh://git@example.org:22/a/b.git", "ssh://git@example.org:22/a/b.git"],
    ["ssh://example.org/~user/a", "ssh://example.org/~user/a"],
    ["git@example.org:a/b.git", "git@example.org:a/b.git"],
    ["git@[::1]:a/b.git", "git@[::1]:a/b.git"],
    ["file:///srv/git/a.git", "file:///srv/git/a.git"],
    ["/srv/git/a.git", "/srv/git/a.git"],
  ])("%s is asked at %s", (url, address) => expect(parseLocation(url).address).toBe(address));

  it("takes credentials out of an address, decoded", () => {
    expect(parseLocation("https://u%3A:p%40ss@example.org/a")).toMatchObject({
      origin: "https://example.org",
      user: "u:",
      password: "p@ss",
    });
  });

  it.each([
    "",
    "ext::sh -c touch% /tmp/x",
    "ext::https://example.org/a",
    "fd::17",
    "https::ext::sh",
    "http://example.org/a",
    "git://example.org/a",
    "ftp://example.org/a",
    "--upload-pack=touch /tmp/x",
    "-uhttps://example.org/a",
    " https://example.org/a",
    "https://",
    "https://example.org/a?private_token=x",
    "https://example.org/a#x",
    "https://example.org/a\n",
    "https://exa\tmple.org/a",
    "https://example.org/%0aa",
    "https://u:%0apass@example.org/a",
    "https://u:%ff@example.org/a",
    "ssh://-oProxyCommand=touch/a",
    "ssh://git@-oProxyCommand=touch/a",
    "ssh://-l@example.org/a",
    "ssh://git:secret@example.org/a",
    "ssh://example.org",
    "ssh://exa$(x)mple.org/a",
    "-git@example.org:a",
    "git@-example.org:a",
    "git@example.org:-a",
    "git@example.org::a",
    "git:secret@example.org:a",
    "example.org:a",
    "../a",
    "a/b",
    "file://elsewhere/a",
    "file://../a",
    "/a\u0000b",
    `/${"a".repeat(3000)}`,
  ])("%j is refused", (url) => {
    expect(() => parseLocation(url)).toThrow(bad);
  });
});

describe("checkRef", () => {
  it.each(["main", "feature/x", "v1.0.0", "HEAD", "refs/pull/1/head", "a@b", "ünï", "release-1"])("%s is one", (ref) =>
    expect(() => checkRef(ref)).not.toThrow(),
  );

  it.each(
    ["", "-x", "--upload-pack=x", "@", "a..b", "a b", "a~1", "a^", "a:b", "a?", "a*", "[a", "a\\b", "a//b", "/a", "a/"]
      .concat([".a", "a/.b", "a.lock", "a.lock/b", "a.", "a@{1}", "a\nb", "a\u0000", "a\u007f"])
      .concat("a".repeat(600)),
  )("%j is none", (ref) => expect(() => checkRef(ref)).toThrow(bad));
});

describe("checkSubdirectory", () => {
  it.each(["a", "a/b", "./a", "a/", "..a", "a b"])("%s is one", (path) =>
    expect(() => checkSubdirectory(path)).not.toThrow(),
  );
  it.each(["", "/a", "-a", "..", "../a", "a/../b", "a/..", "a\u0000", "a\nb", "a\\..\\b"])("%j is none", (path) =>
    expect(() => checkSubdirectory(path)).toThrow(bad),
  );
});

describe("publicUrl", () => {
  it.each([
    ["https://example.org/a", "https://example.org/a"],
    ["https://u:p@example.org/a", "https://example.org/a"],
    ["https://token@example.org/a", "https://example.org/a"],
    ["https://u:p@ss@example.org/a@b", "https://example.org/a@b"],
    ["https://example.org/a?private_token=x#y", "https://example.org/a"],
    ["https://u:p@", "https://"],
    ["ssh://git@example.org/a", "ssh://git@example.org/a"],
    ["ssh://git:secret@example.org/a", "ssh://git@example.org/a"],
    ["git@example.org:a/b", "git@example.org:a/b"],
    ["git:secret@example.org:a", "git@example.org:a"],
    ["/srv/a", "/srv/a"],
    ["\u001b[31mred", "\\u{1b}[31mred"],
  ])("%s is shown as %s", (url, shown) => expect(publicUrl(url)).toBe(shown));
});
