import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isElf, parseElf, type ReadRange } from "./index.ts";

const program = readFileSync(process.execPath);
const reader =
  (bytes: Uint8Array): ReadRange =>
  (offset, length) =>
    offset + length <= bytes.length ? bytes.subarray(offset, offset + length) : undefined;

/** A shared object of two segments that defines X_1 and X_2 and needs Y_1 of liby.so.1; the weak Y_2 is no need. System V ABI; LSB, Symbol Versioning. */
function madeLibrary(): Buffer {
  const strings = Buffer.from("\0libx.so.1\0X_1\0X_2\0liby.so.1\0Y_1\0Y_2\0");
  const at = (name: string): number => strings.indexOf(`\0${name}\0`) + 1;
  const [headers, dynamic, stringsAt, defined, needed] = [64, 176, 400, 512, 640] as const;
  const bytes = Buffer.alloc(768);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  bytes.writeUInt16LE(3, 16);
  bytes.writeUInt16LE(62, 18);
  bytes.writeUInt32LE(headers, 32);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(2, 56);
  const segment = (index: number, type: number, offset: number, size: number): void => {
    bytes.writeUInt32LE(type, headers + index * 56);
    for (const [place, value] of [
      [8, offset],
      [16, offset],
      [32, size],
      [40, size],
    ] as const)
      bytes.writeUInt32LE(value, headers + index * 56 + place);
  };
  const tags = [
    [1, at("liby.so.1")],
    [14, at("libx.so.1")],
    [5, stringsAt],
    [10, strings.length],
    [0x6ffffffc, defined],
    [0x6ffffffd, 3],
    [0x6ffffffe, needed],
    [0x6fffffff, 1],
    [0, 0],
  ] as const;
  segment(0, 1, 0, bytes.length);
  segment(1, 2, dynamic, tags.length * 16);
  tags.forEach(([tag, value], index) => {
    bytes.writeUInt32LE(tag, dynamic + index * 16);
    bytes.writeUInt32LE(value, dynamic + index * 16 + 8);
  });
  strings.copy(bytes, stringsAt);
  ["libx.so.1", "X_1", "X_2"].forEach((name, index) => {
    const place = defined + index * 28;
    bytes.writeUInt16LE(index === 0 ? 1 : 0, place + 2);
    bytes.writeUInt32LE(20, place + 12);
    bytes.writeUInt32LE(index === 2 ? 0 : 28, place + 16);
    bytes.writeUInt32LE(at(name), place + 20);
  });
  bytes.writeUInt16LE(2, needed + 2);
  bytes.writeUInt32LE(at("liby.so.1"), needed + 4);
  bytes.writeUInt32LE(16, needed + 8);
  for (const [index, name] of ["Y_1", "Y_2"].entries()) {
    const place = needed + 16 + index * 16;
    bytes.writeUInt16LE(index === 1 ? 2 : 0, place + 4);
    bytes.writeUInt32LE(at(name), place + 8);
    bytes.writeUInt32LE(index === 1 ? 0 : 16, place + 12);
  }
  return bytes;
}

describe("symbol versions of an ELF file", () => {
  it("are those that it defines, without its own name, and those that it needs, without weak ones", () => {
    expect(parseElf(reader(madeLibrary()))).toEqual({
      bits: 64,
      machine: 62,
      type: 3,
      soname: "libx.so.1",
      needed: ["liby.so.1"],
      versions: ["X_1", "X_2"],
      versionsNeeded: [["liby.so.1", ["Y_1"]]],
    });
  });

  it.runIf(isElf(program))("are found in a real program", () => {
    const libc = parseElf(reader(program))?.versionsNeeded?.find(([name]) => name === "libc.so.6")?.[1];
    expect(libc).toContain("GLIBC_2.17");
  });

  it("of a damaged file are some or none, soon, and never a crash", () =>
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(767), fc.nat(255)), { maxLength: 12 }), (changes) => {
        const bytes = madeLibrary();
        for (const [at, byte] of changes) bytes[at] = byte;
        const started = performance.now();
        parseElf(reader(bytes));
        expect(performance.now() - started).toBeLessThan(2000);
      }),
      { numRuns: 2000 },
    ));
});
