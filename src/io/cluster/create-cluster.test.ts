import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { createCluster, type Cluster } from "./create-cluster.ts";

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

type Answer = (response: ServerResponse, incoming: IncomingMessage) => void;
const signal = new AbortController().signal;
const limits = { timeoutMs: 1000, bytes: 100_000, pages: 3, retryMs: 50, exec: { timeoutMs: 500, bytes: 10_000 } };
const answer =
  (code: number, json: unknown, headers: Record<string, string> = {}): Answer =>
  (response) =>
    void response.writeHead(code, headers).end(typeof json === "string" ? json : JSON.stringify(json));

/** A server that gives these answers one after the other, then the last again and again. */
async function open(
  ...answers: Answer[]
): Promise<{ readonly cluster: Cluster; readonly asked: string[]; readonly url: string }> {
  const asked: string[] = [];
  const server = createServer((incoming, response) => {
    asked.push(`${incoming.method} ${incoming.url} ${incoming.headers.authorization}`);
    (answers.length > 1 ? answers.shift() : answers[0])?.(response, incoming);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ends.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const kubeconfig = await write({
    "current-context": "a",
    contexts: [{ name: "a", context: { cluster: "b", user: "c" } }],
    clusters: [{ name: "b", cluster: { server: `${url}/` } }],
    users: [{ name: "c", user: { token: "canary" } }],
  });
  return { cluster: createCluster({ kubeconfig, context: undefined, env: {} }, limits), asked, url };
}

async function write(config: unknown): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "tidemill-kubeconfig-"));
  ends.push(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, "config");
  await writeFile(path, typeof config === "string" ? config : JSON.stringify(config));
  return path;
}

describe("an API server that means harm, or is not well", () => {
  it.each<[string, Answer, string, RegExp]>([
    ["a flood", answer(200, "9".repeat(200_000)), "TOO_LARGE", /larger than 100000 bytes/],
    [
      "a flood without an end",
      (response) => {
        response.writeHead(200);
        const timer = setInterval(() => response.write("x".repeat(50_000)), 1);
        response.on("close", () => clearInterval(timer));
      },
      "TOO_LARGE",
      /larger than/,
    ],
    ["no JSON", answer(200, "{"), "UNREACHABLE", /no JSON/],
    ["nothing", () => undefined, "UNREACHABLE", /within 1000 ms/],
    ["a body that drips", (response) => void response.writeHead(200).write("{"), "UNREACHABLE", /within 1000 ms/],
    ["a cut", (response) => void response.destroy(), "UNREACHABLE", /127\.0\.0\.1/],
    ["401", answer(401, { message: "Unauth\u001b[31morized" }), "DENIED", /401: Unauth\\u\{1b\}\[31morized/],
    ["403", answer(403, { message: "cannot get" }), "DENIED", /cannot get/],
    ["a quota", answer(403, { message: 'pods "x" is forbidden: exceeded quota: small' }), "REFUSED", /exceeded quota/],
    [
      "missing rights",
      answer(403, { message: 'x is forbidden: User "a" cannot patch resource "y"' }),
      "DENIED",
      /cannot patch/,
    ],
    ["422", answer(422, { message: "invalid" }), "REFUSED", /422: invalid/],
    ["500 of another kind", answer(500, [1]), "UNREACHABLE", /500$/],
    ["429 again and again", answer(429, {}, { "retry-after": "100" }), "UNREACHABLE", /429/],
  ])("answers with %s: refused within limits", async (_, given, code, message) => {
    const { cluster } = await open(given);
    await expect(cluster.read("/api/v1/x", signal)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
    await expect(cluster.patch("/api/v1/x", {}, signal)).rejects.toMatchObject({ code });
  });

  it("may have a webhook that denies a change by any status: that is no object that is gone", async () => {
    const message = 'admission webhook "signed.example" denied the request: not signed';
    const { cluster } = await open(answer(404, { message }), answer(409, { message }), answer(500, { message }));
    for (const code of ["REFUSED", "REFUSED", "UNREACHABLE"])
      await expect(cluster.patch("/x", {}, signal)).rejects.toMatchObject({
        code,
        message: expect.stringContaining(message),
      });
  });

  it("cannot lead us elsewhere, nor our token", async () => {
    const elsewhere = await open(answer(200, {}));
    const { cluster, asked } = await open(answer(302, {}, { location: `${elsewhere.url}/stolen` }));
    await expect(cluster.read("/api/v1/x", signal)).rejects.toMatchObject({ code: "UNREACHABLE" });
    await expect(cluster.patch("/api/v1/x", {}, signal)).rejects.toMatchObject({ code: "UNREACHABLE" });
    expect(asked).toEqual(["GET /api/v1/x Bearer canary", "PATCH /api/v1/x?fieldManager=tidemill Bearer canary"]);
    expect(elsewhere.asked).toEqual([]);
  });

  it("is asked again where it is busy, once, and answers", async () => {
    const { cluster, asked } = await open(answer(429, {}, { "retry-after": "1" }), answer(200, { a: 1 }));
    expect(await cluster.read("/api/v1/x", signal)).toEqual({ a: 1 });
    expect(asked).toHaveLength(2);
  });

  it("says that an object is not there, or is another by now", async () => {
    const { cluster } = await open(answer(404, {}), answer(409, {}), answer(404, {}), answer(200, {}));
    expect(await cluster.read("/x", signal)).toBeUndefined();
    expect(await cluster.patch("/x", {}, signal)).toBe("conflict");
    expect(await cluster.patch("/x", {}, signal)).toBe("conflict");
    expect(await cluster.patch("/x", {}, signal)).toBe("patched");
  });

  it("deletes one object, by its uid, and takes what has gone as done", async () => {
    const bodies: string[] = [];
    const keep =
      (code: number): Answer =>
      (response, incoming) => {
        incoming.on("data", (piece: Buffer) => bodies.push(piece.toString("utf8")));
        incoming.on("end", () => answer(code, {})(response, incoming));
      };
    const { cluster } = await open(keep(200), keep(404), keep(409), keep(403));
    for (let count = 0; count < 3; count += 1) await cluster.remove("/x", "u", signal);
    await expect(cluster.remove("/x", "u", signal)).rejects.toMatchObject({ code: "DENIED" });
    expect(bodies[0]).toBe('{"preconditions":{"uid":"u"}}');
  });

  it("gives a list in pages, begins it anew where it is too old, and has an end", async () => {
    const { cluster, asked } = await open(
      answer(200, { items: [1], metadata: { continue: "t" } }),
      answer(410, {}),
      answer(200, { items: [1], metadata: { continue: "u" } }),
      answer(200, { items: [2], metadata: {} }),
    );
    expect(await cluster.list("/x", "app=web", signal)).toEqual([1, 2]);
    expect(asked.map((one) => one.split(" ")[1])).toEqual([
      "/x?limit=100&labelSelector=app%3Dweb",
      "/x?limit=100&labelSelector=app%3Dweb&continue=t",
      "/x?limit=100&labelSelector=app%3Dweb",
      "/x?limit=100&labelSelector=app%3Dweb&continue=u",
    ]);
    const endless = await open(answer(200, { items: [1], metadata: { continue: "t" } }));
    await expect(endless.cluster.list("/x", undefined, signal)).rejects.toMatchObject({ code: "TOO_LARGE" });
    expect(endless.asked).toHaveLength(3);
    const old = await open(answer(410, {}));
    await expect(old.cluster.list("/x", undefined, signal)).rejects.toMatchObject({ code: "REFUSED" });
    const strange = await open(answer(200, { items: "x" }));
    await expect(strange.cluster.list("/x", undefined, signal)).rejects.toThrow(/no list/);
  });

  it("is left when the process ends", async () => {
    const { cluster } = await open(() => undefined);
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error("stopped")), 100);
    await expect(cluster.read("/x", stop.signal)).rejects.toThrow("stopped");
  });
});

