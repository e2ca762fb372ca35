import { describe, expect, it } from "vitest";
import { findStrayLink } from "./find-stray-link.ts";

describe("a link", () => {
  it.each<[string, Record<string, string>, string | undefined]>([
    ["to a file beside it", { a: "b" }, undefined],
    ["to the top", { "a/b": ".." }, undefined],
    ["to the top and down again", { "a/b/c": "../../d" }, undefined],
    ["above the top", { "a/b": "../.." }, "a/b"],
    ["above and back", { a: "../tree/b" }, "a"],
    ["to an absolute path", { a: "/etc" }, "a"],
    ["through a link that leads deeper", { a: "b/c/d", x: "a/../../../e" }, undefined],
    ["through a link that leads to the top", { "a/b/up": "../..", x: "a/b/up/../e" }, "x"],
    ["through a link that is stray itself", { a: "b/c", b: "/etc" }, "a"],
    ["in a circle", { a: "b", b: "a" }, undefined],
    ["to itself", { a: "a/../../../x" }, undefined],
    ["with empty parts", { a: ".//./b" }, undefined],
  ])("%s", (_, links, stray) => expect(findStrayLink(new Map(Object.entries(links)))).toBe(stray));

  it.each([
    ["wide", 5000, (at: number) => `${`l${(at * 7 + 1) % 5000}/`.repeat(500)}x`],
    ["deep", 50_000, (at: number) => `l${at + 1}/..`],
    ["long", 5000, (at: number) => `l${at + 1}/${"x/".repeat(1000)}`],
  ])("that is made to take long does not: %s", (_, count, target) => {
    const links = new Map(Array.from({ length: count }, (_, at) => [`l${at}`, target(at)]));
    const started = performance.now();
    findStrayLink(links);
    expect(performance.now() - started).toBeLessThan(4000);
  });
});
