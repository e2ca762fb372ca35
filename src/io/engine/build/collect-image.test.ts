import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { pack, type Header } from "tar-stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { collectBytes, sha256, type Digest } from "../../../lib/index.ts";
import { createCollector, type CollectOptions } from "./collect-image.ts";
import { unpackArchive } from "./unpack-archive.ts";

const platform = { os: "linux", architecture: "amd64" };
const none: CollectOptions = { annotations: {}, epoch: undefined, known: new Map(), needles: [], limit: 2 ** 30 };
let dir: string;
let count = 0;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "tidemill-collect-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

type Member = Partial<Header> & { name: string } & { content?: string | Buffer };

async function tarOf(members: readonly Member[]): Promise<Buffer> {
  const tar = pack();
  for (const { content, ...header } of members) tar.entry(header, content ?? "");
  tar.finalize();
  return collectBytes(tar as AsyncIterable<Uint8Array>, 2 ** 28, "a test's archive");
}

const layer = (name: string, content: string | Buffer): Promise<Buffer> =>
  tarOf([{ name, content, mtime: new Date(0) }]);
const configOf = (layers: readonly Buffer[], change: object = {}): string =>
  JSON.stringify({
    os: "linux",
    architecture: "amd64",
    config: {},
    rootfs: { type: "layers", diff_ids: layers.map((each) => sha256(each)) },
    ...change,
  });

/** What `docker save` writes. */
async function saved(layers: readonly Buffer[], config = configOf(layers)): Promise<Member[]> {
  return [
    ...layers.map((content, at) => ({ name: `l${at}/layer.tar`, content })),
    { name: "c.json", content: config },
    {
      name: "manifest.json",
      content: JSON.stringify([{ Config: "c.json", Layers: layers.map((_, at) => `l${at}/layer.tar`) }]),
    },
  ];
}

async function collect(
  members: readonly Member[] | Buffer,
  change: Partial<CollectOptions> & { readonly archiveLimit?: number } = {},
) {
  count += 1;
  const folder = join(dir, String(count));
  await mkdir(join(folder, "archive"), { recursive: true });
  const bytes = Buffer.isBuffer(members) ? members : await tarOf(members);
  const archive = await unpackArchive(Readable.from([bytes]), join(folder, "archive"), change.archiveLimit ?? 2 ** 30);
  const collector = await createCollector(join(folder, "layout"), { ...none, ...change });
  const root = await collector.finish([await collector.add(archive, platform)]);
  const manifest = JSON.parse(await readFile(join(folder, "layout/blobs/sha256", root.digest.slice(7)), "utf8")) as {
    layers: { digest: Digest; mediaType: string }[];
  };
  return { collector, manifest, root, blobs: await readdir(join(folder, "layout/blobs/sha256")) };
}

describe("an engine's archive", () => {
  it("of docker's kind becomes a layout with compressed layers, each once", async () => {
    const [a, b] = [await layer("a", "one"), await layer("b", "two")];
    const members = await saved([a, b, a]);
    const linked = members.map((each) =>
      each.name === "l2/layer.tar" ? { name: each.name, type: "symlink" as const, linkname: "../l0/layer.tar" } : each,
    );
    const { manifest, blobs, collector } = await collect(linked);
    expect(manifest.layers[0]).toEqual(manifest.layers[2]);
    expect(manifest.layers.every(({ mediaType }) => mediaType.endsWith("tar+gzip"))).toBe(true);
    expect(blobs).toHaveLength(4);
    expect(collector.borrowed()).toEqual([]);
  });

  it("of OCI's kind keeps layers as they are compressed; statements about the build are not taken for it", async () => {
    const plain = await layer("a", "one");
    const packed = gzipSync(plain);
    const config = Buffer.from(configOf([plain]));
    const descriptor = (bytes: Buffer): object => ({ digest: sha256(bytes), size: bytes.length });
    const manifest = Buffer.from(JSON.stringify({ config: descriptor(config), layers: [descriptor(packed)] }));
    const blob = (content: Buffer): Member => ({ name: `blobs/sha256/${sha256(content).slice(7)}`, content });
    const index = {
      manifests: [
        { digest: sha256("statement"), platform: { os: "unknown", architecture: "unknown" } },
        descriptor(manifest),
      ],
    };
    const found = await collect([
      blob(config),
      blob(packed),
      blob(manifest),
      { name: "index.json", content: JSON.stringify(index) },
    ]);
    expect(found.manifest.layers.map(({ digest }) => digest)).toEqual([sha256(packed)]);
  });

  it("says of an index of several platforms what it says of each, and of the layout nothing", async () => {
    const plain = await layer("a", "one");
    const folder = join(dir, "annotated");
    await mkdir(join(folder, "archive"), { recursive: true });
    const members = await saved([plain]);
    const annotations = { "org.opencontainers.image.revision": "0123" };
    const collector = await createCollector(join(folder, "layout"), { ...none, annotations });
    const archive = await unpackArchive(Readable.from([await tarOf(members)]), join(folder, "archive"), 2 ** 30);
    const one = await collector.add(archive, platform);
    const root = await collector.finish([one, { ...one, platform: { ...platform, variant: "v2" } }]);
    const read = async (path: string): Promise<{ annotations?: unknown }> =>
      JSON.parse(await readFile(join(folder, "layout", path), "utf8")) as { annotations?: unknown };
    for (const { digest } of [root, one])
      expect((await read(`blobs/sha256/${digest.slice(7)}`)).annotations).toEqual(annotations);
    expect((await read("index.json")).annotations).toBeUndefined();
  });

  it("names layers that are known as their registry does, and does not keep them", async () => {
    const [base, own] = [await layer("a", "base"), await layer("b", "own")];
    const known = {
      mediaType: "application/vnd.docker.image.rootfs.diff.tar.gzip",
      digest: sha256("elsewhere"),
      size: 77,
    };
    const { manifest, collector, blobs } = await collect(await saved([base, own]), {
      known: new Map([[sha256(base), known]]),
    });
    expect(manifest.layers[0]).toEqual({
      mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
      digest: known.digest,
      size: 77,
    });
    expect(collector.borrowed()).toEqual([known]);
    expect(blobs).not.toContain(known.digest.slice(7));
  });

  it("gives the same digest twice", async () => {
    const members = await saved([await layer("a", randomBytes(100_000))]);
    expect((await collect(members)).root).toEqual((await collect(members)).root);
  });
});

