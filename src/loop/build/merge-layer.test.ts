import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { TarParser } from "../../core/layer/index.ts";
import { sha256 } from "../../lib/index.ts";
import { createMergeLayerPacker } from "./merge-layer.ts";

const owner = { mode: 0o644, uid: 0, gid: 0 };
const shared = Buffer.from("Package: x\n\n".repeat(10_000));

describe("a packed merge layer", () => {
  it.each([0, 1, 511, 512, 513, 70_000])("unpacks to what it was made of, with a file of %i bytes", async (size) => {
    const own = Buffer.alloc(size, "o");
    const layer = {
      folders: [
        { path: "var", ...owner, mode: 0o755 },
        { path: "var/x", ...owner, mode: 0o700 },
      ],
      whiteouts: ["var/x/gone", "top"],
      files: [
        { path: "var/x/a", ...owner, pieces: [shared, own] },
        { path: "var/x/b", ...owner, uid: 7, pieces: [own] },
      ],
    };
    const pack = createMergeLayerPacker();
    const packed = await pack(layer);
    const tar = gunzipSync(packed.bytes);
    expect(sha256(tar)).toBe(packed.diffId);
    expect(sha256(packed.bytes)).toBe(packed.descriptor.digest);
    const seen: [string, string, number][] = [];
    const parser = new TarParser(
      {
        begin: (header) => void seen.push([header.path, header.flag, header.size]),
        data: () => undefined,
        end: () => undefined,
      },
      "a layer",
    );
    parser.push(tar);
    parser.finish();
    expect(seen).toEqual([
      ["var/", "5", 0],
      ["var/x/", "5", 0],
      ["var/x/.wh.gone", "0", 0],
      [".wh.top", "0", 0],
      ["var/x/a", "0", shared.length + size],
      ["var/x/b", "0", size],
    ]);
    expect((await pack(layer)).bytes).toEqual(packed.bytes);
    expect((await createMergeLayerPacker()(layer)).bytes).toEqual(packed.bytes);
  });
});
