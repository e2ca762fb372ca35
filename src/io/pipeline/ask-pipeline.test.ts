import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { collectBytes, manualClock, signWebhook } from "../../lib/index.ts";
import { askPipeline, type PipelineQuestion, type PipelineVerdict } from "./index.ts";

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

const secret = "a secret of the pipeline";
type Answer = (response: ServerResponse) => void;
interface Asked {
  readonly method: string;
  readonly url: string;
  readonly id: string;
  readonly body: unknown;
  readonly isSigned: boolean;
}

/** A pipeline on loopback that answers with these, one after the other, and then with the last. */
async function open(...answers: Answer[]) {
  const asked: Asked[] = [];
  const server = createServer((incoming, response) => {
    void collectBytes(incoming, 1 << 20, "a request").then((bytes) => {
      const { headers, method = "", url = "" } = incoming;
      const body = Buffer.from(bytes).toString("utf8");
      const id = String(headers["webhook-id"]);
      const seconds = Number(headers["webhook-timestamp"]);
      const signature = signWebhook(Buffer.from(secret), id, seconds, body);
      const isSigned = headers["webhook-signature"] === signature && headers["idempotency-key"] === id;
      asked.push({ method, url, id, isSigned, body: body === "" ? undefined : JSON.parse(body) });
      (answers.length > 1 ? answers.shift() : answers[0])?.(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ends.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/verify`;
  const ask = (more: Partial<PipelineQuestion> = {}, signal = new AbortController().signal): Promise<PipelineVerdict> =>
    askPipeline(
      {
        url,
        secret,
        id: "one",
        data: { image: "web" },
        pollMs: 20,
        timeoutMs: 20_000,
        retries: { count: 0, pause: 0 },
        ...more,
      },
      manualClock(1_700_000_000_000),
      signal,
    );
  return { ask, asked };
}

const answer =
  (status: number, json?: unknown, headers: Record<string, string> = {}): Answer =>
  (response) =>
    void response.writeHead(status, headers).end(json === undefined ? "" : JSON.stringify(json));
const text =
  (status: number, body: string): Answer =>
  (response) =>
    void response.writeHead(status).end(body);

describe("a pipeline that is asked for its verdict", () => {
  it("gives it at once, and is asked once, signed", async () => {
    const { ask, asked } = await open(answer(200, { verdict: "passed", messages: ["12 tests"] }));
    expect(await ask()).toEqual({ kind: "passed", messages: ["12 tests"] });
    const body = { type: "verify", data: { image: "web" } };
    expect(asked).toEqual([{ method: "POST", url: "/verify", id: "one", isSigned: true, body }]);
  });

  it.each([
    ["in its body", answer(202, { status: "/runs/7" })],
    ["in Location", answer(202, undefined, { location: "/runs/7" })],
  ])("names a status %s that is asked, signed with the same id, until it says", async (_, first) => {
    const { ask, asked } = await open(
      first,
      answer(200, { verdict: "pending" }),
      answer(503),
      text(200, "<html>"),
      (response) => void response.destroy(),
      answer(200, { verdict: "failed", messages: ["checkout is broken"] }),
    );
    expect(await ask()).toEqual({ kind: "failed", messages: ["checkout is broken"] });
    expect(asked).toHaveLength(6);
    expect(asked.every(({ isSigned, id }) => isSigned && id === "one")).toBe(true);
    expect(asked.slice(1).every(({ method, url }) => method === "GET" && url === "/runs/7")).toBe(true);
  });

  it("that never says gives no verdict when the time is over", async () => {
    const { ask } = await open(answer(202, { status: "/runs/7" }), answer(200, { verdict: "pending" }));
    expect(await ask({ timeoutMs: 150 })).toEqual({ kind: "silent", reason: "it gave no verdict within 150 ms" });
  });

  it.each<[string, Answer, string]>([
    ["500", answer(500), "it answered 500"],
    ["401", answer(401), "it answered 401"],
    ["204", answer(204), "it answered 204"],
    ["a redirect", answer(302, undefined, { location: "http://169.254.169.254/" }), "it answered 302"],
    ["no JSON", text(200, "passed"), "without a verdict"],
    ["another verdict", answer(200, { verdict: "PASSED" }), "without a verdict"],
    ["pending for ever", answer(200, { verdict: "pending" }), "without a verdict"],
    ["messages that are none", answer(200, { verdict: "passed", messages: [{ length: 0 }] }), "without a verdict"],
    ["more than fits", text(200, `{"verdict":"passed","x":"${"x".repeat(100_000)}"}`), "without a verdict"],
    ["202 without a status", answer(202), "named no status"],
    ["a status elsewhere", answer(202, { status: "http://169.254.169.254/latest" }), "at its own origin"],
    ["a status of another kind", answer(202, { status: "file:///etc/passwd" }), "at its own origin"],
    ["a status with a user", answer(202, { status: "http://a:b@127.0.0.1/" }), "at its own origin"],
  ])("that answers %s gave no verdict", async (_, given, reason) => {
    const { ask, asked } = await open(given);
    expect(await ask()).toEqual({ kind: "silent", reason: expect.stringContaining(reason) });
    expect(asked).toHaveLength(1);
  });

  it("is asked again while it is in trouble, with the same id, as often as is said", async () => {
    const troubled = await open(answer(503), answer(429), answer(200, { verdict: "passed" }));
    expect(await troubled.ask({ retries: { count: 2, pause: 1 } })).toEqual({ kind: "passed", messages: [] });
    expect(troubled.asked.map(({ id }) => id)).toEqual(["one", "one", "one"]);
    const down = await open((response) => void response.destroy());
    expect(await down.ask({ retries: { count: 2, pause: 1 } })).toMatchObject({ kind: "silent" });
    expect(down.asked).toHaveLength(3);
  });

  it("shows of what it says only so much, in printable words", async () => {
    const messages = Array.from({ length: 900 }, () => `\u001b[31m${"x".repeat(3000)}`);
    const { ask } = await open(
      answer(202, { status: "/s" }),
      answer(200, { verdict: "failed", messages: messages.slice(0, 18) }),
    );
    const given = await ask();
    expect(given.kind).toBe("failed");
    const shown = given.kind === "silent" ? [] : given.messages;
    expect(shown).toHaveLength(18);
    expect(shown.every((one) => one.length < 600 && !one.includes("\u001b"))).toBe(true);
  });

  it("is left alone when the work is called off", async () => {
    const { ask } = await open(answer(202, { status: "/s" }), answer(200, { verdict: "pending" }));
    await expect(ask({}, AbortSignal.timeout(100))).rejects.toThrow();
  });
});
