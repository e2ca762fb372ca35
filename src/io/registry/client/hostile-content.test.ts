import { randomBytes } from "node:crypto";
import type { ServerResponse } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { mediaTypes } from "../../../core/image/index.ts";
import { sha256, type Digest } from "../../../lib/index.ts";
import { copyImage } from "../index.ts";
import type { Answering } from "../testdata/hostile-server.ts";
import { makeBlob, makeDocument, makeImage, once, readAll } from "../testdata/make-image.ts";
import { openParts } from "../testdata/open-parts.ts";

const parts = openParts();
const { hostile, connect } = parts;
afterEach(() => parts.close());

const blob = makeBlob(randomBytes(100_000));

describe("FAULTS 3: a registry that serves other bytes than it should", () => {
  const { bytes, descriptor } = blob;
  const altered = Buffer.from(bytes);
  altered[50_000] = (altered[50_000] ?? 0) ^ 1;
  type Serve = (response: ServerResponse) => void;

  it.each<[string, string, Serve]>([
    ["another bit", "WRONG_BYTES", (response) => response.end(altered)],
    ["fewer bytes", "WRONG_SIZE", (response) => response.end(bytes.subarray(1))],
    ["fewer bytes in chunks", "WRONG_SIZE", (response) => chunked(response, [bytes.subarray(0, 9)])],
    ["nothing", "WRONG_SIZE", (response) => response.end()],
    ["more bytes", "WRONG_SIZE", (response) => response.end(Buffer.concat([bytes, bytes]))],
    ["one byte after the last", "WRONG_SIZE", (response) => chunked(response, [bytes, Buffer.of(0)])],
    [
      "another digest's name",
      "WRONG_BYTES",
      (response) => response.setHeader("docker-content-digest", sha256("x")).end(bytes),
    ],
  ])("a blob with %s", async (_, code, serve) => {
    const { host } = await hostile((_, response) => serve(response));
    await expect(readAll(connect().repository(`${host}/app`).blob(descriptor))).rejects.toMatchObject({ code });
  });

  it("a blob whose descriptor has another size", async () => {
    const { host } = await hostile((_, response) => chunked(response, [bytes]));
    for (const size of [bytes.byteLength - 1, bytes.byteLength + 1]) {
      const lying = readAll(
        connect()
          .repository(`${host}/app`)
          .blob({ ...descriptor, size }),
      );
      await expect(lying).rejects.toMatchObject({ code: "WRONG_SIZE" });
    }
  });

  it("a manifest by another digest, or under another name", async () => {
    const image = await makeImage(["one"]);
    const other: Digest = sha256("other");
    let said: string | undefined;
    const { host } = await hostile((_, response) => {
      if (said !== undefined) response.setHeader("docker-content-digest", said);
      response.setHeader("content-type", image.manifest.mediaType).end(image.manifest.bytes);
    });
    const app = connect().repository(`${host}/app`);
    await expect(app.manifest(other)).rejects.toMatchObject({ code: "WRONG_BYTES" });
    for (said of [other, "sha256:short", "md5:abc"]) {
      await expect(app.manifest("1")).rejects.toMatchObject({ code: "WRONG_BYTES" });
    }
    said = image.manifest.digest;
    expect((await app.manifest("1"))?.digest).toBe(said);
  });

  it("an index whose child has another size", async () => {
    const { manifest } = await makeImage(["one"]);
    const child = { mediaType: manifest.mediaType, digest: manifest.digest, size: manifest.bytes.byteLength + 1 };
    const index = makeDocument({ manifests: [child] }, mediaTypes.index);
    const { host } = await hostile((_, response, { pathname }) => {
      const { mediaType, bytes } = pathname.endsWith("/1") ? index : manifest;
      response.setHeader("content-type", mediaType).end(bytes);
    });
    const target = await hostile((_, response) => response.writeHead(201).end());
    const [from, to] = [connect().repository(`${host}/app`), connect().repository(`${target.host}/app`)];
    await expect(copyImage(from, "1", to, { tag: "1" })).rejects.toMatchObject({ code: "WRONG_SIZE" });
    expect(target.asked.filter((each) => each.includes("/manifests/"))).toEqual([]);
  });
});

