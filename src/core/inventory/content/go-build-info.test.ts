import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseElfHeader } from "../elf.ts";
import { readGoBuildInfo } from "./go-build-info.ts";

/** What Go 1.17.13 made of a program of ours with `-ldflags="-s -w"`; all bytes that say nothing of modules are zero. */
const old = gunzipSync(readFileSync(new URL("testdata/go1.17-stripped.gz", import.meta.url)));

function read(bytes: Buffer) {
  const range = (offset: number, length: number) =>
    offset + length > bytes.length ? undefined : bytes.subarray(offset, offset + length);
  const header = parseElfHeader(range);
  return header === undefined ? undefined : readGoBuildInfo(range, header);
}

describe("readGoBuildInfo", () => {
  it("follows the pointers that Go before 1.18 wrote", () => {
    expect(read(old)).toEqual({
      packages: [
        { type: "golang", name: "stdlib", version: "1.17.13" },
        { type: "golang", name: "example.com/old", version: "(devel)" },
        { type: "golang", name: "example.com/lib", version: "(devel)" },
      ],
    });
  });

  const mark = old.indexOf("\u00ff Go buildinf:", "latin1");

  /** The same program, with its information in the form of Go 1.18 and later. */
  function inline(modules: string, version = "go1.22.1 X:boringcrypto"): Buffer {
    const bytes = Buffer.from(old);
    const counted = (text: Buffer): Buffer => {
      const head: number[] = [];
      let left = text.length;
      for (; left >= 0x80; left = Math.floor(left / 128)) head.push((left % 128) | 0x80);
      return Buffer.concat([Buffer.from([...head, left]), text]);
    };
    const around = Buffer.alloc(16, 0x77);
    bytes[mark + 15] = 2;
    counted(Buffer.from(version)).copy(bytes, mark + 32);
    counted(Buffer.concat([around, Buffer.from(modules), around])).copy(bytes, mark + 32 + 1 + version.length);
    return bytes;
  }

  it.each<[string, string[]]>([
    [
      "path\tx\nmod\tex.com/a\tv1.0.0\th1:=\ndep\tex.com/b\tv2.0.0\th1:=\n=>\tex.com/c\tv3.0.0\th1:=\n",
      ["ex.com/a v1.0.0", "ex.com/c v3.0.0"],
    ],
    ["dep\tex.com/b\tv2.0.0\n=>\t/src/b\n", ["ex.com/b (devel)"]],
    ["=>\tex.com/c\tv3.0.0\nbuild\t-compiler=gc\n", ["ex.com/c v3.0.0"]],
    ["dep\t__proto__\tv1.0.0\n", ["__proto__ v1.0.0"]],
  ])("%j", (modules, expected) => {
    const held = read(inline(modules));
    expect(held?.problem).toBeUndefined();
    expect(held?.packages.map(({ name, version }) => `${name} ${version}`)).toEqual(["stdlib 1.22.1", ...expected]);
  });

  it("names modules that have no proper name, and keeps the others", () => {
    const held = read(inline("dep\ta b\tv1\n=>\tex.com/c\tv1.0.0\ndep\tex.com/d\tv1\u0001\ndep\tex.com/e\tv1.0.0\n"));
    expect(held?.problem).toMatch(/^2 of the modules/);
    expect(held?.packages.map(({ name }) => name)).toEqual(["stdlib", "ex.com/c", "ex.com/e"]);
  });

  it.each([
    ["the information is gone", Buffer.from(old).fill(0, mark, mark + 16), /without readable build information/],
    ["the data is cut off", old.subarray(0, mark - 1000), /cut off/],
  ])("says that it cannot tell where %s", (_, bytes, problem) => {
    expect(read(withNote(bytes))?.problem).toMatch(problem);
  });

  /** The note of the Go linker, which the fixture lost with everything that says nothing of modules, where the header says that notes are. */
  function withNote(bytes: Buffer): Buffer {
    const noted = Buffer.from(bytes);
    const note = parseElfHeader((offset, length) => noted.subarray(offset, offset + length))?.segments.find(
      ({ kind }) => kind === "note",
    );
    Buffer.from([4, 0, 0, 0, 83, 0, 0, 0, 4, 0, 0, 0, 0x47, 0x6f, 0, 0]).copy(noted, note?.offset);
    return noted;
  }

  it("never throws and never hangs, whatever is changed", () => {
    const bytes = inline("mod\tex.com/a\tv1.0.0\ndep\tex.com/b\tv2.0.0\n");
    const near = fc.oneof(fc.nat(600), fc.integer({ min: mark, max: mark + 200 }));
    const change = fc.record({ at: near, to: fc.nat(255) });
    fc.assert(
      fc.property(fc.constantFrom(bytes, old), fc.array(change, { minLength: 1, maxLength: 6 }), (whole, changes) => {
        const changed = Buffer.from(whole);
        for (const { at, to } of changes) changed[at] = to;
        void read(changed);
      }),
      { numRuns: 500 },
    );
    for (let end = 0; end < bytes.length; end += 9973) void read(bytes.subarray(0, end));
  });
});
