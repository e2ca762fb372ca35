import { readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseIndex, type ImageSink } from "../../core/image/index.ts";
import type { PackageRecord } from "../../core/packages/index.ts";
import type { AssembledImage } from "./index.ts";
import { createMill, flatten, largeSize, noSink, putFleet, requestOf, type Mill } from "./testdata/mill.ts";

let mill: Mill;
beforeEach(async () => {
  mill = await createMill();
});
afterEach(() => mill.remove());

const digestsOf = ({ platforms }: AssembledImage): string[] =>
  (platforms[0]?.layers ?? []).map(({ descriptor }) => descriptor.digest);

async function cacheFiles(kind: "packages" | "layers"): Promise<string[]> {
  const all = await readdir(join(mill.cacheDir, kind), { recursive: true, withFileTypes: true });
  return all.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name));
}

describe("the digest of an image", () => {
  it("is the same with the cache, without it, after its loss, and in any order of the packages", async () => {
    const packages = await putFleet(mill);
    const assembler = mill.assembler();
    const first = await assembler.assemble(requestOf(packages), mill.layout);
    const again = await assembler.assemble(requestOf(packages.toReversed()), mill.layout);
    expect(again.digest).toBe(first.digest);
    const fresh = await mill.assembler().assemble(requestOf(packages), mill.layout);
    expect(fresh).toMatchObject({ digest: first.digest, bytesUploaded: 0 });
    expect(mill.fetched.toSorted()).toEqual(["alpha", "beta", "big", "delta", "gamma"]);
    await rm(mill.cacheDir, { recursive: true });
    expect((await mill.assembler().assemble(requestOf(packages), mill.layout)).digest).toBe(first.digest);
    expect(mill.fetched).toHaveLength(10);
  });

  it("says when the newest entry was made, and no other time", async () => {
    const packages = await Promise.all([
      mill.put({ name: "old", version: "1", mtime: 1_600_000_000, entries: [{ path: "etc/old", content: "" }] }),
      mill.put({ name: "new", version: "1", mtime: 1_700_000_001, entries: [{ path: "etc/new", content: "" }] }),
    ]);
    const { digest } = await mill.assembler().assemble(requestOf(packages), mill.layout);
    expect((await mill.read(digest)).config.created).toBe("2023-11-14T22:13:21Z");
    const none = await mill.assembler().assemble(requestOf([]), mill.layout);
    expect((await mill.read(none.digest)).config.created).toBe("2000-01-01T00:00:00Z");
  });

  it("changes with what the image runs and says of itself, and no layer does", async () => {
    const packages = await putFleet(mill);
    const assembler = mill.assembler();
    const plain = await assembler.assemble(requestOf(packages), mill.layout);
    const change = { run: { entrypoint: ["/usr/bin/alpha"], user: "1000" }, annotations: { "org.example": "x" } };
    const other = await assembler.assemble(requestOf(packages, change), mill.layout);
    expect(other.digest).not.toBe(plain.digest);
    expect(digestsOf(other)).toEqual(digestsOf(plain));
    expect((await mill.read(other.digest)).config.config).toMatchObject({
      Entrypoint: ["/usr/bin/alpha"],
      User: "1000",
    });
  });
});

