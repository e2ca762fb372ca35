import { randomBytes } from "node:crypto";
import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect } from "vitest";
import { needs } from "../../../../test/needs.ts";
import { createRegistryServer, type RegistryServer, type Repository } from "../index.ts";
import { makeImage, pushImage, readAll, type MadeImage } from "../testdata/make-image.ts";
import { openParts } from "../testdata/open-parts.ts";
import { missingSmallDisk, mountSmallDisk, type SmallDisk } from "../testdata/small-disk.ts";

const missing = await missingSmallDisk();
const it = needs(missing);
const parts = openParts();
let disk: SmallDisk;
let server: RegistryServer;

async function open(chunkBytes = 0): Promise<Repository> {
  server = await createRegistryServer({ dir: disk.path });
  expect(server.problems).toEqual([]);
  const { host } = await server.listen(0);
  return parts.connect({ timeoutMs: 10_000, chunkBytes }).repository(`${host}/app`);
}

async function reopen(): Promise<Repository> {
  await parts.close();
  await server.close();
  return open();
}

/** Pushes images until the registry refuses one; that one is the last. */
async function fill(app: Repository, bytes: number, name: string): Promise<readonly MadeImage[]> {
  const images: MadeImage[] = [];
  for (let n = 0; n < 5000; n++) {
    const image = await makeImage([randomBytes(bytes).toString("base64")]);
    images.push(image);
    const error: unknown = await pushImage(app, image, `${name}${n}`).then(
      () => undefined,
      (caught: unknown) => caught,
    );
    if (error === undefined) continue;
    expect(error).toMatchObject({ code: "SERVER_ERROR", message: expect.stringContaining("disk is full") });
    return images;
  }
  throw new Error("the disk does not become full");
}

async function checkWhole(app: Repository, images: readonly MadeImage[], name: string): Promise<void> {
  for (const [n, { manifest, blobs }] of images.entries()) {
    expect((await app.resolve(`${name}${n}`))?.digest).toBe(manifest.digest);
    expect(await app.manifest(manifest.digest)).toMatchObject({ bytes: manifest.bytes });
    for (const { descriptor, bytes } of blobs) expect((await readAll(app.blob(descriptor))).equals(bytes)).toBe(true);
  }
}

describe("FAULTS 25: the registry's disk is full", () => {
  beforeEach(async () => {
    if (missing === undefined) disk = await mountSmallDisk(4);
  });
  afterEach(async () => {
    if (missing !== undefined) return;
    await parts.close();
    await server.close();
    await disk.remove();
  });

  for (const [what, bytes, chunkBytes] of [
    ["large images", 500_000, 0],
    ["large images in pieces", 500_000, 100_000],
    ["small ones", 3000, 0],
    ["a few bytes", 10, 0],
  ] as const) {
    it(`by ${what}: the push is refused by name, and nothing that was acknowledged is lost, now or after a restart`, async () => {
      let app = await open(chunkBytes);
      const images = await fill(app, bytes, "t");
      const refused = images.at(-1);
      const kept = images.slice(0, -1);
      expect(await readdir(join(disk.path, "uploads"))).toEqual([]);
      await checkWhole(app, kept, "t");
      app = await reopen();
      await checkWhole(app, kept, "t");
      expect(await app.resolve(`t${kept.length}`)).toBeUndefined();
      for (const { descriptor, bytes: whole } of refused?.blobs ?? []) {
        const served = await readAll(app.blob(descriptor)).catch((error: unknown) => error);
        if (served instanceof Buffer) expect(served.equals(whole)).toBe(true);
        else expect(served).toMatchObject({ code: "BLOB_UNKNOWN" });
      }
    });
  }

  it("to the last byte: tags can be deleted, garbage collected, and there is room again", async () => {
    let app = await open();
    // More names than a page of the journal has room for.
    const named = await makeImage(["named"]);
    for (let n = 0; n < 150; n++) await pushImage(app, named, `n${n}`);
    const images = await fill(app, 300_000, "t");
    await fill(app, 10, "s");
    await exhaust(disk.path);
    for (let n = 0; n < images.length - 1; n++) expect(await app.deleteManifest(`t${n}`)).toBe(true);
    for (let n = 0; n < 150; n++) expect(await app.deleteManifest(`n${n}`)).toBe(true);
    expect(await readdir(disk.path)).not.toContain("reserve");
    const first = await server.collectGarbage({ graceMs: 0, now: Date.now() + 1000 });
    expect(first.manifests).toBe(images.length);
    const second = await server.collectGarbage({ graceMs: 0, now: Date.now() + 1000 });
    expect(second.bytes).toBeGreaterThan(2_000_000);
    await rm(join(disk.path, "ballast"));
    app = await reopen();
    expect(await readdir(disk.path)).toContain("reserve");
    const image = await makeImage([randomBytes(300_000).toString("base64")]);
    await pushImage(app, image, "again0");
    await checkWhole(app, [image], "again");
    expect(await app.tags()).not.toContain("t0");
    expect(await app.tags()).toContain("s0");
  });

  it("before it starts: what is there is served", async () => {
    let app = await open();
    const image = await makeImage(["kept", randomBytes(100_000).toString("base64")]);
    await pushImage(app, image, "kept0");
    await parts.close();
    await server.close();
    await rm(join(disk.path, "reserve"));
    await exhaust(disk.path);
    app = await open();
    await checkWhole(app, [image], "kept");
    await expect(pushImage(app, await makeImage(["new"]), "new")).rejects.toMatchObject({ code: "SERVER_ERROR" });
    await rm(join(disk.path, "ballast"));
    await pushImage(app, await makeImage(["new"]), "new");
    expect([...(await app.tags())].sort()).toEqual(["kept0", "new"]);
  });
});

/** Takes every byte that is left. */
async function exhaust(folder: string): Promise<void> {
  for (let size = 1024 * 1024; size > 0; size = size > 1 ? Math.floor(size / 2) : 0) {
    const bytes = Buffer.alloc(size, 1);
    while (
      await writeFile(join(folder, "ballast"), bytes, { flag: "a" }).then(
        () => true,
        () => false,
      )
    );
  }
}
