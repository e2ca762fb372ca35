import { randomBytes } from "node:crypto";
import { appendFile, readdir, readFile, rm, truncate } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { mediaTypes } from "../../../core/image/index.ts";
import { digestHex, manualClock, sha256, type Digest } from "../../../lib/index.ts";
import { createRegistryClient, createRegistryServer, type RegistryClient, type RegistryServer } from "../index.ts";
import {
  makeArtifact,
  makeBlob,
  makeDocument,
  makeFolder,
  makeImage,
  pushImage,
  readAll,
  sha512,
} from "../testdata/make-image.ts";

let folder: Awaited<ReturnType<typeof makeFolder>>;
let server: RegistryServer;
let client: RegistryClient;
let url: string;
let host: string;
const clock = manualClock(Date.now());

async function open(): Promise<void> {
  server = await createRegistryServer({
    dir: folder.path("registry"),
    clock,
    limits: { blobBytes: 1_000_000, uploads: 20 },
  });
  ({ url, host } = await server.listen(0));
  client = createRegistryClient({ retries: 0 });
}

async function close(): Promise<void> {
  await client.close();
  await server.close();
}

async function reopen(): Promise<void> {
  await close();
  await open();
}

beforeEach(async () => {
  folder = await makeFolder();
  await open();
});
afterEach(async () => {
  await close();
  await folder.remove();
});

const post = (path: string, body: Uint8Array | string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${url}${path}`, { method: "POST", body, headers });
const put = (path: string, body: Uint8Array, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${url}${path}`, { method: "PUT", body, headers: { "content-type": mediaTypes.manifest, ...headers } });

