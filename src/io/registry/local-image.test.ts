import { execFileSync } from "node:child_process";
import { open, readdir, readFile, rename, symlink, truncate, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { mediaTypes } from "../../core/image/index.ts";
import { digestHex, sha256, type Digest } from "../../lib/index.ts";
import {
  copyImage,
  createRegistryClient,
  openDockerArchive,
  openImage,
  openLayout,
  writeDockerArchive,
  type Layout,
} from "./index.ts";
import {
  makeArtifact,
  makeBlob,
  makeFolder,
  makeImage,
  makeIndex,
  once,
  pushImage,
  readAll,
  type MadeImage,
} from "./testdata/make-image.ts";

let folder: Awaited<ReturnType<typeof makeFolder>>;
let image: MadeImage;
beforeEach(async () => {
  folder = await makeFolder();
  image = await makeImage(["one", "two"]);
});
afterEach(() => folder.remove());

const coded = expect.objectContaining({ code: expect.any(String) });
const fileOf = (digest: Digest): string => folder.path("layout", "blobs", "sha256", digestHex(digest));

async function makeLayout(): Promise<Layout> {
  const layout = await openLayout(folder.path("layout"), { create: true });
  await pushImage(layout, image, "1");
  return layout;
}

describe("an OCI layout", () => {
  it("keeps images and moves tags, also for who opens it anew", async () => {
    const layout = await makeLayout();
    const other = await makeImage(["other"]);
    await pushImage(layout, other, "1");
    await Promise.all(["a", "b", "c", "d"].map((tag) => layout.putManifest(image.manifest, tag)));
    const again = await openLayout(folder.path("layout"));
    expect(await again.tags()).toEqual(["1", "a", "b", "c", "d"]);
    expect((await again.resolve("1"))?.digest).toBe(other.manifest.digest);
    expect(await again.manifest("a")).toEqual(image.manifest);
    for (const { descriptor, bytes } of image.blobs) expect(await readAll(again.blob(descriptor))).toEqual(bytes);
  });

  it("takes no blob of other bytes, and leaves nothing of it", async () => {
    const layout = await makeLayout();
    const blob = makeBlob("right");
    for (const bytes of ["wrong", "short"[0] ?? "", "much longer"]) {
      await expect(layout.putBlob(blob.descriptor, () => once(Buffer.from(bytes)))).rejects.toEqual(coded);
    }
    expect(await readdir(folder.path("layout", "blobs", "sha256"))).toHaveLength(4);
  });

  it.each<[string, () => Promise<unknown>, RegExp]>([
    ["altered", () => writeFile(fileOf(layer().digest), Buffer.alloc(layer().size)), /WRONG_BYTES/],
    ["cut off", () => truncate(fileOf(layer().digest), 3), /WRONG_SIZE/],
    ["a link", () => linkAway(fileOf(layer().digest)), /BAD_LAYOUT/],
    ["gone", () => rename(fileOf(layer().digest), folder.path("gone")), /BLOB_UNKNOWN/],
  ])("refuses a blob that is %s", async (_, damage, code) => {
    const layout = await makeLayout();
    await damage();
    await expect(readAll(layout.blob(layer()))).rejects.toMatchObject({ code: expect.stringMatching(code) });
  });

  it.each<[string, string, string | Buffer]>([
    ["without its marker", "oci-layout", ""],
    ["of another version", "oci-layout", '{"imageLayoutVersion":"2.0.0"}'],
    ["whose index is no JSON", "index.json", "{"],
    ["whose index is larger than 4 MiB", "index.json", Buffer.alloc(4 * 2 ** 20 + 1, 0x20)],
    ["whose index names a path", "index.json", indexOf("sha256:../../../../etc/passwd")],
    ["whose index names no digest", "index.json", indexOf("latest")],
  ])("%s: refused", async (_, name, content) => {
    await makeLayout();
    await writeFile(folder.path("layout", name), content);
    const reading = openLayout(folder.path("layout")).then((layout) => layout.manifest("1"));
    await expect(reading).rejects.toEqual(coded);
  });

  it("that is a link to a manifest elsewhere: refused", async () => {
    const layout = await makeLayout();
    await linkAway(fileOf(image.manifest.digest));
    await expect(layout.manifest("1")).rejects.toMatchObject({ code: "BAD_LAYOUT" });
  });
});

describe("a docker archive", () => {
  const archive = (): string => folder.path("image.tar");

  async function write(): Promise<Buffer> {
    const arm = await makeImage(["arm"], "arm64");
    const writer = writeDockerArchive(archive(), "localhost/app");
    await pushImage(writer, image, "1");
    await pushImage(writer, arm);
    await writer.putManifest(makeIndex({ amd64: image, arm64: arm }), "multi");
    await pushImage(writer, makeArtifact(image.manifest, "application/x-signature", "signed"));
    await writer.finish();
    return readFile(archive());
  }

  it("that we wrote gives back every digest, plain or compressed", async () => {
    const bytes = await write();
    await writeFile(folder.path("image.tar.gz"), gzipSync(bytes));
    for (const path of [archive(), folder.path("image.tar.gz")]) {
      const opened = await openDockerArchive(path);
      expect(opened.tags).toEqual(["localhost/app:1"]);
      expect(await opened.manifest("1")).toEqual(image.manifest);
      const target = await openLayout(`${path}.layout`, { create: true });
      expect(await copyImage(opened, "multi", target, { tag: "multi" })).toMatchObject({ manifests: 3 });
      await opened.close();
    }
    expect((await readdir(folder.path())).filter((name) => name.endsWith(".part"))).toEqual([]);
  });

  it("that is given up does not exist", async () => {
    const writer = writeDockerArchive(archive(), "localhost/app");
    await pushImage(writer, image, "1");
    await writer.abort();
    expect(await readdir(folder.path())).toEqual([]);
  });

  it("that is given up while its file is being opened is removed after that", async () => {
    const part = `${archive()}.part`;
    // Opening a pipe to write lasts until somebody reads it.
    execFileSync("mkfifo", [part]);
    const given = writeDockerArchive(archive(), "localhost/app").abort();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await readdir(folder.path())).toEqual(["image.tar.part"]);
    const reader = await open(part, "r");
    await given;
    await reader.close();
    expect(await readdir(folder.path())).toEqual([]);
  });

  it("whose file cannot be made is given up without waiting", async () => {
    await writeDockerArchive(folder.path("absent/image.tar"), "localhost/app").abort();
    expect(await readdir(folder.path())).toEqual([]);
  });

  it("of the older format gets a manifest of its config and plain layers", async () => {
    const [config] = image.blobs;
    const layers = image.blobs.slice(1).map((_, n) => `${n}/layer.tar`);
    const plain = await Promise.all(["one", "two"].map(plainTar));
    const saved = (names: readonly string[]): string =>
      JSON.stringify([{ Config: "config.json", RepoTags: ["app:1"], Layers: names }]);
    const make = (names: readonly string[], first: Buffer): Promise<Buffer> =>
      tarOf({
        "config.json": config?.bytes ?? "",
        "0/layer.tar": first,
        "1/layer.tar": plain[1] ?? "",
        "manifest.json": saved(names),
      });
    await writeFile(archive(), await make(layers, plain[0] ?? Buffer.alloc(0)));
    const opened = await openDockerArchive(archive());
    const target = await openLayout(folder.path("layout"), { create: true });
    expect(await copyImage(opened, "1", target)).toMatchObject({ blobs: 3, mediaType: mediaTypes.manifest });
    await opened.close();

    await writeFile(archive(), await make(layers, await plainTar("altered")));
    const altered = await openDockerArchive(archive());
    const copied = copyImage(altered, "1", await openLayout(folder.path("other"), { create: true }), { tag: "1" });
    await expect(copied).rejects.toEqual(coded);
    expect(await (await openLayout(folder.path("other"))).tags()).toEqual([]);
    await altered.close();
    for (const names of [["0/layer.tar"], ["0/layer.tar", "../../etc/passwd"], ["0/layer.tar", "2/layer.tar"]]) {
      await writeFile(archive(), await make(names, plain[0] ?? Buffer.alloc(0)));
      await expect(openDockerArchive(archive())).rejects.toMatchObject({ code: "BAD_ARCHIVE" });
    }
  });

  it("that is cut is refused, but for lists that come after the whole image", async () => {
    const bytes = await write();
    const end = bytes.indexOf("oci-layout") + 1024;
    for (let size = 0; size < bytes.byteLength - 1024; size += 1531) {
      await writeFile(archive(), bytes.subarray(0, size));
      const opening = openDockerArchive(archive());
      if (size < end) {
        await expect(opening, `${size} bytes`).rejects.toEqual(coded);
        continue;
      }
      const opened = await opening.catch(() => undefined);
      if (opened === undefined) continue;
      const target = await openLayout(folder.path(`layout${size}`), { create: true });
      expect(await copyImage(opened, "multi", target)).toMatchObject({ manifests: 3 });
      await opened.close();
    }
  });

  it("that is none is refused", async () => {
    const bomb = gzipSync(Buffer.concat([await tarOf({ "index.json": "{}" }), Buffer.alloc(2 ** 20)]));
    for (const bytes of [
      Buffer.from("text"),
      Buffer.alloc(100_000, 7),
      bomb,
      gzipSync("text"),
      await tarOf({ a: "b" }),
    ]) {
      await writeFile(archive(), bytes);
      await expect(openDockerArchive(archive())).rejects.toEqual(coded);
    }
  });
});

