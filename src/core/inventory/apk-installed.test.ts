import { existsSync, readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { needs } from "../../../test/needs.ts";
import { parseApkInstalled } from "./apk-installed.ts";

const samples = "../shared/data/inventories/raw-samples";
const absent = existsSync(samples) ? undefined : "the shared data";
const whole =
  "C:Q1x\nP:musl\nV:1.2.4-r0\nA:x86_64\no:musl-src\nF:lib\nR:ld-musl-x86_64.so.1\na:0:0:755\nZ:Q1AAAA\nF:\nR:root\n\n" +
  "P:.virtual\nV:20240101.000000\nA:noarch\n\n";

describe("parseApkInstalled", () => {
  it("reads name, version, architecture, origin and files", () => {
    expect(parseApkInstalled(whole, "db")).toEqual({
      packages: [
        {
          name: "musl",
          version: "1.2.4-r0",
          architecture: "x86_64",
          origin: "musl-src",
          files: [
            { path: "lib/ld-musl-x86_64.so.1", sha1: "AAAA" },
            { path: "root", sha1: undefined },
          ],
        },
        { name: ".virtual", version: "20240101.000000", architecture: "noarch", origin: ".virtual", files: [] },
      ],
      problems: [],
    });
  });

  it.each([
    ["V:1\nA:x\n\n", /line 1 names no package/],
    ["P:../a\nV:1\nA:x\n\n", /no package name/],
    ["P:a\nV:\u001b[2J\nA:x\n\n", /no valid version/],
    ["P:a\nV:1\n\n", /no valid architecture/],
    ["P:a\nV:1\nA:x\no:a b\n\n", /no valid origin/],
    ["P:a\nV:1\nA:x\nnonsense\n\n", /no field at line 4/],
    ["P:a\nV:1\nA:x", /middle of a line/],
  ])("%j is named, and what follows stays", (text, problem) => {
    const { packages, problems } = parseApkInstalled(text.endsWith("\n") ? text + whole : text, "db");
    expect(problems.join("\n")).toMatch(problem);
    expect(problems.join("\n")).not.toContain("\u001b");
    if (text.endsWith("\n")) expect(packages.slice(-2).map(({ name }) => name)).toEqual(["musl", ".virtual"]);
  });

  it("never throws, whatever the text", () => {
    fc.assert(fc.property(fc.string(), (text) => void parseApkInstalled(text, "db")));
    const cut = fc.tuple(fc.nat(whole.length), fc.nat(whole.length), fc.string({ maxLength: 5 }));
    fc.assert(
      fc.property(cut, ([from, to, put]) => void parseApkInstalled(whole.slice(0, from) + put + whole.slice(to), "db")),
    );
  });

  for (const file of ["alpine-3.16.apk-installed", "alpine-3.18.apk-installed"])
    needs(absent)(`reads a real database whole: ${file}`, () => {
      const text = readFileSync(`${samples}/${file}`, "utf8");
      const { packages, problems } = parseApkInstalled(text, file);
      expect(problems).toEqual([]);
      expect(packages.map(({ name }) => `P:${name}`)).toEqual(text.split("\n").filter((line) => line.startsWith("P:")));
      expect(packages.reduce((sum, one) => sum + one.files.length, 0)).toBe(
        text.split("\n").filter((line) => line.startsWith("R:")).length,
      );
    });
});
