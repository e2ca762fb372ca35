import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { collectBytes, manualClock, signWebhook } from "../../lib/index.ts";
import { askPipeline, lookAtPipeline, type PipelineAnswer } from "./index.ts";

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
  /** Asks, and looks at the status that it names so many times. */
  const ask = async (looks = 20, signal = new AbortController().signal): Promise<PipelineAnswer> => {
    const question = { url, secret, id: "one", data: { image: "web" } };
    const clock = manualClock(1_700_000_000_000);
    let given = await askPipeline(question, clock, signal);
    for (let at = 0; at < looks && given.kind === "pending"; at += 1)
      given = await lookAtPipeline(question, given.status, clock, signal);
    return given;
  };
  return { ask, asked, url };
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

  it("that never says is pending, and a status that is not its own is not looked at", async () => {
    const { ask, asked, url } = await open(answer(202, { status: "/runs/7" }), answer(200, { verdict: "pending" }));
    expect(await ask(3)).toEqual({ kind: "pending", status: new URL("/runs/7", url).href });
    expect(asked).toHaveLength(4);
    const elsewhere = "http://169.254.169.254/latest";
    const question = { url, secret, id: "one" };
    expect(await lookAtPipeline(question, elsewhere, manualClock(0), new AbortController().signal)).toEqual({
      kind: "pending",
      status: elsewhere,
    });
    expect(asked).toHaveLength(4);
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
    expect(await ask()).toMatchObject({ kind: "silent", reason: expect.stringContaining(reason) });
    expect(asked).toHaveLength(1);
  });

  it("is in trouble where asking again may help", async () => {
    for (const [given, isTrouble] of [
      [answer(503), true],
      [answer(429), true],
      [(response: ServerResponse) => void response.destroy(), true],
      [answer(401), false],
    ] as const)
      expect(await (await open(given)).ask()).toMatchObject({ kind: "silent", isTrouble });
  });

  it("shows of what it says only so much, in printable words", async () => {
    const messages = Array.from({ length: 900 }, () => `\u001b[31m${"x".repeat(3000)}`);
    const { ask } = await open(
      answer(202, { status: "/s" }),
      answer(200, { verdict: "failed", messages: messages.slice(0, 18) }),
    );
    const given = await ask();
    expect(given.kind).toBe("failed");
    const shown = "messages" in given ? given.messages : [];
    expect(shown).toHaveLength(18);
    expect(shown.every((one) => one.length < 600 && !one.includes("\u001b"))).toBe(true);
  });

  it("is left alone when the work is called off", async () => {
    const { ask } = await open(answer(202, { status: "/s" }), answer(200, { verdict: "pending" }));
    await expect(ask(1_000_000, AbortSignal.timeout(100))).rejects.toThrow();
  });
});
