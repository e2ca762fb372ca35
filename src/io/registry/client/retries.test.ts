import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import type { Clock } from "../../../lib/index.ts";
import { createRegistryServer, type RegistryClientOptions, type Repository } from "../index.ts";
import type { Answering } from "../testdata/hostile-server.ts";
import { makeBlob, makeFolder, makeImage, once, pushImage, readAll } from "../testdata/make-image.ts";
import { openParts } from "../testdata/open-parts.ts";

const parts = openParts();
const { hostile, connect } = parts;
afterEach(() => parts.close());

const start = Date.parse("2026-01-01T00:00:00Z");

/** A clock that writes down how long it was slept. */
function sleepless(): Clock & { readonly slept: number[] } {
  const slept: number[] = [];
  let now = start;
  const sleep = (ms: number): Promise<void> => {
    slept.push(ms);
    now += ms;
    return Promise.resolve();
  };
  return { now: () => now, sleep, slept };
}

/** A client of a server that answers so, that repeats four times and sleeps never. */
async function repeating(
  answer: Answering,
  options: RegistryClientOptions = {},
): Promise<{ app: Repository; slept: number[]; asked: string[]; requests: () => number }> {
  const { host, asked } = await hostile(answer);
  const clock = sleepless();
  const client = connect({ retries: 4, clock, random: () => 0.5, ...options });
  return { app: client.repository(`${host}/app`), slept: clock.slept, asked, requests: () => client.stats().requests };
}

const image = await makeImage(["one"]);
const { mediaType, bytes } = image.manifest;

