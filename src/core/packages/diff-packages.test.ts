import { expect, it } from "vitest";
import { diffPackages } from "./diff-packages.ts";

function set(...items: readonly string[]) {
  return items.map((item) => {
    const [name = "", version = "", architecture = "amd64"] = item.split(" ");
    return { name, version, architecture };
  });
}

it("says what came, went and changed, sorted", () => {
  const before = set("b 1", "gone 1", "same 1", "twin 1 amd64", "twin 1 arm64", "moved 1 all");
  const after = set("moved 2 amd64", "new 1", "same 1", "b 2", "twin 2 arm64", "twin 1 amd64");
  expect(diffPackages(before, after)).toEqual([
    { name: "b", architecture: "amd64", from: "1", to: "2" },
    { name: "gone", architecture: "amd64", from: "1", to: undefined },
    { name: "moved", architecture: "amd64", from: "1", to: "2" },
    { name: "new", architecture: "amd64", from: undefined, to: "1" },
    { name: "twin", architecture: "arm64", from: "1", to: "2" },
  ]);
});

it("finds nothing between equal sets in another order", () => {
  expect(diffPackages(set("a 1", "b 1"), set("b 1", "a 1"))).toEqual([]);
});