describe("a hostile archive", () => {
  it.each<[string, () => Promise<Member[]>, string]>([
    ["without a manifest", async () => [{ name: "x", content: "y" }], "BAD_RESULT"],
    ["whose manifest is no JSON", async () => [{ name: "manifest.json", content: "{" }], "BAD_RESULT"],
    ["whose manifest is another document", async () => [{ name: "manifest.json", content: "[null]" }], "BAD_RESULT"],
    [
      "whose config is missing",
      async () => [{ name: "manifest.json", content: '[{"Config":"nothing","Layers":[]}]' }],
      "BAD_RESULT",
    ],
    ["whose config is broken", async () => saved([], "[]"), "BAD_RESULT"],
    [
      "whose layer is another",
      async () => saved([await layer("a", "x")], configOf([await layer("a", "y")])),
      "BAD_RESULT",
    ],
    [
      "whose packed layer is another",
      async () => saved([gzipSync(await layer("a", "x"))], configOf([await layer("a", "y")])),
      "BAD_RESULT",
    ],
    [
      "whose packed layer is torn",
      async () =>
        saved([gzipSync(await layer("a", randomBytes(9999))).subarray(0, 5000)], configOf([Buffer.from("y")])),
      "BAD_RESULT",
    ],
    ["with too few layers", async () => saved([], configOf([await layer("a", "y")])), "BAD_RESULT"],
    [
      "whose links go round",
      async () => [
        { name: "manifest.json", type: "symlink", linkname: "a" },
        { name: "a", type: "symlink", linkname: "manifest.json" },
      ],
      "BAD_RESULT",
    ],
    ["of too many files", async () => Array.from({ length: 5001 }, (_, at) => ({ name: String(at) })), "BAD_RESULT"],
    [
      "with a layer that is a bomb",
      async () => saved([gzipSync(Buffer.alloc(50_000_000))], configOf([Buffer.alloc(50_000_000)])),
      "DISK_FULL",
    ],
  ])("%s is refused", async (_, members, code) => {
    await expect(collect(await members(), { limit: 10_000_000 })).rejects.toMatchObject({ name: "BuildError", code });
  });

  it("that is larger than it may be, no archive at all, or cut off, is refused", async () => {
    const members = await saved([await layer("a", randomBytes(1_000_000))]);
    await expect(collect(members, { archiveLimit: 100_000 })).rejects.toMatchObject({ code: "DISK_FULL" });
    await expect(collect(randomBytes(100_000))).rejects.toMatchObject({ code: "BAD_RESULT" });
    await expect(collect((await tarOf(members)).subarray(0, 500_000))).rejects.toMatchObject({ code: "BAD_RESULT" });
  });

  it("writes nowhere but in its folder, whatever its names are", async () => {
    const members = [
      { name: "../../escaped", content: "x" },
      { name: "/tmp/tidemill-escaped", content: "x" },
      ...(await saved([await layer("a", "b")])),
    ];
    await collect(members);
    expect((await readdir(dir)).filter((name) => name.includes("escaped"))).toEqual([]);
    expect((await readdir(tmpdir())).filter((name) => name === "tidemill-escaped")).toEqual([]);
  });
});

describe("a secret in an image", () => {
  const needles = [{ id: "token", bytes: Buffer.from('s3cret"token') }];
  it.each<[string, () => Promise<Member[]>]>([
    ["a layer", async () => saved([await layer("a", 'xs3cret"tokeny')])],
    [
      "a packed layer, between two pieces",
      async () => {
        const plain = await layer(
          "a",
          Buffer.concat([Buffer.alloc(65_530, "x"), Buffer.from('s3cret"token'), Buffer.alloc(100_000)]),
        );
        return saved([gzipSync(plain)], configOf([plain]));
      },
    ],
    ["the name of a file", async () => saved([await layer('dir/s3cret"token', "")])],
    ["the config", async () => saved([], configOf([], { config: { Env: ['TOKEN=s3cret"token'] } }))],
    [
      "the history",
      async () => saved([], configOf([], { history: [{ created_by: '|1 TOKEN=s3cret"token sh', empty_layer: true }] })),
    ],
  ])("is found in %s", async (_, members) => {
    await expect(collect(await members(), { needles })).rejects.toMatchObject({
      code: "SECRET_LEAKED",
      message: expect.stringContaining("the secret token") as string,
    });
  });
});