describe("FAULTS 8: a registry that is troubled", () => {
  const errors: Answering = (_, response) => response.writeHead(500).end("{}");

  it("by 500s is asked five times, each pause up to twice as long", async () => {
    const { app, slept, asked } = await repeating(errors);
    await expect(app.manifest("1")).rejects.toMatchObject({ code: "SERVER_ERROR", retry: true });
    expect(asked).toHaveLength(5);
    expect(slept).toEqual([100, 200, 400, 800]);
  });

  it("by a blob that it lost sight of for a moment is sent the manifest again, and believed the third time", async () => {
    const sizes = new Map(image.blobs.map(({ descriptor }) => [descriptor.digest as string, descriptor.size]));
    const blind = (times: number, holds: boolean): Answering => {
      let left = times;
      return (request, response) => {
        const digest = request.url?.split("/").at(-1) ?? "";
        if (request.method === "HEAD" && holds)
          response.writeHead(200, { "content-length": sizes.get(digest) ?? 0 }).end();
        else if (request.method === "HEAD") response.writeHead(404).end();
        else if (request.method === "PUT" && left-- > 0)
          response
            .writeHead(400)
            .end('{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown to registry"}]}');
        else response.writeHead(201).end();
      };
    };
    const puts = (asked: readonly string[]): number => asked.filter((one) => one.startsWith("PUT")).length;
    const { app, slept } = await repeating(blind(2, true));
    await app.putManifest(image.manifest);
    expect(slept).toEqual([150, 300]);
    const lost = await repeating(blind(9, true));
    await expect(lost.app.putManifest(image.manifest)).rejects.toMatchObject({ code: "BLOB_UNKNOWN" });
    expect(puts(lost.asked)).toBe(3);
    const gone = await repeating(blind(9, false));
    await expect(gone.app.putManifest(image.manifest)).rejects.toMatchObject({ code: "BLOB_UNKNOWN" });
    expect(puts(gone.asked)).toBe(1);
  });

  it("is not asked by all at the same moment", async () => {
    const { app, slept } = await repeating(errors, { random: Math.random });
    await Promise.allSettled(Array.from({ length: 20 }, (_, n) => app.manifest(`t${n}`)));
    expect(new Set(slept.map(Math.round)).size).toBeGreaterThan(30);
    expect(Math.max(...slept)).toBeLessThanOrEqual(1600);
  });

  it.each<[string, string, number]>([
    ["seconds", "7", 7000],
    ["a date", new Date(start + 9000).toUTCString(), 9000],
    ["a date that is past", new Date(start - 9000).toUTCString(), 0],
    ["nothing that can be read", "soon", 0],
    ["a negative number", "-5", 0],
  ])("by 429 is left alone for as long as Retry-After says: %s", async (_, header, ms) => {
    let answered = 0;
    const { app, slept } = await repeating((_, response) => {
      if (answered++ === 0) response.writeHead(429, { "retry-after": header }).end();
      else response.writeHead(200, { "content-type": mediaType }).end(bytes);
    });
    expect((await app.manifest("1"))?.digest).toBe(image.manifest.digest);
    expect(slept).toEqual([ms + 100]);
  });

  it("by 429 for an hour is left to the queue", async () => {
    const { app, slept, asked } = await repeating((_, response) =>
      response.writeHead(429, { "retry-after": "3600" }).end(),
    );
    await expect(app.manifest("1")).rejects.toMatchObject({ code: "THROTTLED", retry: true });
    expect([slept, asked.length]).toEqual([[], 1]);
  });

  it("by its token service is asked again too", async () => {
    let answered = 0;
    const { app, slept } = await repeating((request, response, { pathname }) => {
      if (pathname === "/token" && answered++ === 0) response.writeHead(429, { "retry-after": "3" }).end();
      else if (pathname === "/token") response.end('{"token":"t"}');
      else if (request.headers.authorization !== "Bearer t") {
        const realm = `http://${request.headers.host}/token`;
        response.writeHead(401, { "www-authenticate": `Bearer realm="${realm}"` }).end();
      } else response.writeHead(200, { "content-type": mediaType }).end(bytes);
    });
    expect((await app.manifest("1"))?.digest).toBe(image.manifest.digest);
    expect(slept).toEqual([3100]);
  });

  it.each<[number, string, number]>([
    [400, "REJECTED", 1],
    [401, "UNAUTHORIZED", 1],
    [403, "DENIED", 1],
    [413, "REJECTED", 1],
    [405, "REJECTED", 1],
    [429, "THROTTLED", 5],
    [500, "SERVER_ERROR", 5],
    [503, "SERVER_ERROR", 5],
    [507, "SERVER_ERROR", 1],
    [204, "BAD_ANSWER", 1],
  ])("%i: %s, named, after %i requests", async (status, code, times) => {
    const errors = JSON.stringify({ errors: [{ code: "TEAPOT", message: "short and stout" }] });
    const { app, asked } = await repeating((request, response) => {
      request.resume();
      response.writeHead(status).end(status === 204 ? undefined : errors);
    });
    await expect(app.manifest("1")).rejects.toMatchObject({ code });
    expect(asked).toHaveLength(times);
    asked.length = 0;
    if (status === 204) return;
    await expect(app.putManifest(image.manifest, "1")).rejects.toMatchObject({
      code,
      message: expect.stringMatching(status === 401 ? /authenticate/ : /app:1.*short and stout/),
    });
    expect(asked).toHaveLength(times);
  });

  it("by connections that end before an answer is asked again; a name that does not exist is not", async () => {
    let answered = 0;
    const { app } = await repeating((request, response) => {
      if (answered++ < 3) request.socket.destroy();
      else response.writeHead(200, { "content-type": mediaType }).end(bytes);
    });
    expect((await app.manifest("1"))?.digest).toBe(image.manifest.digest);
    const missing: RegistryClientOptions["lookup"] = (_, __, callback) =>
      callback(Object.assign(new Error("not found"), { code: "ENOTFOUND" }), []);
    const clock = sleepless();
    const none = connect({ retries: 4, clock, lookup: missing }).repository("registry.example/app");
    await expect(none.manifest("1")).rejects.toMatchObject({ code: "UNREACHABLE" });
    expect(clock.slept).toEqual([]);
  });

  it("costs no more requests than the budget has, repetitions counted", async () => {
    const { app, asked, requests } = await repeating(errors, { requestBudget: 7 });
    await expect(app.manifest("1")).rejects.toMatchObject({ code: "SERVER_ERROR" });
    await expect(app.manifest("2")).rejects.toMatchObject({ code: "BUDGET_SPENT", hint: expect.any(String) });
    await expect(app.manifest("3")).rejects.toMatchObject({ code: "BUDGET_SPENT" });
    expect([asked.length, requests()]).toEqual([7, 7]);
  });

  it("is left as soon as the caller says so", async () => {
    const { host } = await hostile(errors);
    const leaving = new AbortController();
    const app = connect({ retries: 1000 }).repository(`${host}/app`);
    const asking = app.manifest("1", leaving.signal);
    setTimeout(() => leaving.abort(new Error("enough")), 50);
    await expect(asking).rejects.toThrow(/enough|abort/);
  });
});

