import { once } from "node:events";
import {
  request as httpRequest,
  STATUS_CODES,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { AppError } from "../lib/index.ts";
import { OperationError, type Operations, type ProgressEvent } from "../operation/index.ts";
import { hostileStatus, hostileText, sampleStatus } from "../operation/testdata/status.ts";
import { createOperationsClient, followEvents } from "./client.ts";
import { connectServer, createEventBus, createHandler, createServer, type ServerOptions } from "./index.ts";
import { send, type Sent } from "./testdata/send.ts";

const token = "correct-horse-battery";
const running: Server[] = [];

afterEach(() => {
  for (const server of running.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

/** A server with fake operations on a free port of loopback. */
async function start(
  operations: Partial<Operations>,
  more: Partial<ServerOptions> = {},
): Promise<{ port: number; address: string }> {
  const server = createServer(
    createHandler({ operations: operations as Operations, token, version: "0.0.0", ...more }),
  );
  running.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { port, address: `http://127.0.0.1:${port}` };
}

const write: Sent = {
  method: "POST",
  headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
  body: JSON.stringify({ image: "web", by: "ada", reason: "drill" }),
};

describe("the local API", () => {
  it("answers an operation as it is asked", async () => {
    const asked: unknown[] = [];
    const { port } = await start({
      rebuild: (input) => {
        asked.push(input);
        return Promise.resolve({ kind: "queued", image: "web", rebuild: "r1", joined: false, kept: [] });
      },
    });
    const answer = await send(port, "/api/v1/operations/rebuild", write);
    expect(answer).toMatchObject({
      status: 200,
      headers: { "x-content-type-options": "nosniff", "cache-control": "no-store" },
    });
    expect(JSON.parse(answer.text)).toEqual({ kind: "queued", image: "web", rebuild: "r1", joined: false, kept: [] });
    expect(asked).toEqual([{ image: "web", by: "ada", reason: "drill" }]);
  });

  it("reads by GET, without the token", async () => {
    const { port } = await start({
      status: () => Promise.resolve(sampleStatus),
      history: (input) => Promise.resolve({ events: [], next: JSON.stringify(input) }),
    });
    expect(JSON.parse((await send(port, "/api/v1/status")).text)).toEqual(sampleStatus);
    const history = await send(port, "/api/v1/history?image=web&limit=3");
    expect(JSON.parse(history.text)).toEqual({ events: [], next: '{"image":"web","limit":3}' });
    expect(await send(port, "/api/v1/history?limit=abc")).toMatchObject({ status: 400 });
    expect(await send(port, "/api/v1/status?nothing=1")).toMatchObject({ status: 400 });
  });

  it.each([
    ["no token", { ...write, headers: { "content-type": "application/json" } }, 401, "UNAUTHORIZED"],
    ["another token", { ...write, headers: { ...write.headers, authorization: "Bearer wrong" } }, 401, "UNAUTHORIZED"],
    ["a form", { ...write, headers: { ...write.headers, "content-type": "text/plain" } }, 400, "BAD_INPUT"],
    ["no JSON", { ...write, body: "{" }, 400, "BAD_INPUT"],
    [
      "fields that are not known",
      { ...write, body: '{"image":"web","by":"a","reason":"b","force":true}' },
      400,
      "BAD_INPUT",
    ],
    ["too much", { ...write, body: `"${"x".repeat(1_100_000)}"` }, 413, "TOO_LARGE"],
    ["another name", { ...write, headers: { ...write.headers, host: "evil.example" } }, 403, "FORBIDDEN"],
    [
      "a name that begins as ours",
      { ...write, headers: { ...write.headers, host: "127.0.0.1.evil.example" } },
      403,
      "FORBIDDEN",
    ],
    ["a Host that is none", { ...write, headers: { ...write.headers, host: "local host/../" } }, 403, "FORBIDDEN"],
    [
      "another site's page",
      { ...write, headers: { ...write.headers, origin: "http://evil.example" } },
      403,
      "FORBIDDEN",
    ],
    ["a page without an origin", { ...write, headers: { ...write.headers, origin: "null" } }, 403, "FORBIDDEN"],
    [
      "another port's page",
      { ...write, headers: { ...write.headers, "sec-fetch-site": "same-site" } },
      403,
      "FORBIDDEN",
    ],
  ])("refuses a write with %s", async (_, sent, status, code) => {
    const { port } = await start({ rebuild: () => Promise.reject(new Error("must not be reached")) });
    const answer = await send(port, "/api/v1/operations/rebuild", sent);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.text)).toMatchObject({ code, status });
  });

  it("refuses a body without end, whatever length it claims", async () => {
    const { port } = await start({ rebuild: () => Promise.reject(new Error("must not be reached")) });
    const request = httpRequest({
      host: "127.0.0.1",
      port,
      path: "/api/v1/operations/rebuild",
      method: "POST",
      headers: { ...write.headers, "transfer-encoding": "chunked" },
      agent: false,
    });
    request.on("error", () => undefined);
    const answered = once(request, "response");
    const chunk = "x".repeat(65_536);
    const pour = setInterval(() => request.writable && request.write(chunk), 1);
    const [response] = (await answered) as [IncomingMessage];
    clearInterval(pour);
    expect(response.statusCode).toBe(413);
    request.destroy();
  });

  it.each([["127.0.0.1:80"], ["localhost"], ["localhost:9"], ["[::1]:9"], ["127.8.8.8"]])(
    "is read under %s",
    async (host) => {
      const { port } = await start({ status: () => Promise.resolve(sampleStatus) });
      expect(await send(port, "/api/v1/status", { headers: { host } })).toMatchObject({ status: 200 });
    },
  );

  it("is read under a name that the operator lists", async () => {
    const { port } = await start({ status: () => Promise.resolve(sampleStatus) }, { hosts: ["mill.internal"] });
    expect(await send(port, "/api/v1/status", { headers: { host: "mill.internal:80" } })).toMatchObject({
      status: 200,
    });
  });

  it("gives a rebinding page nothing, and a link from elsewhere only the page", async () => {
    const { port } = await start({ status: () => Promise.resolve(sampleStatus) });
    const headers = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };
    for (const path of ["/api/v1/status", "/api/v1/events", "/api/v1/openapi.json"]) {
      expect(await send(port, path, { headers })).toMatchObject({ status: 403 });
      expect(await send(port, path, { headers: { host: "evil.example" } })).toMatchObject({ status: 403 });
    }
    expect(await send(port, "/", { headers })).toMatchObject({ status: 200 });
  });

  it("answers 304 for what the caller has already, and names what it answers by an ETag", async () => {
    const items: never[] = [];
    const { port } = await start({ images: () => Promise.resolve({ items, next: null }) });
    const first = await send(port, "/api/v1/images?limit=5&labels=a%3D1&labels=b%3D2");
    const etag = first.headers.etag ?? "";
    expect(first).toMatchObject({ status: 200, headers: { "cache-control": "private, no-cache" } });
    expect(etag).toMatch(/^"[\w-]{22}"$/);
    for (const held of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
      const answer = await send(port, "/api/v1/images?limit=5", { headers: { "if-none-match": held } });
      expect(answer).toMatchObject({ status: 304, text: "", headers: { etag } });
    }
    expect(await send(port, "/api/v1/images", { headers: { "if-none-match": '"other"' } })).toMatchObject({
      status: 200,
    });
    for (const query of ["limit=5&limit=6", "limit=", "limit=0", "limit=501", "labels=x", "__proto__=1", "cursor="])
      expect(await send(port, `/api/v1/images?${query}`)).toMatchObject({ status: 400 });
  });

  it("hands everything below /v2/ to the registry", async () => {
    const registry = {
      handler: (request: IncomingMessage, response: ServerResponse) => response.end(`registry ${request.url}`),
      anonymousPull: false,
      imageOf: () => undefined,
      isOwnTag: () => false,
    };
    const { port } = await start({}, { registry });
    expect(await send(port, "/v2/")).toMatchObject({ text: "registry /v2/" });
    expect(await send(port, "/v2/web/tags/list?n=1")).toMatchObject({ text: "registry /v2/web/tags/list?n=1" });
    expect(await send(port, "/v2x")).toMatchObject({ status: 404 });
  });

  it.each([
    [new OperationError("NOT_FOUND", "no image web", { hint: "look" }), 404],
    [new OperationError("BUSY", "later"), 409],
    [new OperationError("REFUSED", "policy"), 409],
    [new AppError("INDEX_EXPIRED", "trixie: too old"), 500],
  ])("answers %o with its code", async (failure, status) => {
    const { port } = await start({ status: () => Promise.reject(failure) });
    const answer = await send(port, "/api/v1/status");
    expect(answer.status).toBe(status);
    expect(answer.headers["content-type"]).toBe("application/problem+json");
    expect(JSON.parse(answer.text)).toEqual({
      type: `urn:tidemill:error:${failure.code}`,
      title: STATUS_CODES[status],
      status,
      code: failure.code,
      detail: failure.message,
      hint: failure.hint ?? null,
    });
  });

  it("tells nobody what an unexpected failure says", async () => {
    const { port } = await start({ status: () => Promise.reject(new Error("postgres://user:secret@db")) });
    const answer = await send(port, "/api/v1/status");
    expect(answer.status).toBe(500);
    expect(answer.text).not.toContain("secret");
    expect(answer.text).toContain("INTERNAL");
  });

  it("says whether it lives, is ready, and what it counts", async () => {
    const { port } = await start(
      {},
      { notReady: () => Promise.resolve("migrating"), metrics: () => Promise.resolve("tidemill_images 3\n") },
    );
    expect(await send(port, "/healthz")).toMatchObject({ status: 200, text: "ok\n" });
    expect(await send(port, "/readyz")).toMatchObject({ status: 503, text: "migrating\n" });
    expect(await send(port, "/metrics")).toMatchObject({ status: 200, text: "tidemill_images 3\n" });
    expect(await send(port, "/nowhere")).toMatchObject({ status: 404 });
  });

  it("describes itself as OpenAPI", async () => {
    const { port } = await start({});
    const document = JSON.parse((await send(port, "/api/v1/openapi.json")).text);
    expect(document.openapi).toBe("3.1.0");
    expect(Object.keys(document.paths)).toContain("/api/v1/operations/rollback");
    expect(document.paths["/api/v1/why"].get.parameters.map((parameter: { name: string }) => parameter.name)).toEqual([
      "image",
      "digest",
      "If-None-Match",
    ]);
    expect(JSON.stringify(document)).not.toContain("$schema");
  });
});

describe("the operations client", () => {
  it("gives the answers that the operations give", async () => {
    const { address } = await start({
      status: () => Promise.resolve(sampleStatus),
      rollback: () => Promise.resolve({ kind: "refused", reasons: ["no good digest"] }),
    });
    const client = createOperationsClient({ address: address.slice(7), token });
    await expect(client.status({})).resolves.toEqual(sampleStatus);
    await expect(client.rollback({ image: "web", by: "ada", reason: "x" })).resolves.toEqual({
      kind: "refused",
      reasons: ["no good digest"],
    });
  });

  it("throws what the operations throw: code, message, hint", async () => {
    const { address } = await start({
      why: () => Promise.reject(new OperationError("NOT_FOUND", "no image web", { hint: "look" })),
    });
    const client = createOperationsClient({ address, token });
    await expect(client.why({ image: "web" })).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: "no image web",
      hint: "look",
    });
    await expect(client.why({ image: "" })).rejects.toMatchObject({ code: "BAD_INPUT" });
  });

  it("says that nobody answers, and that it does not understand", async () => {
    const { address } = await start({ status: () => Promise.resolve({ version: "9" } as never) });
    await expect(createOperationsClient({ address, token }).status({})).rejects.toMatchObject({ code: "BAD_ANSWER" });
    await expect(createOperationsClient({ address, token: "wrong" }).status({})).rejects.toMatchObject({
      code: "UNAUTHORIZED",
    });
    await expect(createOperationsClient({ address: "http://127.0.0.1:1", token }).status({})).rejects.toMatchObject({
      code: "SERVER_UNREACHABLE",
    });
  });
});