describe("FAULTS 4: a document that is not what it says", () => {
  const config = makeBlob("{}", mediaTypes.config).descriptor;

  it.each<[string, object | string, string]>([
    ["both layers and manifests", { config, layers: [], manifests: [] }, mediaTypes.manifest],
    ["an index's media type for a manifest", { config, layers: [] }, mediaTypes.index],
    ["an unknown media type", { config, layers: [] }, "application/vnd.docker.distribution.manifest.v1+prettyjws"],
    ["no JSON", "<html>", mediaTypes.manifest],
    ["a list", "[]", mediaTypes.manifest],
    ["nothing", "", mediaTypes.manifest],
    ["a child by path", { manifests: [{ ...config, digest: "../../etc/passwd" }] }, mediaTypes.index],
    ["deep nesting", `${"[".repeat(100_000)}${"]".repeat(100_000)}`, mediaTypes.manifest],
  ])("%s", async (_, fields, mediaType) => {
    const bytes =
      typeof fields === "string" ? Buffer.from(fields) : Buffer.from(JSON.stringify({ schemaVersion: 2, ...fields }));
    const { host } = await hostile((_, response) => response.setHeader("content-type", mediaType).end(bytes));
    const app = connect().repository(`${host}/app`);
    await expect(app.manifest("1")).rejects.toHaveProperty("code", expect.any(String));
  });
});

describe("FAULTS 5: a registry that never ends", () => {
  const endless: Answering = (_, response) => {
    const piece = Buffer.alloc(256 * 1024, 0x20);
    const write = (): void => {
      while (!response.destroyed && response.write(piece));
      if (!response.destroyed) response.once("drain", write);
    };
    write();
  };

  async function growthOf(work: () => Promise<unknown>): Promise<number> {
    const before = process.memoryUsage().rss;
    await work();
    return process.memoryUsage().rss - before;
  }

  it("a manifest, a list of tags or referrers, an error, a blob: stopped at the limit, in little memory", async () => {
    const { host } = await hostile((request, response, url) => {
      if (url.pathname.includes("/referrers/")) response.setHeader("content-type", mediaTypes.index);
      if (url.pathname.includes("/broken/")) response.statusCode = 400;
      endless(request, response, url);
    });
    const app = connect().repository(`${host}/app`);
    const tooLarge = { code: "WRONG_SIZE" };
    const growth = await growthOf(async () => {
      await expect(app.manifest("1")).rejects.toMatchObject(tooLarge);
      await expect(app.tags()).rejects.toMatchObject(tooLarge);
      await expect(app.referrers(blob.descriptor.digest)).rejects.toMatchObject(tooLarge);
      await expect(readAll(app.blob(blob.descriptor))).rejects.toMatchObject(tooLarge);
      await expect(connect().repository(`${host}/broken`).manifest("1")).rejects.toMatchObject({ code: "REJECTED" });
    });
    expect(growth).toBeLessThan(64 * 2 ** 20);
  });

  it("a token", async () => {
    const { host } = await hostile((request, response, url) => {
      if (url.pathname === "/token") endless(request, response, url);
      else response.writeHead(401, { "www-authenticate": `Bearer realm="http://${host}/token"` }).end();
    });
    await expect(connect().repository(`${host}/app`).manifest("1")).rejects.toMatchObject({ code: "WRONG_SIZE" });
  });

  it("a manifest of 4 MiB and a byte, though its length is said", async () => {
    const bytes = Buffer.alloc(4 * 2 ** 20 + 1, 0x20);
    const { host } = await hostile((_, response) => response.setHeader("content-type", mediaTypes.manifest).end(bytes));
    await expect(connect().repository(`${host}/app`).manifest("1")).rejects.toMatchObject({ code: "WRONG_SIZE" });
  });

  it("an answer whose head, body or blob drips, and an upload that nobody reads: given up in time", async () => {
    const drips = (response: { write(text: string): unknown }): void => {
      const timer = setInterval(() => response.write(" "), 20);
      timers.push(timer);
    };
    const timers: NodeJS.Timeout[] = [];
    const { host } = await hostile((request, response, { pathname }) => {
      if (pathname.includes("/head/")) {
        request.socket.write("HTTP/1.1 200 OK\r\nx-a: ");
        drips(request.socket);
      } else if (request.method === "POST") response.writeHead(202, { location: "/v2/up" }).end();
      else if (request.method === "HEAD") response.writeHead(404).end();
      else if (request.method === "GET") drips(response.writeHead(200));
    });
    const client = connect({ timeoutMs: 300 });
    const late = { code: "TIMEOUT" };
    const began = Date.now();
    const large = randomBytes(8 * 2 ** 20);
    const app = client.repository(`${host}/app`);
    try {
      await Promise.all([
        expect(client.repository(`${host}/head`).manifest("1")).rejects.toMatchObject(late),
        expect(app.manifest("1")).rejects.toMatchObject(late),
        expect(readAll(app.blob(blob.descriptor))).rejects.toMatchObject(late),
        expect(app.putBlob(makeBlob(large).descriptor, () => once(large))).rejects.toMatchObject(late),
      ]);
      expect(Date.now() - began).toBeLessThan(5000);
    } finally {
      timers.forEach(clearInterval);
    }
  });
});

/** Sends pieces without saying how long they are together. */
function chunked(response: ServerResponse, pieces: readonly Uint8Array[]): void {
  for (const piece of pieces) response.write(piece);
  response.end();
}