describe("a connection that breaks", () => {
  const blob = makeBlob(randomBytes(3_000_000));

  it.each([true, false])("in mid-blob is taken up where it broke, ranges known to the registry: %s", async (ranges) => {
    const froms: number[] = [];
    const { app } = await repeating((request, response) => {
      const from = ranges ? Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0) : 0;
      froms.push(from);
      const rest = blob.bytes.subarray(from);
      response.writeHead(from === 0 ? 200 : 206, {
        "content-length": rest.byteLength,
        "content-range": `bytes ${from}-${blob.bytes.byteLength - 1}/${blob.bytes.byteLength}`,
      });
      const part = froms.length < 4 ? Math.min(rest.byteLength, froms.length * 900_000) : rest.byteLength;
      response.write(rest.subarray(0, part), () => {
        if (part < rest.byteLength) request.socket.destroySoon();
        else response.end();
      });
    });
    expect((await readAll(app.blob(blob.descriptor))).equals(blob.bytes)).toBe(true);
    expect(froms.length).toBeGreaterThan(2);
    expect(froms.slice(1).every((from) => from > 0)).toBe(ranges);
  });

  it("at every byte ends after as many tries as were asked for", async () => {
    const { app, asked } = await repeating((request, response) => {
      response
        .writeHead(200, { "content-length": blob.bytes.byteLength })
        .write("x", () => request.socket.destroySoon());
    });
    await expect(readAll(app.blob(blob.descriptor))).rejects.toMatchObject({ code: "UNREACHABLE", retry: true });
    expect(asked).toHaveLength(5);
  });

  it("and comes back with other bytes is refused", async () => {
    const other = randomBytes(blob.bytes.byteLength);
    let answered = 0;
    const { app } = await repeating((request, response) => {
      const [, from = "0"] = /^bytes=(\d+)-$/.exec(request.headers.range ?? "") ?? [];
      if (answered++ === 0) {
        response.writeHead(200).write(blob.bytes.subarray(0, 1_000_000), () => request.socket.destroySoon());
      } else {
        const range = { "content-range": `bytes ${from}-2999999/3000000` };
        response.writeHead(206, range).end(other.subarray(Number(from)));
      }
    });
    await expect(readAll(app.blob(blob.descriptor))).rejects.toMatchObject({ code: "WRONG_BYTES" });
  });

  /** An embedded registry some of whose requests break when part of their body has come. */
  async function breaking(breaks: (request: IncomingMessage, n: number) => number | undefined): Promise<string> {
    const folder = await makeFolder();
    const server = await createRegistryServer({ dir: folder.path("registry") });
    let n = 0;
    const { host } = await hostile((request, response) => {
      const after = breaks(request, n++);
      if (after === undefined) return server.handler(request, response);
      let came = 0;
      request.prependListener("data", (chunk: Buffer) => {
        came += chunk.byteLength;
        if (came >= after) request.socket.destroy();
      });
      return server.handler(request, response);
    });
    cleanups.push(() =>
      parts
        .close()
        .then(() => server.close())
        .then(folder.remove),
    );
    return host;
  }
  const cleanups: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const each of cleanups.splice(0)) await each();
  });

  it.each([0, 500_000])("in mid-upload in pieces of %i is taken up, and the blob arrives whole", async (chunkBytes) => {
    let broken = 0;
    const host = await breaking((request) => {
      const body = request.method === "PATCH" || request.method === "PUT";
      return body && request.url?.includes("/uploads/") === true && broken++ % 2 === 0 && broken < 8
        ? 200_000
        : undefined;
    });
    const client = connect({ retries: 5, chunkBytes, random: () => 0.1 });
    const app = client.repository(`${host}/app`);
    expect(await app.putBlob(blob.descriptor, () => once(blob.bytes))).toBe(blob.bytes.byteLength);
    expect((await readAll(app.blob(blob.descriptor))).equals(blob.bytes)).toBe(true);
    expect(broken).toBeGreaterThan(1);
    // What had come is not sent again.
    if (chunkBytes > 0) expect(client.stats().bytesUp).toBeLessThan(blob.bytes.byteLength + 7 * chunkBytes);
  });

  it("after the blob, the manifest or the tag was taken, but before we heard so, changes nothing", async () => {
    const folder = await makeFolder();
    const server = await createRegistryServer({ dir: folder.path("registry") });
    let lost = 0;
    const { host } = await hostile((request, response) => {
      if (request.method === "PUT" && lost++ % 2 === 0) {
        response.writeHead = () => response;
        response.end = () => {
          request.socket.destroy();
          return response;
        };
      }
      server.handler(request, response);
    });
    cleanups.push(() =>
      parts
        .close()
        .then(() => server.close())
        .then(folder.remove),
    );
    const client = connect({ retries: 3, random: () => 0 });
    const app = client.repository(`${host}/app`);
    const large = await makeImage([randomBytes(200_000).toString("base64")]);
    await pushImage(app, large, "1");
    await app.tag(large.manifest.digest, "2", { ifMatch: "absent" });
    expect((await app.resolve("2"))?.digest).toBe(large.manifest.digest);
    expect(lost).toBeGreaterThan(3);
  });
});
