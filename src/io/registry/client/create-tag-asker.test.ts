import { afterEach, describe, expect, it } from "vitest";
import { manualClock, sha256 } from "../../../lib/index.ts";
import { createTagAsker, type TagAskerOptions, type TagName } from "../index.ts";
import type { Answering } from "../testdata/hostile-server.ts";
import { makeImage } from "../testdata/make-image.ts";
import { openParts } from "../testdata/open-parts.ts";

const parts = openParts();
const { hostile, connect } = parts;
afterEach(() => parts.close());

const start = Date.UTC(2026, 0, 5);
const image = await makeImage(["one"]);
const { mediaType, bytes, digest } = image.manifest;

/** An asker of servers that answer so; `name` makes the name of a tag of each. */
async function asking(answers: readonly Answering[], options: TagAskerOptions = {}) {
  const servers = await Promise.all(answers.map((answer) => hostile(answer)));
  const clock = manualClock(start);
  const asker = createTagAsker(connect({ retries: 4, clock }), { clock, ...options });
  const name = (tag: string, server = 0): TagName => ({
    registry: servers[server]?.host ?? "",
    repository: "app",
    tag,
  });
  return { asker, clock, name, asked: (server = 0) => servers[server]?.asked ?? [] };
}

const heads: Answering = (request, response) => {
  const head = { "content-type": mediaType, "docker-content-digest": digest, "content-length": bytes.byteLength };
  response.writeHead(200, head).end(request.method === "HEAD" ? undefined : bytes);
};
/** No digest in the head, as from a plain file server. */
const bodies: Answering = (request, response) => {
  const isKnown = request.headers["if-none-match"] === '"v1"';
  response.writeHead(isKnown ? 304 : 200, { "content-type": mediaType, etag: '"v1"' });
  response.end(isKnown || request.method === "HEAD" ? undefined : bytes);
};