describe("openImage", () => {
  it("finds folders, archives and names in registries", async () => {
    await makeLayout();
    const client = createRegistryClient();
    for (const text of [`oci:${folder.path("layout")}:1`, `oci:${folder.path("layout")}`, folder.path("layout")]) {
      const opened = await openImage(text, client);
      expect((await opened.source.manifest(opened.reference))?.digest, text).toBe(image.manifest.digest);
      await opened.close();
    }
    const digest = sha256("x");
    expect(await openImage(`docker://r.example/app@${digest}`, client)).toMatchObject({
      reference: digest,
      source: { name: "r.example/app" },
    });
    await expect(openImage(folder.path(), client)).rejects.toMatchObject({ code: "BAD_LAYOUT" });
    await client.close();
  });
});

function layer(): MadeImage["blobs"][number]["descriptor"] {
  const found = image.blobs[1]?.descriptor;
  if (found === undefined) throw new Error("the image has no layer");
  return found;
}

async function linkAway(path: string): Promise<void> {
  await rename(path, folder.path("elsewhere"));
  await symlink(folder.path("elsewhere"), path);
}

function indexOf(digest: string): string {
  const manifests = [
    { mediaType: mediaTypes.manifest, digest, size: 2, annotations: { "org.opencontainers.image.ref.name": "1" } },
  ];
  return JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests });
}

function tarOf(files: Readonly<Record<string, string | Buffer>>): Promise<Buffer> {
  const tar = pack();
  for (const [name, content] of Object.entries(files)) tar.entry({ name, mtime: new Date(0) }, content);
  tar.finalize();
  return readAll(tar as AsyncIterable<Uint8Array>);
}

/** The layer that makeImage makes of a text, not compressed. */
function plainTar(text: string): Promise<Buffer> {
  return tarOf({ file: text });
}
