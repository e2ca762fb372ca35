import { describe, expect, it } from "vitest";
import { addressOfForge } from "./index.ts";

describe("addressOfForge", () => {
  it.each([
    ["github", "https://github.com/acme/stack.git", "https://api.github.com", "acme/stack"],
    ["github", "https://me:token@GHE.example/acme/stack", "https://ghe.example/api/v3", "acme/stack"],
    ["github", "git@github.com:acme/stack.git", "https://api.github.com", "acme/stack"],
    ["gitlab", "ssh://git@gitlab.example:2222/a/b/c.git", "https://gitlab.example/api/v4", "a/b/c"],
    ["gitea", "https://git.example:8443/acme/stack/", "https://git.example:8443/api/v1", "acme/stack"],
  ] as const)("%s, %s", (kind, url, api, repository) => expect(addressOfForge(kind, url)).toEqual({ api, repository }));

  it.each(["/srv/stack.git", "file:///srv/a/b", "https://github.com/stack", "https://github.com/", "git@host:"])(
    "finds none in %s",
    (url) => expect(addressOfForge("github", url)).toBeUndefined(),
  );
});
