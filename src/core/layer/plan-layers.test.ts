import { describe, expect, it } from "vitest";
import { planLayers, type PlanPackage } from "./plan-layers.ts";

const pack = (name: string, size: number, source = name): PlanPackage => ({ name, size, source });
const megabyte = 1_000_000;
const small = (count: number, size: number, prefix = "small"): PlanPackage[] =>
  Array.from({ length: count }, (_, at) => pack(`${prefix}${String(at).padStart(3, "0")}`, size));
const layersOf = (...asked: Parameters<typeof planLayers>): string[][] =>
  planLayers(...asked).map(({ packages }) => [...packages]);

const glibc = [pack("libc6", 2.8 * megabyte, "glibc"), pack("libc-bin", 0.6 * megabyte, "glibc")];
const base = [...glibc, ...small(12, 0.1 * megabyte, "base")];
const python = [
  pack("libpython3.11-stdlib", 1.8 * megabyte, "python3.11"),
  pack("python3.11", 0.6 * megabyte, "python3.11"),
  pack("python3.11-minimal", 2.1 * megabyte, "python3.11"),
];

describe("planLayers", () => {
  it("puts every package into one layer, whatever the order in which they come", () => {
    const packages = [...base, ...python, pack("git", 7 * megabyte), ...small(60, 0.3 * megabyte)];
    const layers = layersOf(packages);
    expect(layers.flat().sort()).toEqual(packages.map(({ name }) => name).sort());
    expect(layersOf(packages.toReversed())).toEqual(layers);
  });

  it("gives a large source a layer of its own, and one that is patched often when it is smaller", () => {
    const layers = layersOf([
      ...base,
      ...python,
      pack("libicu72", 9 * megabyte, "icu"),
      pack("dpkg", 1.6 * megabyte),
      pack("libgmp10", 2 * megabyte, "gmp"),
    ]);
    expect(layers.slice(0, 3)).toEqual([
      ["libc-bin", "libc6"],
      ["libicu72"],
      ["libpython3.11-stdlib", "python3.11", "python3.11-minimal"],
    ]);
    expect(layers).toHaveLength(4);
  });

  it("makes no more layers of a small image than a pull of it can bear", () => {
    expect(layersOf(small(20, 10_000))).toHaveLength(1);
    expect(layersOf(small(50, 0.3 * megabyte))).toHaveLength(1);
    expect(layersOf(small(60, 0.3 * megabyte))).toHaveLength(2);
    expect(layersOf(small(100, megabyte))).toHaveLength(4);
    expect(layersOf([])).toEqual([]);
  });

  it("has the little that is left over go along with the largest source, and keeps the others to themselves", () => {
    const tls = pack("libssl3", 2.2 * megabyte, "openssl");
    const leftover = small(12, 0.1 * megabyte, "base").map(({ name }) => name);
    expect(layersOf([...base, tls])).toEqual([["libc-bin", "libc6", ...leftover], ["libssl3"]]);
    expect(layersOf([...base, tls, pack("more", 2 * megabyte)])).toEqual([
      ["libc-bin", "libc6"],
      ["libssl3"],
      [...leftover, "more"],
    ]);
  });

  it("leaves the other layers as they are when a package comes or changes", () => {
    const packages = [...base, ...python, ...small(80, 0.3 * megabyte)];
    const before = new Set(layersOf(packages).map(String));
    const added = layersOf([...packages, pack("another", 0.2 * megabyte)]);
    expect(added.filter((layer) => !before.has(String(layer)))).toHaveLength(1);
    const grown = packages.map((each) => ({ ...each, size: each.size + 1000 }));
    expect(layersOf(grown).map(String)).toEqual([...before]);
  });

  it("parts buckets as an image grows, so that what was together in the many was so in the few", () => {
    const two = layersOf(small(60, 0.3 * megabyte));
    const four = layersOf(small(60, 0.6 * megabyte));
    expect([two.length, four.length]).toEqual([2, 4]);
    for (const layer of four) expect(two.some((bucket) => layer.every((name) => bucket.includes(name)))).toBe(true);
  });

  it("lays out what an ancestor holds as there, and what is added after it", () => {
    const lineage = [base.map(({ name }) => name)];
    const parent = planLayers(base);
    const added = [...python, pack("openssl", 1.4 * megabyte), ...small(40, 0.1 * megabyte)];
    const child = planLayers([...base, ...added], lineage);
    expect(child.slice(0, parent.length)).toEqual(parent);
    expect(child.slice(parent.length).map(({ generation }) => generation)).toEqual([1, 1]);
    const grandchild = planLayers(
      [...base, ...added, pack("git", 7 * megabyte)],
      [...lineage, child.flatMap(({ packages }) => [...packages])],
    );
    expect(grandchild.slice(0, child.length)).toEqual(child);
  });

  it.each([6, 12, 32])("keeps to a budget of %i, with a layer for each generation", (budget) => {
    const many = Array.from({ length: 80 }, (_, at) => pack(`large${at}`, (5 + at) * megabyte));
    const groups = planLayers([...many, ...base], [base.map(({ name }) => name)], budget);
    expect(groups.length).toBeLessThanOrEqual(budget - 4);
    expect(new Set(groups.map(({ generation }) => generation))).toEqual(new Set([0, 1]));
    expect(groups.flatMap(({ packages }) => packages)).toHaveLength(many.length + base.length);
  });
});