describe("the event stream", () => {
  it("tells a follower what happens, and ends when it is told to", async () => {
    const events = createEventBus();
    const { address } = await start({}, { events });
    const stop = new AbortController();
    const heard: ProgressEvent[] = [];
    const following = followEvents({ address, token }, (event) => heard.push(event), stop.signal);
    await until(() => events.listeners === 1);
    const event: ProgressEvent = {
      at: "2026-01-01T00:00:00Z",
      kind: "built",
      image: "web",
      message: "3 layers\n\ndata: forged",
    };
    events.publish(event);
    events.publish({ ...event, kind: "promoted" });
    await until(() => heard.length === 2);
    expect(heard[0]).toEqual(event);
    stop.abort();
    await following;
    await until(() => events.listeners === 0);
  });

  it("comes along with a connection until that is closed, and a connection does without it", async () => {
    const events = createEventBus();
    const { address } = await start({ status: () => Promise.resolve(sampleStatus) }, { events });
    const heard: ProgressEvent[] = [];
    const connection = connectServer({ address, token }, (event) => heard.push(event));
    await until(() => events.listeners === 1);
    events.publish({ at: sampleStatus.at, kind: "note", message: "hello" });
    await until(() => heard.length === 1);
    await expect(connection.operations.status({})).resolves.toEqual(sampleStatus);
    await connection.close();
    await until(() => events.listeners === 0);
    await connectServer({ address: "127.0.0.1:1", token }, () => undefined).close();
  });

  it("takes no more than a hundred readers", async () => {
    const events = createEventBus();
    for (let index = 0; index < 100; index += 1) events.subscribe(() => undefined);
    const { port } = await start({}, { events });
    expect(await send(port, "/api/v1/events")).toMatchObject({ status: 429 });
  });
});

