import { crc32, gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { pack, type Packing } from "../../../test/fakes/make-deb.ts";
import { unpack } from "./unpack.ts";
import { xzUnpackedSize } from "./xz-size.ts";

/** 1 MiB of zeros as `xz -6` packs them: 280 bytes, and 2 MiB in two blocks (`xz -0 --block-size=1MiB`). */
const zeros = Buffer.from(
  "/Td6WFoAAAFpIt42AgAhARYAAAB0L+Wj7///ANldAABv/f//o7f/Rz5IFXI5YVG4kijmo4YH+e7kHoLTL8U6PAFLsX7JiopNL6MN2X+m44wjEVPgWRjFdYrid/i2lH8MasDedElk4ulcU7IE2PdEDKtfDW1G6eXDdoi3llestk3haR1v+0uIEGxCy4g/XACP0E6vJiiUcR89jyThcJ6nI1/sKMuF0ZWYin4qkfIndfcZwAaYTZj92K/VkA/EJVP49ZE2MQWlsO5vwXBNRwzRkRGqrWAdus6xJxhcWYbpZlJYvul2rFnk5VsFCPnH2q38+1Iq9+SVJQAAAAAAHOo4pwAB8QGAgEAAb9Xu3D4wDYsCAAAAAAFZWg==",
  "base64",
);
const blocks = Buffer.from(
  "/Td6WFoAAAFpIt42AgAhAQwAAACPmEGc7///ANldAABv/f//o7f/Rz5IFXI5YVG4kijmo4YH+e7kHoLTL8U6PAFLsX7JiopNL6MN2X+m44wjEVPgWRjFdYrid/i2lH8MasDedElk4ulcU7IE2PdEDKtfDW1G6eXDdoi3llestk3haR1v+0uIEGxCy4g/XACP0E6vJiiUcR89jyThcJ6nI1/sKMuF0ZWYin4qkfIndfcZwAaYTZj92K/VkA/EJVP49ZE2MQWlsO5vwXBNRwzRkRGqrWAdus6xJxhcWYbpZlJYvul2rFnk5VsFCPnH2q38+1Iq9+SVJQAAAAAAHOo4pwIAIQEMAAAAj5hBnO///wDZXQAAb/3//6O3/0c+SBVyOWFRuJIo5qOGB/nu5B6C0y/FOjwBS7F+yYqKTS+jDdl/puOMIxFT4FkYxXWK4nf4tpR/DGrA3nRJZOLpXFOyBNj3RAyrXw1tRunlw3aIt5ZXrLZN4Wkdb/tLiBBsQsuIP1wAj9BOryYolHEfPY8k4XCepyNf7CjLhdGVmIp+KpHyJ3X3GcAGmE2Y/div1ZAPxCVT+PWRNjEFpbDub8FwTUcM0ZERqq1gHbrOsScYXFmG6WZSWL7pdqxZ5OVbBQj5x9qt/PtSKvfklSUAAAAAABzqOKcAAvEBgIBA8QGAgEDdNbt+m+NRQAMAAAAAAVla",
  "base64",
);
const mebibyte = 1_048_576;

describe("unpack", () => {
  it.each<Packing>(["xz", "gz", "zst", "none"])("gives back what was packed as %s", async (packing) => {
    const text = Buffer.from("Package: lamp\n".repeat(1000));
    expect((await unpack(await pack(text, packing), packing, text.length, "it")).equals(text)).toBe(true);
  });

  it("reads what the xz program packs, in several blocks too", async () => {
    expect((await unpack(zeros, "xz", mebibyte, "it")).equals(Buffer.alloc(mebibyte))).toBe(true);
    expect((await unpack(blocks, "xz", 2 * mebibyte, "it")).equals(Buffer.alloc(2 * mebibyte))).toBe(true);
  });

  it.each<[string, Packing, Buffer]>([
    ["xz", "xz", zeros],
    ["xz of several blocks", "xz", blocks],
    ["gzip", "gz", gzipSync(Buffer.alloc(mebibyte))],
    ["zstd", "zst", zstdCompressSync(Buffer.alloc(mebibyte))],
    ["nothing", "none", Buffer.alloc(mebibyte)],
  ])("stops a bomb of %s at the limit", async (_name, packing, bytes) => {
    await expect(unpack(bytes, packing, mebibyte - 1, "the index")).rejects.toMatchObject({
      code: "TOO_LARGE",
      message: expect.stringContaining("the index") as string,
    });
  });

  it("does not believe an xz file about its size", async () => {
    const lying = Buffer.from(zeros);
    // The index, eight bytes before its checksum and the footer: one block, which it now says to have 16,385 bytes.
    lying.set([0x81, 0x80, 0x01], lying.length - 20);
    lying.writeUInt32LE(crc32(lying.subarray(-24, -16)), lying.length - 16);
    await expect(unpack(lying, "xz", mebibyte - 1, "it")).rejects.toMatchObject({ code: "TOO_LARGE" });
    expect(xzUnpackedSize(lying, 10 * mebibyte)).toBe(mebibyte);
  });

  it.each<[string, Packing, (bytes: Buffer) => Buffer]>([
    ["xz that is cut", "xz", (bytes) => bytes.subarray(0, bytes.length - 40)],
    ["xz that is cut within a block", "xz", (bytes) => bytes.subarray(0, 60)],
    ["xz with bytes after its end", "xz", (bytes) => Buffer.concat([bytes, Buffer.from("more")])],
    ["xz with a changed byte", "xz", (bytes) => flip(bytes, 40)],
    ["gzip that is cut", "gz", (bytes) => bytes.subarray(0, bytes.length - 4)],
    ["zstd that is cut", "zst", (bytes) => bytes.subarray(0, bytes.length - 4)],
    ["xz that is none", "xz", () => Buffer.from("not packed at all, and long enough to be looked at")],
    ["gzip that is none", "gz", () => Buffer.from("not packed at all")],
    ["nothing where xz should be", "xz", () => Buffer.alloc(0)],
  ])("refuses %s", async (_name, packing, change) => {
    const whole = packing === "xz" ? zeros : await pack(Buffer.from("text ".repeat(1000)), packing);
    await expect(unpack(change(whole), packing, 10 * mebibyte, "the index")).rejects.toMatchObject({
      code: "BAD_INDEX",
      message: expect.stringContaining("the index") as string,
    });
  });
});

function flip(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 0xff;
  return copy;
}
