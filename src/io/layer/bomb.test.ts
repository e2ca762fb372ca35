import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { createHash } from "node:crypto";
import { gunzipSync, gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { makeTar, memberBlocks } from "./testdata/make-tar.ts";
import { memorySource } from "./testdata/memory-source.ts";
import { defaultLayerLimits } from "./limits.ts";
import { readLayer } from "./read-layer.ts";
import { sha256 } from "../../lib/index.ts";

interface Outcome {
  readonly code: string;
  readonly grownMiB: number;
  readonly blobMiB: number;
}

/** Reads one bomb in a process of its own, so that its memory can be told. */
function read(kind: string): Outcome {
  const script = fileURLToPath(new URL("testdata/read-bomb.ts", import.meta.url));
  const { stdout, stderr } = spawnSync(process.execPath, ["--expose-gc", script, kind], { encoding: "utf8" });
  if (stdout === "") throw new Error(stderr);
  return JSON.parse(stdout) as Outcome;
}

describe("a layer that unpacks to 10 GiB", () => {
  it.each(["gzip", "zstd", "zstd-frames"])("is stopped, and memory grows by no more than 64 MiB: %s", (kind) => {
    const { code, grownMiB, blobMiB } = read(kind);
    expect(code).toBe("LAYER_TOO_LARGE");
    expect(blobMiB).toBeLessThan(12);
    expect(grownMiB).toBeLessThan(64);
  });
});

describe("a layer of a million entries", () => {
  it("is a result, and one of a million and one is refused", async () => {
    const limits = { ...defaultLayerLimits, ratio: 10_000 };
    const [block = Buffer.alloc(0)] = memberBlocks({ name: "one" });
    const read = async (count: number) => {
      const group = Buffer.concat(Array.from({ length: 1000 }, () => block));
      const packed = gzipSync(group);
      const rest = gzipSync(Buffer.concat([...Array.from({ length: count % 1000 }, () => block), Buffer.alloc(1024)]));
      const hash = createHash("sha256");
      for (let at = 1000; at <= count; at += 1000) hash.update(group);
      const diffId = `sha256:${hash.update(gunzipSync(rest)).digest("hex")}` as const;
      const source = memorySource();
      const blob = Buffer.concat([...Array.from({ length: Math.floor(count / 1000) }, () => packed), rest]);
      return readLayer(source, source.put(blob, "application/vnd.oci.image.layer.v1.tar+gzip"), { diffId, limits });
    };
    expect((await read(1_000_000)).entries).toHaveLength(1_000_000);
    await expect(read(1_000_001)).rejects.toMatchObject({ code: "LAYER_TOO_LARGE" });
  });
});

describe("a zstd layer", () => {
  it("of ten thousand frames, with skippable ones between, is read whole", async () => {
    const tar = makeTar(Array.from({ length: 3000 }, (_, at) => ({ name: `f${at}`, body: `${at}` })));
    const skippable = Buffer.concat([Buffer.from([0x50, 0x2a, 0x4d, 0x18, 5, 0, 0, 0]), Buffer.from("hello")]);
    const frames: Buffer[] = [skippable];
    for (let at = 0; at < tar.length; at += 300) frames.push(zstdCompressSync(tar.subarray(at, at + 300)), skippable);
    const source = memorySource();
    const descriptor = source.put(Buffer.concat(frames), "application/vnd.oci.image.layer.v1.tar+zstd");
    const facts = await readLayer(source, descriptor, { diffId: sha256(tar) });
    expect(facts.entries).toHaveLength(3000);
    expect(facts.entries[2999]?.sha256).toBe(createHash("sha256").update("2999").digest("hex"));
  });
});
