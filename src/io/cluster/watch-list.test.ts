import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { createCluster } from "./create-cluster.ts";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

type Answer = (response: ServerResponse, incoming: IncomingMessage) => void;
const line = (type: string, resourceVersion: string, more: object = {}): string =>
  `${JSON.stringify({ type, object: { metadata: { resourceVersion }, ...more } })}\n`;
/** A watch that tells this, and is ended by the server, or stays open. */
const tells =
  (text: string, stays = false): Answer =>
  (response) => {
    response.writeHead(200);
    response.write(text);
    if (!stays) response.end();
  };
const newest =
  (resourceVersion: string): Answer =>
  (response) =>
    void response.end(JSON.stringify({ items: [], metadata: { resourceVersion } }));
const status =
  (code: number, message = "no"): Answer =>
  (response) =>
    void response.writeHead(code).end(JSON.stringify({ code, message }));

/** Follows a list of a server that gives these answers one after the other, the last for ever. */
async function follow(...answers: Answer[]) {
  const asked: string[] = [];
  const at: number[] = [];
  const server = createServer((incoming, response) => {
    const { pathname, searchParams } = new URL(incoming.url ?? "", "http://x");
    const from = searchParams.get("resourceVersion");
    at.push(performance.now());
    asked.push(searchParams.has("watch") ? `watch ${from}` : `list ${pathname} ${searchParams.get("labelSelector")}`);
    (answers.length > 1 ? answers.shift() : answers[0])?.(response, incoming);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const folder = await mkdtemp(join(tmpdir(), "tidemill-watch-"));
  const kubeconfig = join(folder, "config");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await writeFile(
    kubeconfig,
    JSON.stringify({
      "current-context": "a",
      contexts: [{ name: "a", context: { cluster: "b" } }],
      clusters: [{ name: "b", cluster: { server: url } }],
    }),
  );
  const limits = { timeoutMs: 500, bytes: 100_000, pages: 3, retryMs: 10, exec: { timeoutMs: 500, bytes: 1000 } };
  const times = { seconds: 60, firstPauseMs: 10, longestPauseMs: 40, deniedPauseMs: 60_000 };
  const cluster = createCluster({ kubeconfig, context: undefined, env: {} }, { ...limits, follow: times });
  const stop = new AbortController();
  const heard: string[] = [];
  const hear = (into: string[]) => ({
    onLive: (isLive: boolean) => void into.push(isLive ? "live" : "silent"),
    onChange: (change: string) => void into.push(change),
  });
  const list = { path: "/pods", selector: "app=web" };
  const done = cluster.follow(list, hear(heard), stop.signal);
  ends.push(async () => {
    stop.abort();
    await done;
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true, force: true });
  });
  return { asked, at, heard, cluster, list, hear, stop };
}

describe("a list that is followed", () => {
  it("is heard from where it was, on from where a watch ended, and from a bookmark where nothing happened", async () => {
    const { asked, heard } = await follow(
      newest("10"),
      tells(line("ADDED", "11") + line("MODIFIED", "12") + line("DELETED", "13")),
      tells(line("BOOKMARK", "20")),
      tells("", true),
    );
    await expect.poll(() => asked.length).toBe(4);
    expect(asked).toEqual(["list /pods app=web", "watch 10", "watch 13", "watch 20"]);
    await expect.poll(() => heard).toEqual(["live", "came", "changed", "went", "live", "live"]);
  });

  it.each<[string, Answer]>([
    ["says so at once", status(410)],
    ["says so in the middle of it", tells(line("ERROR", "", { code: 410, message: "too old" }))],
  ])("begins anew where the server does not remember, and %s", async (_, gone) => {
    const { asked, heard } = await follow(newest("10"), gone, newest("30"), tells("", true));
    await expect.poll(() => asked).toEqual(["list /pods app=web", "watch 10", "list /pods app=web", "watch 30"]);
    await expect.poll(() => heard.filter((one, at) => one !== heard[at - 1]).slice(-2)).toEqual(["silent", "live"]);
  });

  it.each<[string, Answer]>([
    ["no events", tells("{}\n[1\n")],
    ["an event without an end", tells("x".repeat(3_000_000), true)],
    ["an error of its own", tells(line("ERROR", "", { code: 500, message: "etcd" }))],
    ["nothing but a failure", status(500)],
    ["a cut", (response) => void response.destroy()],
    ["a redirect", (response) => void response.writeHead(302, { location: "/stolen" }).end()],
  ])("of a server that gives %s is silent, and tried again", async (_, given) => {
    const { asked, heard } = await follow(newest("10"), given, newest("11"), tells("", true));
    await expect.poll(() => asked.at(-1), { timeout: 3000 }).toBe("watch 11");
    await expect.poll(() => heard.slice(-2)).toEqual(["silent", "live"]);
    expect(asked).not.toContain("list /stolen null");
  });

  it("of a server that ends every watch at once is not asked without a pause", async () => {
    const { at } = await follow(newest("1"), tells(""));
    await expect.poll(() => at.length).toBeGreaterThan(6);
    const gaps = at.slice(4).map((one, index) => one - (at[index + 3] ?? 0));
    // The longest pause here is 40 ms, three quarters of it at least, and timers may be a little early.
    expect(Math.min(...gaps)).toBeGreaterThan(25);
  });

  it("that we may not follow is not asked for again and again", async () => {
    const { asked, heard } = await follow(
      newest("10"),
      status(403, 'User "a" cannot watch resource "pods"'),
      newest("12"),
    );
    await expect.poll(() => heard).toEqual(["silent"]);
    expect(asked).toHaveLength(2);
  });

  it("is followed once for all who want to hear of it, until the last of them has heard enough", async () => {
    const { asked, cluster, list, hear, heard, stop } = await follow(newest("1"), tells(line("ADDED", "2"), true));
    await expect.poll(() => heard).toEqual(["live", "came"]);
    const second: string[] = [];
    const other = new AbortController();
    const done = cluster.follow(list, hear(second), other.signal);
    await expect.poll(() => second).toEqual(["live"]);
    stop.abort();
    expect(asked).toHaveLength(2);
    other.abort();
    await done;
    const third = new AbortController();
    const anew = cluster.follow(list, hear([]), third.signal);
    await expect.poll(() => asked.length).toBe(3);
    third.abort();
    await anew;
  });
});