describe("the embedded registry", () => {
  it("keeps images, tags and referrers over a restart", async () => {
    const image = await makeImage(["one", "two"]);
    const signature = makeArtifact(image.manifest, "application/x-signature", "signed");
    await pushImage(client.repository(`${host}/app`), image, "1");
    await pushImage(client.repository(`${host}/app`), signature);
    await reopen();
    const app = client.repository(`${host}/app`);
    expect((await app.resolve("1"))?.digest).toBe(image.manifest.digest);
    expect(await app.manifest("1")).toMatchObject({ mediaType: mediaTypes.manifest, bytes: image.manifest.bytes });
    for (const { descriptor, bytes } of image.blobs) expect(await readAll(app.blob(descriptor))).toEqual(bytes);
    const listed = await app.referrers(image.manifest.digest, "application/x-signature");
    expect(listed.map(({ digest }) => digest)).toEqual([signature.manifest.digest]);
    expect(await app.referrers(image.manifest.digest, "other")).toEqual([]);
    expect(server.repositories()).toEqual(["app"]);
    expect(server.problems).toEqual([]);
  });

  it("stores every blob under the name of its digest", async () => {
    await pushImage(client.repository(`${host}/app`), await makeImage(["one", "x".repeat(300_000)]), "1");
    const files = await readdir(folder.path("registry", "blobs", "sha256"));
    expect(files).toHaveLength(4);
    for (const file of files) {
      expect(digestHex(sha256(await readFile(folder.path("registry", "blobs", "sha256", file))))).toBe(file);
    }
    expect(await readdir(folder.path("registry", "uploads"))).toEqual([]);
  });

  it("takes sha512 blobs and manifests", async () => {
    const bytes = Buffer.from("long digest");
    const config = { ...makeBlob(bytes, mediaTypes.config).descriptor, digest: sha512(bytes) };
    const made = makeDocument({ config, layers: [] });
    const app = client.repository(`${host}/app`);
    await pushImage(app, { manifest: { ...made, digest: sha512(made.bytes) }, blobs: [{ descriptor: config, bytes }] });
    expect((await app.resolve(sha512(made.bytes)))?.digest).toBe(sha512(made.bytes));
    expect(await readAll(app.blob(config))).toEqual(bytes);
  });

  it("sets a tag only where it names what the caller saw", async () => {
    const [first, second] = [await makeImage(["1"]), await makeImage(["2"])];
    const app = client.repository(`${host}/app`);
    await pushImage(app, first);
    await pushImage(app, second);
    await app.tag(first.manifest.digest, "production", { ifMatch: "absent" });
    await expect(app.tag(second.manifest.digest, "production", { ifMatch: "absent" })).rejects.toMatchObject({
      code: "TAG_MOVED",
    });
    await app.tag(second.manifest.digest, "production", { ifMatch: first.manifest.digest });
    await expect(
      app.tag(first.manifest.digest, "production", { ifMatch: first.manifest.digest }),
    ).rejects.toMatchObject({
      code: "TAG_MOVED",
    });
    expect((await app.resolve("production"))?.digest).toBe(second.manifest.digest);
  });

  it("lets exactly one of many writers win a tag that none of them has seen", async () => {
    const images = await Promise.all(Array.from({ length: 20 }, (_, n) => makeImage([`writer ${n}`])));
    const app = client.repository(`${host}/app`);
    for (const image of images) await pushImage(app, image);
    const outcomes = await Promise.allSettled(
      images.map(({ manifest }) => app.tag(manifest.digest, "won", { ifMatch: "absent" })),
    );
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  it("mounts what another repository has, and nothing else", async () => {
    const blob = makeBlob("shared");
    await pushImage(client.repository(`${host}/from`), { ...(await makeImage(["x"])), blobs: [blob] }).catch(
      () => undefined,
    );
    const mounted = await post(`/v2/to/blobs/uploads/?mount=${blob.descriptor.digest}&from=from`, "");
    expect(mounted.status).toBe(201);
    expect((await fetch(`${url}/v2/to/blobs/${blob.descriptor.digest}`)).status).toBe(200);
    const refused = await post(`/v2/to/blobs/uploads/?mount=${sha256("nowhere")}&from=from`, "");
    expect(refused.status).toBe(202);
  });

  it("lists tags in order, in pages", async () => {
    const image = await makeImage(["x"]);
    const app = client.repository(`${host}/app`);
    for (const tag of ["b", "a", "C", "1.10", "1.9"]) await pushImage(app, image, tag);
    expect(await app.tags()).toEqual(["1.10", "1.9", "C", "a", "b"]);
    const page = await fetch(`${url}/v2/app/tags/list?n=2&last=1.10`);
    expect(await page.json()).toEqual({ name: "app", tags: ["1.9", "C"] });
    expect(page.headers.get("link")).toBe('</v2/app/tags/list?n=2&last=C>; rel="next"');
    expect(await (await fetch(`${url}/v2/app/tags/list?n=0`)).json()).toEqual({ name: "app", tags: [] });
  });

  it("deletes a tag alone, and a digest with its tags", async () => {
    const image = await makeImage(["x"]);
    const app = client.repository(`${host}/app`);
    await pushImage(app, image, "a");
    await pushImage(app, image, "b");
    expect(await app.deleteManifest("a")).toBe(true);
    expect(await app.tags()).toEqual(["b"]);
    expect(await app.deleteManifest(image.manifest.digest)).toBe(true);
    expect(await app.deleteManifest(image.manifest.digest)).toBe(false);
    expect(await app.tags()).toEqual([]);
  });
});

describe("uploads in pieces", () => {
  const body = Buffer.from("0123456789");

  async function start(): Promise<string> {
    const answer = await post("/v2/app/blobs/uploads/", "");
    expect(answer.status).toBe(202);
    return answer.headers.get("location") ?? "";
  }
  const patch = (location: string, bytes: Uint8Array, range: string): Promise<Response> =>
    fetch(`${url}${location}`, { method: "PATCH", body: bytes, headers: { "content-range": range } });

  it("says where it stands and takes the next piece from there", async () => {
    const location = await start();
    expect((await patch(location, body.subarray(0, 4), "0-3")).status).toBe(202);
    expect((await patch(location, body.subarray(6), "6-9")).status).toBe(416);
    const state = await fetch(`${url}${location}`);
    expect([state.status, state.headers.get("range")]).toEqual([204, "0-3"]);
    expect((await patch(location, body.subarray(4), "4-9")).status).toBe(202);
    const done = await fetch(`${url}${location}?digest=${sha256(body)}`, { method: "PUT" });
    expect(done.status).toBe(201);
    expect(Buffer.from(await (await fetch(`${url}/v2/app/blobs/${sha256(body)}`)).arrayBuffer())).toEqual(body);
  });

  it.each(["3-1", "0-99", "x", "-1-4"])("refuses Content-Range %s for four bytes", async (range) => {
    expect((await patch(await start(), body.subarray(0, 4), range)).status).toBe(400);
  });

  it("refuses another digest, keeps nothing, and forgets the upload", async () => {
    const location = await start();
    await patch(location, body, "0-9");
    expect((await fetch(`${url}${location}?digest=${sha256("else")}`, { method: "PUT" })).status).toBe(400);
    expect((await fetch(`${url}${location}`)).status).toBe(404);
    expect(await readdir(folder.path("registry", "uploads"))).toEqual([]);
  });

  it("belongs to one repository", async () => {
    const location = await start();
    expect((await fetch(`${url}${location.replace("/v2/app/", "/v2/other/")}`)).status).toBe(404);
  });

  it("stops at the size limit and at the number of open uploads", async () => {
    expect((await post(`/v2/app/blobs/uploads/?digest=${sha256("x")}`, Buffer.alloc(1_000_001))).status).toBe(413);
    const statuses = [];
    for (let n = 0; n < 22; n++) statuses.push((await post("/v2/app/blobs/uploads/", "")).status);
    expect(statuses.filter((status) => status === 429)).toHaveLength(2);
  });
});

describe("what the registry refuses", () => {
  const config = makeBlob("{}", mediaTypes.config);
  const good = { config: config.descriptor, layers: [] };
  const push = async (fields: object, mediaType: string = mediaTypes.manifest): Promise<number> => {
    await post(`/v2/app/blobs/uploads/?digest=${config.descriptor.digest}`, config.bytes);
    const { bytes } = makeDocument(fields, mediaType);
    return (await put("/v2/app/manifests/t", bytes, { "content-type": mediaType })).status;
  };

  it.each<[string, object, string | undefined, number]>([
    ["both layers and manifests", { ...good, manifests: [] }, undefined, 400],
    ["an unknown media type", good, "application/vnd.docker.distribution.manifest.v1+json", 400],
    ["a blob that is not there", { ...good, layers: [makeBlob("gone").descriptor] }, undefined, 404],
    ["a blob of another size", { ...good, config: { ...config.descriptor, size: 3 } }, undefined, 400],
    [
      "a child that is not there",
      { manifests: [{ ...config.descriptor, mediaType: mediaTypes.manifest }] },
      mediaTypes.index,
      404,
    ],
    ["a negative size", { ...good, config: { ...config.descriptor, size: -1 } }, undefined, 400],
  ])("a manifest with %s", async (_, fields, mediaType, status) => {
    expect(await push(fields, mediaType)).toBe(status);
    expect((await fetch(`${url}/v2/app/manifests/t`)).status).toBe(404);
  });

  it("a manifest past 4 MiB, one without type, one under another digest", async () => {
    expect((await put("/v2/app/manifests/t", Buffer.alloc(4 * 1024 * 1024 + 1))).status).toBe(413);
    const { bytes } = makeDocument(good);
    expect((await put("/v2/app/manifests/t", bytes, { "content-type": "" })).status).toBe(400);
    expect((await put(`/v2/app/manifests/${sha256("else")}`, bytes)).status).toBe(400);
  });

  it.each([
    "/v2/../etc/manifests/x",
    "/v2/UPPER/manifests/x",
    "/v2/a//b/manifests/x",
    `/v2/${"a".repeat(300)}/manifests/x`,
    "/v2/a/blobs/..%2f..%2fetc%2fpasswd",
    "/v2/a/blobs/uploads/..%2f..%2fjournal",
    "/v2/a/manifests/%ff",
    "/etc/passwd",
  ])("%s", async (path) => {
    const answer = await fetch(`${url}${path}`);
    expect([400, 404]).toContain(answer.status);
  });

  it("writes that a web page of another site starts, and names that are not its own", async () => {
    const path = `/v2/app/blobs/uploads/?digest=${sha256("x")}`;
    expect((await post(path, "x", { origin: "https://evil.example" })).status).toBe(403);
    const { request } = await import("node:http");
    const status = await new Promise((resolve) => {
      request(`${url}/v2/`, { headers: { host: "evil.example" } }, (answer) =>
        resolve(answer.resume().statusCode),
      ).end();
    });
    expect(status).toBe(421);
  });
});

describe("FAULTS 25: a folder that was damaged", () => {
  async function journalOf(tag: string): Promise<void> {
    await pushImage(client.repository(`${host}/app`), await makeImage([tag]), tag);
  }

  it("loses nothing to a torn last line", async () => {
    await journalOf("kept");
    await close();
    await appendFile(folder.path("registry", "journal"), '12345678 {"k":"untag","r":"app"');
    await open();
    expect(await client.repository(`${host}/app`).tags()).toEqual(["kept"]);
    expect(server.problems).toEqual([]);
  });

  it("says which records it had to leave out, and keeps the damaged file", async () => {
    await journalOf("kept");
    await close();
    await appendFile(folder.path("registry", "journal"), "00000000 {}\n\0\0\0\n");
    await open();
    expect(server.problems).toEqual([expect.stringContaining("2 of ")]);
    expect(await client.repository(`${host}/app`).tags()).toEqual(["kept"]);
    await reopen();
    expect(server.problems).toEqual([]);
    expect(await readdir(folder.path("registry"))).toContain("journal.damaged");
  });

  it("restores small files that a power cut emptied", async () => {
    const image = await makeImage(["kept"]);
    await pushImage(client.repository(`${host}/app`), image, "kept");
    await close();
    for (const { descriptor } of image.blobs)
      await truncate(folder.path("registry", "blobs", "sha256", digestHex(descriptor.digest)));
    await rm(folder.path("registry", "blobs", "sha256", digestHex(image.manifest.digest)));
    await open();
    const app = client.repository(`${host}/app`);
    expect(await app.manifest("kept")).toMatchObject({ digest: image.manifest.digest });
    for (const { descriptor, bytes } of image.blobs) expect(await readAll(app.blob(descriptor))).toEqual(bytes);
  });

  it("names a large blob whose file is gone, and asks for it again", async () => {
    const image = await makeImage([randomBytes(100_000).toString("base64")]);
    const [, layer] = image.blobs;
    const app = client.repository(`${host}/app`);
    await pushImage(app, image, "1");
    await close();
    await rm(folder.path("registry", "blobs", "sha256", digestHex(layer?.descriptor.digest as Digest)));
    await open();
    expect(server.problems.join()).toContain(layer?.descriptor.digest);
    expect(await pushImage(client.repository(`${host}/app`), image, "1")).toBeGreaterThanOrEqual(
      layer?.bytes.byteLength ?? 0,
    );
  });
});
