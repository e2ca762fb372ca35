import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { collectBytes, sha256, signWebhook } from "../../lib/index.ts";
import { createDeployTarget, type DeployMeans, type DeployRequest, type DeployTarget } from "./index.ts";
import { loneMemory, loneWorld } from "./testdata/lone-world.ts";

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

const secret = "a secret of the shop";
const [digest, previous] = [sha256("new"), sha256("old")];
const request: DeployRequest = {
  deployment: "shop",
  image: "web",
  environment: "production",
  id: "one",
  fence: 7,
  digest,
  reference: `registry.example/web@${digest}`,
  previous: { digest: previous, reference: `registry.example/web@${previous}` },
  kind: "forward",
  reason: "nginx 1.0 → 1.1 (CVE-1)",
};
const place = { deployment: "shop", image: "web", environment: "production" };
const means = (more: Partial<DeployMeans> = {}): DeployMeans => ({
  signal: new AbortController().signal,
  deadlineMs: 5000,
  confirmOurs: () => Promise.resolve(),
  memory: loneMemory(),
  isOurs: () => true,
  forced: false,
  ...more,
});

interface Asked {
  readonly method: string;
  readonly url: string;
  readonly id: string;
  readonly body: unknown;
  readonly isSigned: boolean;
}
type Answer = (response: ServerResponse, method: string) => void;