describe("a patch", () => {
  it("of a package with a layer of its own changes that layer and no other", async () => {
    const [alpha, beta, gamma, delta, big] = (await putFleet(mill)) as [PackageRecord, ...PackageRecord[]] & {
      4: PackageRecord;
    };
    const others = [alpha, beta, gamma, delta].filter((each) => each !== undefined);
    const patched = await mill.put({
      name: "big",
      version: "1-2",
      size: largeSize,
      entries: [{ path: "usr/lib/big", content: "fixed" }],
    });
    const assembler = mill.assembler();
    const before = await assembler.assemble(requestOf([...others, big]), mill.layout);
    const after = await assembler.assemble(requestOf([...others, patched]), mill.layout);
    const changed =
      after.platforms[0]?.layers.filter(({ descriptor }) => !digestsOf(before).includes(descriptor.digest)) ?? [];
    expect(changed).toMatchObject([{ packages: ["big"], history: "tidemill: big 1-2" }]);
    expect(after.bytesUploaded).toBeLessThan((changed[0]?.descriptor.size ?? 0) + 5000);
  });

  it("of a small package changes the layer that it shares, and dpkg's database where dpkg is", async () => {
    const packages = await putFleet(mill);
    const dpkg = await mill.put({
      name: "dpkg",
      version: "1",
      size: largeSize,
      entries: [{ path: "usr/bin/dpkg", content: "" }],
    });
    const patched = await mill.put({
      name: "alpha",
      version: "1-2",
      entries: [{ path: "usr/bin/alpha", content: "alpha 2" }],
    });
    const assembler = mill.assembler();
    const next = packages.map((each) => (each.name === "alpha" ? patched : each));
    for (const [more, expected] of [
      [[], 1],
      [[dpkg], 2],
    ] as const) {
      const before = await assembler.assemble(requestOf([...packages, ...more]), mill.layout);
      const after = await assembler.assemble(requestOf([...next, ...more]), mill.layout);
      const changed =
        after.platforms[0]?.layers.filter(({ descriptor }) => !digestsOf(before).includes(descriptor.digest)) ?? [];
      expect(changed).toHaveLength(expected);
      expect(changed[0]?.packages).toContain("alpha");
      expect(changed[0]?.packages).not.toContain("big");
    }
  });
});

describe("a child", () => {
  it("has the package layers of its parent and adds its own", async () => {
    const packages = await putFleet(mill);
    const more = await mill.put({
      name: "epsilon",
      version: "1",
      fields: { Source: "alpha" },
      entries: [{ path: "usr/bin/epsilon", content: "e" }],
    });
    const assembler = mill.assembler();
    const parent = await assembler.assemble(requestOf(packages), mill.layout);
    const child = await assembler.assemble(
      requestOf([...packages, more], { lineage: [packages.map(({ name }) => name)] }),
      mill.layout,
    );
    const shared = parent.platforms[0]?.layers.filter((layer) => layer.packages.length > 0) ?? [];
    expect(child.platforms[0]?.layers.slice(0, shared.length)).toEqual(shared);
    expect(child.platforms[0]?.layers[shared.length]?.packages).toEqual(["epsilon"]);
  });
});

describe("the cache", () => {
  const damages: [string, (path: string) => Promise<void>][] = [
    ["cut off", (path) => truncate(path, 100)],
    ["empty", (path) => truncate(path, 0)],
    ["longer", (path) => writeFile(path, "x", { flag: "a" })],
    ["changed at its end", (path) => flip(path, -1)],
    ["changed in its middle", (path) => flip(path, -120)],
    ["changed at its start", (path) => flip(path, 20)],
    ["gone", (path) => rm(path)],
  ];
  it.each(damages)("is made again where its files are %s", async (_, damage) => {
    const packages = await putFleet(mill);
    const running = mill.assembler();
    const first = await running.assemble(requestOf(packages), mill.layout);
    for (const [assembler, kinds] of [
      [running, ["packages"]],
      [mill.assembler(), ["packages", "layers"]],
      [mill.assembler(), ["layers"]],
    ] as const) {
      for (const kind of kinds) for (const path of await cacheFiles(kind)) await damage(path);
      const other = await createMill();
      const again = await assembler.assemble(requestOf(packages), other.layout);
      expect(again.digest).toBe(first.digest);
      // Reading all of it checks every digest.
      await other.read(again.digest);
      await other.remove();
    }
  });

  it("is not read where the sink has everything", async () => {
    const packages = await putFleet(mill);
    const first = await mill.assembler().assemble(requestOf(packages), mill.layout);
    expect(first.bytesUploaded).toBe(first.bytes);
    // A look at these bytes would have them converted again.
    for (const path of await cacheFiles("packages")) await flip(path, -1);
    const asked = mill.fetched.length;
    const again = await mill.assembler().assemble(requestOf(packages), mill.layout);
    expect(again).toMatchObject({ digest: first.digest, bytesUploaded: 0, bytes: first.bytes });
    expect(mill.fetched).toHaveLength(asked);
  });
});