describe("a kubeconfig", () => {
  const user = (own: object) => ({
    "current-context": "a",
    contexts: [{ name: "a", context: { cluster: "b", user: "c" } }],
    clusters: [{ name: "b", cluster: { server: "https://127.0.0.1:1" } }],
    users: [{ name: "c", user: own }],
  });
  it.each<[string, unknown, RegExp]>([
    ["that is no YAML", "a: [secret", /it is no YAML$/],
    ["that is something else", "- 1", /no kubeconfig/],
    ["too large", "x".repeat(2_000_000), /larger than/],
    ["without its context", { contexts: [] }, /no context/],
    ["without its cluster", { ...user({}), clusters: [] }, /no cluster b/],
    [
      "with an address of another kind",
      { ...user({}), clusters: [{ name: "b", cluster: { server: "file:///x" } }] },
      /clusters\.0/,
    ],
    [
      "that runs a program by what is no version",
      user({ exec: { command: "/bin/false" } }),
      /users\.0\.user\.exec\.apiVersion/,
    ],
    ["that asks as somebody else", user({ as: "root", token: "secret" }), /`as`, which is not used/],
    ["whose key is not there", user({ "client-key": "gone.key" }), /gone\.key: it cannot be read/],
  ])("%s is refused by name, and no secret is told", async (_, config, message) => {
    const kubeconfig = await write(config);
    const cluster = createCluster({ kubeconfig, context: undefined, env: {} }, limits);
    const error: unknown = await cluster.read("/x", signal).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "BAD_ACCESS", message: expect.stringMatching(message) });
    expect(String(error)).not.toContain("secret");
  });

  it("is needed outside of a cluster", async () => {
    const cluster = createCluster({ kubeconfig: undefined, context: undefined, env: {} }, limits);
    await expect(cluster.read("/x", signal)).rejects.toThrow(/no pod of a cluster/);
  });
});
