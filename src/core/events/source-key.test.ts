import { describe, expect, it } from "vitest";
import { isRefMeant, sourceKey } from "./index.ts";

describe("sourceKey", () => {
  it.each([
    ["https://Git.lan/Team/App.git", "git.lan/team/app"],
    ["https://user:token@git.lan:8443/team/app/", "git.lan/team/app"],
    ["git@git.lan:team/app.git", "git.lan/team/app"],
    ["git.lan:team/app", "git.lan/team/app"],
    ["ssh://git@git.lan:2222/team/app.git", "git.lan/team/app"],
    ["git://git.lan/team/app.git?x#y", "git.lan/team/app"],
    ["file:///srv/git/app.git", "/srv/git/app"],
    ["https://git.lan/", undefined],
    ["https:///team/app", undefined],
    ["team/app", undefined],
    ["", undefined],
    ["git@git.lan", undefined],
  ])("%s is %s", (address, key) => expect(sourceKey(address)).toBe(key));
});

describe("isRefMeant", () => {
  it.each([
    ["main", "refs/heads/main", true],
    ["refs/heads/main", "main", true],
    ["v1", "refs/tags/v1", true],
    ["main", "refs/heads/main2", false],
    ["main", undefined, true],
    ["HEAD", "refs/heads/whatever", true],
  ])("%s, pushed %s: %s", (followed, told, meant) => expect(isRefMeant(followed, told)).toBe(meant));
});