describe("createTagAsker", () => {
  it("asks three tags for 500 images with three requests", async () => {
    const { asker, clock, name, asked } = await asking([heads]);
    const all = Array.from({ length: 500 }, (_, n) => asker.ask(name(`t${n % 3}`)));
    const found = await Promise.all(all);
    expect(new Set(found.map(({ descriptor }) => descriptor?.digest))).toEqual(new Set([digest]));
    for (let n = 0; n < 500; n += 1) await asker.ask(name(`t${n % 3}`));
    expect(asked().toSorted()).toEqual(["t0", "t1", "t2"].map((tag) => `HEAD /v2/app/manifests/${tag}`));
    clock.advance(30_000);
    await Promise.all(Array.from({ length: 500 }, (_, n) => asker.ask(name(`t${n % 3}`))));
    expect(asked()).toHaveLength(6);
  });

  it("falls back to a GET, and remembers that HEAD says nothing, and what it knows", async () => {
    const { asker, clock, name, asked } = await asking([bodies]);
    for (let look = 0; look < 3; look += 1) {
      expect((await asker.ask(name("1"))).descriptor?.digest).toBe(digest);
      clock.advance(60_000);
    }
    expect(asked().map((line) => line.split(" ")[0])).toEqual(["HEAD", "GET", "GET", "GET"]);
  });

  it.each([405, 400, 501])("of a server that refuses HEAD with %i asks by GET", async (status) => {
    const { asker, name } = await asking([
      (request, response, url) =>
        request.method === "HEAD" ? response.writeHead(status).end() : bodies(request, response, url),
    ]);
    expect((await asker.ask(name("1"))).descriptor?.digest).toBe(digest);
  });

  it("tells the registry's time, and nothing of a tag that is not there", async () => {
    const { asker, name } = await asking([
      (_, response) => response.writeHead(404, { date: new Date(start).toUTCString() }).end(),
      (_, response) => {
        response.sendDate = false;
        response.writeHead(404).end();
      },
    ]);
    expect(await asker.ask(name("1"))).toEqual({ descriptor: undefined, theirs: start });
    expect(await asker.ask(name("1", 1))).toEqual({ descriptor: undefined, theirs: undefined });
  });

  it("leaves a registry alone that says 429, for as long as it says, and lets nobody wait for it", async () => {
    let isFull = true;
    const full: Answering = (request, response, url) =>
      isFull ? response.writeHead(429, { "retry-after": "50" }).end() : heads(request, response, url);
    const { asker, clock, name, asked } = await asking([full, heads], { atOnce: 1, freshMs: 1000 });
    const results = await Promise.allSettled(Array.from({ length: 200 }, (_, n) => asker.ask(name(`t${n}`))));
    expect(results.every(({ status }) => status === "rejected")).toBe(true);
    expect(asked()).toHaveLength(1);
    expect((await asker.ask(name("1", 1))).descriptor?.digest).toBe(digest);
    expect(clock.now()).toBe(start);
    clock.advance(49_000);
    await expect(asker.ask(name("t0"))).rejects.toMatchObject({ code: "THROTTLED", retry: true, retryAfterMs: 1000 });
    expect(asker.left().get(name("t0").registry)).toMatchObject({ isQuiet: true });
    isFull = false;
    clock.advance(1000);
    expect((await asker.ask(name("t0"))).descriptor?.digest).toBe(digest);
  });

  it("keeps its budget for each registry, lists and other work included", async () => {
    const { asker, clock, name, asked } = await asking([heads, heads], { budget: { requests: 3, perMs: 60_000 } });
    asker.spend(name("").registry);
    await asker.ask(name("1"));
    expect(asker.left().get(name("").registry)).toEqual({ requests: 1, of: 3, isQuiet: false });
    await asker.ask(name("2"));
    await expect(asker.ask(name("3"))).rejects.toMatchObject({ code: "BUDGET_SPENT", retryAfterMs: 60_000 });
    expect(asker.left().get(name("").registry)).toEqual({ requests: 0, of: 3, isQuiet: false });
    expect(() => asker.spend(name("").registry)).toThrow(/spent until 2026-01-05 00:01 UTC/);
    await asker.ask(name("3", 1));
    expect(asked()).toHaveLength(2);
    clock.advance(60_000);
    expect(asker.left().get(name("").registry)).toEqual({ requests: 3, of: 3, isQuiet: false });
    await asker.ask(name("3"));
  });

  it("shares a failure too, and asks again after it", async () => {
    let isBroken = true;
    const { asker, clock, name, asked } = await asking([
      (request, response, url) => (isBroken ? response.writeHead(403).end() : heads(request, response, url)),
    ]);
    const results = await Promise.allSettled(Array.from({ length: 50 }, () => asker.ask(name("1"))));
    expect(results.every(({ status }) => status === "rejected")).toBe(true);
    await expect(asker.ask(name("1"))).rejects.toMatchObject({ code: "DENIED" });
    expect(asked()).toHaveLength(1);
    isBroken = false;
    clock.advance(30_000);
    expect((await asker.ask(name("1"))).descriptor?.digest).toBe(digest);
  });

  it("asks anew for what was pushed", async () => {
    const { asker, name, asked } = await asking([heads]);
    await Promise.all(["1", "2"].map((tag) => asker.ask(name(tag))));
    const { registry, repository } = name("1");
    asker.forget({ registry, repository, tag: "1" });
    await Promise.all(["1", "2"].map((tag) => asker.ask(name(tag))));
    expect(asked()).toHaveLength(3);
    asker.forget({ registry, repository });
    await Promise.all(["1", "2"].map((tag) => asker.ask(name(tag))));
    expect(asked()).toHaveLength(5);
  });

  it("goes on for those who still wait when one leaves, and stops when all have left", async () => {
    let arrived = (): void => undefined;
    const arriving = new Promise<void>((resolve) => (arrived = resolve));
    let release = (): void => undefined;
    const { asker, name, asked } = await asking([
      (request, response, url) => {
        release = () => heads(request, response, url);
        arrived();
      },
    ]);
    const [leaving, staying] = [new AbortController(), new AbortController()];
    const first = asker.ask(name("1"), leaving.signal);
    const second = asker.ask(name("1"), staying.signal);
    await arriving;
    leaving.abort(new Error("one left"));
    await expect(first).rejects.toThrow("one left");
    release();
    expect((await second).descriptor?.digest).toBe(digest);
    await expect(asker.ask(name("2"), AbortSignal.abort(new Error("never came")))).rejects.toThrow("never came");
    const last = asker.ask(name("3"), AbortSignal.timeout(50));
    await expect(last).rejects.toThrow(/timeout/);
    await expect(asker.ask(name("3"), AbortSignal.timeout(50))).rejects.toThrow(/timeout/);
    expect(asked().filter((line) => line.endsWith("/3"))).toHaveLength(2);
  });

  it("reads lists of tags page by page, once, and with an end", async () => {
    const page: Answering = (_, response, url) => {
      const at = Number(url.searchParams.get("at") ?? 0);
      if (at < 2) response.setHeader("link", `</v2/app/tags/list?at=${at + 1}>; rel="next"`);
      response.end(JSON.stringify({ name: "app", tags: [`t${at}`] }));
    };
    const endless: Answering = (_, response, url) => {
      const at = Number(url.searchParams.get("at") ?? 0);
      response.setHeader("link", `</v2/app/tags/list?at=${at + 1}>; rel="next"`);
      response.end(JSON.stringify({ name: "app", tags: [`t${at}`] }));
    };
    const { asker, name, asked } = await asking([page, endless]);
    expect(await Promise.all([asker.tags(name("")), asker.tags(name(""))])).toEqual([
      ["t0", "t1", "t2"],
      ["t0", "t1", "t2"],
    ]);
    expect(asked()).toHaveLength(3);
    await expect(asker.tags(name("", 1))).rejects.toMatchObject({
      code: "BAD_ANSWER",
      message: expect.stringContaining("pages"),
    });
  });

  it.each<[string, Answering, string]>([
    [
      "a digest that is none",
      (_, response) =>
        response.writeHead(200, { "content-type": mediaType, "docker-content-digest": "sha256:zz" }).end("{}"),
      "WRONG_BYTES",
    ],
    [
      "other bytes than it says",
      (request, response) =>
        response
          .writeHead(200, {
            "content-type": mediaType,
            ...(request.method === "GET" ? { "docker-content-digest": sha256("x") } : {}),
          })
          .end(bytes),
      "WRONG_BYTES",
    ],
    ["304 that nobody asked for", (_, response) => response.writeHead(304).end(), "BAD_ANSWER"],
    [
      "an etag that would split a header",
      (request, response) =>
        response
          .writeHead(200, { "content-type": mediaType, etag: "v1" })
          .end(request.method === "GET" ? "no JSON" : undefined),
      "BAD_MANIFEST",
    ],
  ])("refuses %s", async (_, answer, code) => {
    const { asker, name } = await asking([answer]);
    await expect(asker.ask(name("1"))).rejects.toMatchObject({ code });
  });
});