describe("the status page", () => {
  it("names images, digests, alarms, what is in flight and why", async () => {
    const { port } = await start({ status: () => Promise.resolve(sampleStatus) });
    const { text, headers } = await send(port, "/");
    for (const word of [
      "nginx",
      "3f2a9c01b2de",
      "trixie-security",
      "fix-not-landed",
      "CVE-2026-1122",
      "unknown: no feed",
      "urgent",
    ]) {
      expect(text).toContain(word);
    }
    expect(headers["content-security-policy"]).toContain("default-src 'none'");
    expect(text).not.toMatch(/ on\w+=|<script>|style="/);
  });

  it.each(["/", "/state"])("shows hostile names harmless on %s", async (path) => {
    const { port } = await start({ status: () => Promise.resolve(hostileStatus()) });
    const { text } = await send(port, path);
    expect(text).not.toContain("<script>alert");
    expect(text).toContain("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;");
    // eslint-disable-next-line no-control-regex
    expect(text).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(hostileText).toContain("\u001b");
  });

  it("cuts a fleet of thousands to what can be read", async () => {
    const [image] = sampleStatus.images;
    const images = Array.from({ length: 3000 }, (_, index) => ({ ...image!, name: `image-${index}` }));
    const { port } = await start({ status: () => Promise.resolve({ ...sampleStatus, images }) });
    const { text } = await send(port, "/");
    expect(text).toContain("and 2500 more");
    expect(text.length).toBeLessThan(1_000_000);
  });
});

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 500 && !condition(); tries += 1) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(condition()).toBe(true);
}