describe("images that are assembled at the same time", () => {
  it("have each package converted once, and put no manifest where a blob failed", async () => {
    const packages = await putFleet(mill);
    const assembler = mill.assembler();
    const manifests: string[] = [];
    const failing: ImageSink = {
      name: "failing",
      putBlob: (_, open) => drain(open(), 3),
      putManifest: ({ digest }) => Promise.resolve(void manifests.push(digest)),
    };
    const [one, two, refused] = await Promise.allSettled([
      assembler.assemble(requestOf(packages), mill.layout),
      assembler.assemble(requestOf(packages, { run: { cmd: ["x"] } }), mill.layout),
      assembler.assemble(requestOf(packages), failing),
    ]);
    expect([one.status, two.status, refused.status]).toEqual(["fulfilled", "fulfilled", "rejected"]);
    expect(mill.fetched).toHaveLength(packages.length);
    expect(manifests).toEqual([]);
  });
});

describe("several platforms", () => {
  it("stand in an index, and share what is of no architecture", async () => {
    const [all, here, there] = await Promise.all([
      mill.put({
        name: "data",
        version: "1",
        architecture: "all",
        size: largeSize,
        entries: [{ path: "usr/share/data", content: "d" }],
      }),
      mill.put({ name: "tool", version: "1", entries: [{ path: "usr/bin/tool", content: "amd64" }] }),
      mill.put({
        name: "tool",
        version: "1",
        architecture: "arm64",
        entries: [{ path: "usr/bin/tool", content: "arm64" }],
      }),
    ]);
    const platforms = (
      [
        ["amd64", here],
        ["arm64", there],
      ] as const
    ).map(([architecture, tool]) => ({
      platform: { os: "linux", architecture },
      packages: [all, tool],
      lineage: [],
    }));
    const image = await mill.assembler().assemble(requestOf([], { platforms, annotations: { a: "b" } }), mill.layout);
    const index = parseIndex((await mill.layout.manifest(image.digest))?.bytes ?? Buffer.alloc(0));
    expect(index.manifests.map(({ digest }) => digest)).toEqual(image.platforms.map(({ digest }) => digest));
    expect(index.annotations).toMatchObject({ a: "b", "org.opencontainers.image.created": "2023-11-14T22:13:20Z" });
    const [one, two] = image.platforms.map(({ layers }) => layers.map(({ descriptor }) => descriptor.digest));
    expect(one?.filter((digest) => two?.includes(digest)).length).toBeGreaterThan(0);
    const tools = await Promise.all(
      image.platforms.map(async ({ digest }) => flatten((await mill.read(digest)).layers).get("usr/bin/tool")?.text),
    );
    expect(tools).toEqual(["amd64", "arm64"]);
    await expect(mill.assembler().assemble(requestOf([], { platforms: [] }), noSink)).rejects.toMatchObject({
      code: "BAD_REQUEST",
    });
  });
});

it("ends when it is told to", async () => {
  const reason = new Error("stop");
  const work = mill
    .assembler()
    .assemble(requestOf(await putFleet(mill)), noSink, { signal: AbortSignal.abort(reason) });
  await expect(work).rejects.toBe(reason);
});

/** Takes some pieces, then fails, as a connection does that breaks. */
async function drain(source: AsyncIterable<Uint8Array>, pieces: number): Promise<number> {
  let seen = 0;
  for await (const _ of source) if (++seen === pieces) break;
  throw new Error("the connection broke");
}

async function flip(path: string, at: number): Promise<void> {
  const bytes = await readFile(path);
  const place = at < 0 ? bytes.length + at : at;
  bytes[place] = (bytes[place] ?? 0) ^ 0x40;
  await writeFile(path, bytes);
}