/** A system on loopback that answers with these, one after the other, and then with the last. */
async function open(...answers: Answer[]): Promise<{ readonly target: DeployTarget; readonly asked: Asked[] }> {
  const asked: Asked[] = [];
  const server = createServer((incoming, response) => {
    void collectBytes(incoming, 1 << 20, "a request").then((bytes) => {
      const { headers } = incoming;
      const body = Buffer.from(bytes).toString("utf8");
      const id = String(headers["webhook-id"]);
      const seconds = Number(headers["webhook-timestamp"]);
      const signature = signWebhook(Buffer.from(secret), id, seconds, body);
      const isSigned = headers["webhook-signature"] === signature && headers["idempotency-key"] === id;
      const { method = "", url = "" } = incoming;
      asked.push({ method, url, id, body: body === "" ? undefined : JSON.parse(body), isSigned });
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      answer?.(response, method);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ends.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const webhook = { url: `${url}/hook`, secret, observe: `${url}/runs/{image}`, poll: 100 };
  const target = createDeployTarget({ environment: "production", deadline: 1, webhook }, loneWorld("/"));
  return { target, asked };
}

const answer =
  (status: number, json?: unknown, headers: Record<string, string> = {}): Answer =>
  (response) =>
    void response.writeHead(status, headers).end(json === undefined ? "" : JSON.stringify(json));
const text =
  (status: number, body: string): Answer =>
  (response) =>
    void response.writeHead(status).end(body);

describe("a system that takes a signed request", () => {
  it("is told what to run, on whose word, and what ran before", async () => {
    const { target, asked } = await open(answer(200));
    expect(await target.apply(request, means({ forced: true }))).toEqual({ kind: "applied" });
    expect(await target.undo(request, means())).toEqual({ kind: "undone" });
    expect(asked).toEqual([
      {
        method: "POST",
        url: "/hook",
        id: "one",
        isSigned: true,
        body: { type: "apply", data: { ...request, forced: true } },
      },
      {
        method: "POST",
        url: "/hook",
        id: "one-undo",
        isSigned: true,
        body: { type: "undo", data: { ...request, forced: false } },
      },
    ]);
    const first = { ...request, previous: undefined };
    await target.apply(first, means());
    expect(asked.at(-1)?.body).toMatchObject({ data: { previous: null } });
  });

  it.each<[string, Answer, string, unknown]>([
    ["204", answer(204), "applied", undefined],
    [
      "400",
      answer(400, { reason: "no such\u001b[31m image" }),
      "failed",
      expect.stringMatching(/^it answered 400: no such/),
    ],
    ["422", text(422, "<html>"), "failed", "it answered 422"],
    ["409", answer(409), "stale", "it answered 409"],
    ["401", answer(401), "unreachable", "it answered 401"],
    ["500", answer(500, { reason: 5 }), "unreachable", "it answered 500"],
    [
      "503",
      answer(503, { reason: "x".repeat(10_000) }),
      "unreachable",
      expect.stringMatching(/^it answered 503: x{500}$/),
    ],
    ["a redirect", answer(302, undefined, { location: "http://169.254.169.254/" }), "unreachable", "it answered 302"],
    ["nothing", (response) => void response.destroy(), "unreachable", expect.any(String)],
    ["202 without a status", answer(202), "unreachable", expect.stringContaining("named no status")],
    [
      "a status elsewhere",
      answer(202, { status: "http://169.254.169.254/latest" }),
      "unreachable",
      expect.stringContaining("on its own host"),
    ],
    [
      "a status of another kind",
      answer(202, { status: "file:///etc/passwd" }),
      "unreachable",
      expect.stringContaining("on its own host"),
    ],
    ["a status that names who asks", answer(202, { status: "//user@127.0.0.1/" }), "unreachable", expect.any(String)],
    ["a flood", text(202, "x".repeat(3_000_000)), "unreachable", expect.any(String)],
  ])("and answers %s is understood", async (_, given, kind, reason) => {
    const { target, asked } = await open(given);
    expect(await target.apply(request, means())).toEqual(reason === undefined ? { kind } : { kind, reason });
    expect(asked).toHaveLength(1);
  });

  it("is asked for its status until that is an end, whatever it says meanwhile", async () => {
    const { target, asked } = await open(
      answer(202, { status: "/status/one" }),
      answer(200, { state: "pending" }),
      answer(500),
      text(200, "oh"),
      answer(200, { state: "halfway" }),
      answer(200, { state: "done" }),
    );
    expect(await target.apply(request, means())).toEqual({ kind: "applied" });
    expect(asked.slice(1).map(({ method, url, isSigned }) => [method, url, isSigned])).toEqual(
      Array.from({ length: 5 }, () => ["GET", "/status/one", true]),
    );
  });

  it("says by its status that it failed, or nothing in time", async () => {
    const failing = await open(
      answer(202, undefined, { location: "/s" }),
      answer(200, { state: "failed", reason: "2 of 5 ended" }),
    );
    expect(await failing.target.apply(request, means())).toEqual({ kind: "failed", reason: "2 of 5 ended" });
    const silent = await open((response, method) =>
      (method === "POST" ? answer(202, { status: "/s" }) : answer(200, { state: "pending" }))(response, method),
    );
    expect(await silent.target.apply(request, means({ deadlineMs: 350 }))).toMatchObject({ kind: "again" });
    expect(await silent.target.undo(request, means({ deadlineMs: 350 }))).toMatchObject({ kind: "again" });
  });

  it("that does not answer ends with the process, and nothing is sent where the place is another's", async () => {
    const { target, asked } = await open(() => undefined);
    const lost = () => Promise.reject(new Error("lost"));
    await expect(target.apply(request, means({ confirmOurs: lost }))).rejects.toThrow("lost");
    expect(asked).toEqual([]);
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error("stopped")), 200);
    await expect(target.apply(request, means({ signal: stop.signal }))).rejects.toThrow("stopped");
    await expect(target.observe(place, stop.signal)).rejects.toThrow("stopped");
  });

  it.each<[string, Answer, object]>([
    ["a digest", answer(200, { digest }), { kind: "running", digests: [digest] }],
    ["several", answer(200, { digests: [digest, previous] }), { kind: "running", digests: [digest, previous] }],
    ["none", answer(200, { digest: null }), { kind: "absent" }],
    ["a tag", answer(200, { digest: "latest" }), { kind: "unknown" }],
    ["404", answer(404, { digest }), { kind: "unknown", reason: "it answered 404" }],
    ["no JSON", text(200, "{"), { kind: "unknown" }],
    ["a flood", text(200, "9".repeat(3_000_000)), { kind: "unknown" }],
    ["nothing", (response) => void response.destroy(), { kind: "unknown" }],
  ])("says what runs: %s", async (_, given, observed) => {
    const { target, asked } = await open(given);
    expect(await target.observe(place, new AbortController().signal)).toMatchObject(observed);
    expect(asked).toMatchObject([{ method: "GET", url: "/runs/web", isSigned: true }]);
  });
});
