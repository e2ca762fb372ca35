import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findRing, reachedBy, type GraphImage } from "./image-graph.ts";

const image = (name: string, parents: readonly string[] = [], upstreams: readonly string[] = []): GraphImage => ({
  name,
  parents,
  upstreams,
});
const fleet = [
  image("app", ["runtime"]),
  image("base", [], ["debian"]),
  image("runtime", ["base"], ["node:22"]),
  image("tool", ["base", "runtime"]),
  image("alone", [], ["alpine:3"]),
];

describe("reachedBy", () => {
  it.each([
    ["debian", ["base", "runtime", "app", "tool"]],
    ["base", ["runtime", "app", "tool"]],
    ["node:22", ["runtime", "app", "tool"]],
    ["app", []],
    ["alpine:3", ["alone"]],
    ["nobody", []],
  ])("a change of %s reaches %j", (node, expected) => {
    expect(reachedBy(fleet, node).toSorted()).toEqual(expected.toSorted());
  });

  it("names parents before their children", () => {
    const order = reachedBy(fleet, "debian");
    for (const { name, parents } of fleet)
      for (const parent of parents)
        if (order.includes(parent)) expect(order.indexOf(parent)).toBeLessThan(order.indexOf(name));
  });
});

describe("findRing", () => {
  it("finds none where there is none", () => {
    expect(findRing(fleet)).toBeUndefined();
    expect(findRing([image("a", ["gone"])])).toBeUndefined();
  });

  it.each([
    [[image("a", ["a"])], ["a"]],
    [
      [image("b", ["a"]), image("a", ["b"])],
      ["a", "b"],
    ],
    [
      [image("x", ["c"]), image("c", ["d"]), image("d", ["b"]), image("b", ["c"])],
      ["b", "c", "d"],
    ],
  ])("names all of a ring, the first by name first", (images, expected) => {
    expect(findRing(images)).toEqual(expected);
  });

  it("finds one exactly where an order of parents before children does not exist", () => {
    const names = ["a", "b", "c", "d", "e"];
    const anyImages = fc.tuple(...names.map((name) => fc.subarray(names).map((parents) => image(name, parents))));
    fc.assert(
      fc.property(anyImages, (images) => {
        const placed = new Set<string>();
        for (let before = -1; before < placed.size;) {
          before = placed.size;
          for (const { name, parents } of images) if (parents.every((parent) => placed.has(parent))) placed.add(name);
        }
        const ring = findRing(images);
        expect(ring === undefined).toBe(placed.size === images.length);
        for (const [at, name] of (ring ?? []).entries())
          expect(images.find((one) => one.name === name)?.parents).toContain(ring?.[(at + 1) % ring.length]);
      }),
    );
  });
});
