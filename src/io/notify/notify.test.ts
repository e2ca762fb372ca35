import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { describeNotice, type Told } from "../../core/notice/index.ts";
import { collectBytes, signWebhook } from "../../lib/index.ts";
import { openChannel, type Channel, type Delivery, type Means, type Sent } from "./index.ts";

const start = Date.UTC(2026, 10, 23, 9);
const key = Buffer.from("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "base64");
const secret = `whsec_${key.toString("base64")}`;
const told: Told = {
  id: "msg_1",
  event: "failed",
  createdAt: start,
  body: { image: "web", reason: "fix-not-landed" },
  repeats: 0,
};
const delivery: Delivery = { told: [told], message: { id: told.id, notices: [describeNotice(told)] } };
const means: Means = { fetch, seconds: () => start / 1000, source: "https://mill.example" };
const never = new AbortController().signal;

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

/** A receiver that answers `status` and keeps what it got. */
async function receiver(status: number, headers: Record<string, string> = {}) {
  const got: { headers: IncomingMessage["headers"]; body: string }[] = [];
  const server = createServer((request, response) => {
    void collectBytes(request, 1e6, "body").then((body) => {
      got.push({ headers: request.headers, body: body.toString("utf8") });
      response.writeHead(status, headers).end("thanks");
    });
  });
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { got, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook` };
}

const webhook = (url: string, own = secret): Channel =>
  openChannel({ webhook: { url, secret: own }, urgentOnly: false, hours: [] }, means);
const send = (url: string, signal = never): Promise<Sent> => webhook(url).send(delivery, signal);

describe("a signed webhook", () => {
  it("has the signature of the Standard Webhooks specification's own example", () => {
    expect(signWebhook(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}')).toBe(
      "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    );
  });

  it("tells what happened, signed over id, time and body", async () => {
    const { got, url } = await receiver(204);
    expect(await send(url)).toEqual({ kind: "sent", answer: "it answered 204" });
    const [{ headers, body }] = got as [(typeof got)[number]];
    expect(JSON.parse(body)).toEqual({
      type: "failed",
      timestamp: "2026-11-23T09:00:00.000Z",
      data: { image: "web", reason: "fix-not-landed" },
    });
    const signed = `${headers["webhook-id"]?.toString()}.${headers["webhook-timestamp"]?.toString()}.${body}`;
    expect(headers["webhook-signature"]).toBe(`v1,${createHmac("sha256", key).update(signed).digest("base64")}`);
    expect(headers["webhook-timestamp"]).toBe(`${start / 1000}`);
  });

  it.each([
    [410, {}, { kind: "gone", problem: "the receiver answered 410" }],
    [500, {}, { kind: "failed", problem: "the receiver answered 500", afterMs: undefined }],
    [429, { "retry-after": "30" }, { kind: "failed", problem: "the receiver answered 429", afterMs: 30_000 }],
    [
      503,
      { "retry-after": "999999999" },
      { kind: "failed", problem: "the receiver answered 503", afterMs: 21_600_000 },
    ],
    [503, { "retry-after": "soon" }, { kind: "failed", problem: "the receiver answered 503", afterMs: undefined }],
  ] as const)("takes %d %o for %o", async (status, headers, sent) => {
    const { url } = await receiver(status, headers);
    expect(await send(url)).toEqual(sent);
  });

  it("follows no redirect", async () => {
    const canary = await receiver(200);
    const { url } = await receiver(307, { location: canary.url });
    expect(await send(url)).toMatchObject({ kind: "failed", problem: "the receiver answered 307" });
    expect(canary.got).toEqual([]);
  });

  it("says why nobody is reached, and stops when it is told to", async () => {
    expect(await send("http://127.0.0.1:1/")).toMatchObject({ kind: "failed" });
    const { got, url } = await receiver(200);
    expect(await send(url, AbortSignal.abort())).toMatchObject({ kind: "failed" });
    expect(got).toEqual([]);
  });

  it.each(["short", "whsec_c2hvcnQ="])("refuses the secret %s", (weak) => {
    expect(() => webhook("http://127.0.0.1:1/", weak)).toThrow(expect.objectContaining({ code: "BAD_SECRET" }));
  });
});
