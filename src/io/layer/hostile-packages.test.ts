import { describe, expect, it } from "vitest";
import { contentRecognisers } from "../../core/inventory/index.ts";
import { defaultLayerLimits } from "./limits.ts";
import { inventoryOf } from "./testdata/read-files.ts";
import { LayerFactsBuilder } from "./layer-facts-builder.ts";
import { TarParser } from "../../core/layer/index.ts";
import { makeTar, type Member } from "./testdata/make-tar.ts";
import { sha256 } from "../../lib/index.ts";

const manifest = (name: string, version = "1.0.0"): string => JSON.stringify({ name, version });

describe("a hostile image", () => {
  it("of a hundred thousand packages is an inventory, in seconds", async () => {
    const members = Array.from({ length: 100_000 }, (_, at): Member => ({
      name: `app/node_modules/p${at}/package.json`,
      body: manifest(`p${at}`),
    }));
    const started = performance.now();
    const inventory = await inventoryOf(members);
    expect([inventory.packages.length, inventory.status]).toEqual([100_000, "complete"]);
    expect(performance.now() - started).toBeLessThan(20_000);
  }, 180_000);

  it("that tells of more than there is room for is told so, and is unknown", () => {
    const limits = { ...defaultLayerLimits, held: 10_000 };
    const builder = new LayerFactsBuilder(limits, "a layer");
    const parser = new TarParser(builder, "a layer");
    const names = Array.from({ length: 1000 }, (_, at) => `p${at}`);
    parser.push(makeTar(names.map((name) => ({ name: `node_modules/${name}/package.json`, body: manifest(name) }))));
    const held = builder.facts(sha256(""), 0).entries.map(({ holds }) => holds);
    expect(held.reduce((sum, one) => sum + (one?.packages.length ?? 0), 0)).toBeLessThan(100);
    expect(held.at(-1)?.problem).toMatch(/more packages than/);
  });

  it.each<[string, Member, string | undefined]>([
    [
      "a manifest that is too large",
      { name: "node_modules/a/package.json", body: Buffer.alloc(5_000_000, 32) },
      "more than the",
    ],
    ["a manifest that is binary", { name: "node_modules/a/package.json", body: Buffer.alloc(100) }, "no JSON"],
    ["a project without a name", { name: "site-packages/a.dist-info/METADATA", body: "" }, "names no project"],
    ["a torn archive", { name: "opt/a.jar", body: "PK\u0003\u0004 and no more" }, "no ZIP"],
    ["a template that is no JSON, beside nothing", { name: "usr/share/x/package.json", body: "{{ name }}" }, undefined],
  ])("with %s", async (_, member, problem) => {
    const inventory = await inventoryOf([{ name: "var/lib/dpkg/status", body: "" }, member]);
    expect(inventory.system).toBe("complete");
    expect(inventory.status).toBe(problem === undefined ? "complete" : "unknown");
    expect(inventory.problems.join()).toContain(problem ?? "");
  });

  it("is complete where a scratch image holds one readable program, and unknown where it says that it is a distribution", async () => {
    const app = { name: "app/package.json", body: manifest("tool") };
    expect(await inventoryOf([app])).toMatchObject({ status: "complete", system: "complete" });
    const release = { name: "etc/os-release", body: "ID=debian\n" };
    expect(await inventoryOf([app, release])).toMatchObject({ status: "unknown", system: "unknown" });
    expect(await inventoryOf([{ name: "bin/x" }])).toMatchObject({
      problems: ["no package database was found in the image"],
    });
  });

  it("has the packages of a program, and not the test data in it", async () => {
    const inventory = await inventoryOf([
      { name: "app/package.json", body: JSON.stringify({ name: "app", version: "1.0.0", private: true }) },
      { name: "app/test/fixture/package.json", body: manifest("fixture") },
      { name: "app/node_modules/a/package.json", body: manifest("a") },
      { name: "app/node_modules/a/dist/package.json", body: manifest("inner") },
      { name: "opt/yarn/package.json", body: manifest("yarn", "1.22.22") },
    ]);
    expect(inventory.packages.map(({ name }) => name)).toEqual(["a", "yarn"]);
  });
});

describe("a hostile SQLite database", () => {
  const page = 512;
  /** A database of whole pages whose schema says that the table Packages begins at page 2. */
  function database(pages: number, fill: (file: Buffer) => void): Buffer {
    const file = Buffer.alloc(page * pages);
    file.write("SQLite format 3\0");
    file.writeUInt16BE(page, 16);
    file.writeUInt32BE(1, 56);
    const row = Buffer.from([6, 23, 29, 29, 1, 13, ...Buffer.from("tablePackagesPackages"), 2]);
    file[100] = 0x0d;
    file.writeUInt16BE(1, 103);
    const at = page - row.length - 2;
    file.writeUInt16BE(at, 108);
    Buffer.from([row.length, 1, ...row]).copy(file, at);
    fill(file);
    return file;
  }
  const read = (bytes: Buffer) => contentRecognisers.rpm.read(bytes, "var/lib/rpm/rpmdb.sqlite");
  const interior = (file: Buffer, number: number, children: readonly number[]): void => {
    const start = (number - 1) * page;
    file[start] = 0x05;
    file.writeUInt16BE(children.length - 1, start + 3);
    file.writeUInt32BE(children.at(-1) ?? 0, start + 8);
    children.slice(0, -1).forEach((child, index) => {
      const cell = page - 8 * (index + 1);
      file.writeUInt16BE(cell, start + 12 + index * 2);
      file.writeUInt32BE(child, start + cell);
    });
  };

  it.each<[string, Buffer, RegExp]>([
    ["a page that is its own child", database(3, (file) => interior(file, 2, [2, 2])), /circle/],
    [
      "a tree in which every page has fifty of the next",
      database(40, (file) => {
        for (let number = 2; number < 40; number += 1)
          interior(
            file,
            number,
            Array.from({ length: 50 }, () => number + 1),
          );
      }),
      /circle|too deep/,
    ],
    [
      "a chain that goes too deep",
      database(40, (file) => {
        for (let number = 2; number < 40; number += 1) interior(file, number, [number + 1]);
      }),
      /too deep/,
    ],
    ["a child that is not there", database(3, (file) => interior(file, 2, [99])), /not there/],
    [
      "a row that overflows into itself",
      database(3, (file) => {
        const start = page;
        file[start] = 0x0d;
        file.writeUInt16BE(1, start + 3);
        file.writeUInt16BE(100, start + 8);
        Buffer.from([0x8a, 0x00, 1]).copy(file, start + 100);
        // 264 of its 1280 bytes are in the cell.
        file.writeUInt32BE(3, start + 103 + 264);
        file.writeUInt32BE(3, 2 * page);
      }),
      /circle/,
    ],
    ["a page of another kind", database(3, (file) => void (file[page] = 0x02)), /another kind/],
  ])("with %s is named", (_, bytes, problem) => {
    const started = performance.now();
    expect(read(bytes)?.problem).toMatch(problem);
    expect(performance.now() - started).toBeLessThan(1000);
  });
});
