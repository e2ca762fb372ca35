import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { collectBytes, manualClock } from "../lib/index.ts";
import { deliverNotifications, type Delivery, type DueNotification, type Outbox } from "./index.ts";
import { signWebhook } from "../lib/index.ts";

const start = Date.UTC(2026, 10, 23, 9);
const key = Buffer.from("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "base64");
const secret = `whsec_${key.toString("base64")}`;
const row: DueNotification = {
  id: "msg_1",
  event: "failed",
  createdAt: start,
  body: { image: "web", reason: "fix-not-landed" },
  attempts: 1,
};

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

/** A receiver that answers `statuses` in turn and keeps what it got. */
async function receiver(statuses: readonly number[], headers: Record<string, string> = {}) {
  const got: { headers: IncomingMessage["headers"]; body: string; url: string }[] = [];
  const server = createServer((request, response) => {
    void collectBytes(request, 1e6, "body").then((body) => {
      got.push({ headers: request.headers, body: body.toString("utf8"), url: request.url ?? "" });
      response.writeHead(statuses[got.length - 1] ?? 200, headers).end("thanks");
    });
  });
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { got, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook` };
}

function outbox(rows: readonly DueNotification[]): Outbox & { readonly saved: [string, Delivery][] } {
  const saved: [string, Delivery][] = [];
  return {
    saved,
    leaseNotifications: (_, limit) => Promise.resolve(rows.slice(0, limit)),
    saveDelivery: (id, delivery) => {
      saved.push([id, delivery]);
      return Promise.resolve();
    },
  };
}

function means(random = 0) {
  return { fetch, clock: manualClock(start), random: () => random };
}

describe("signWebhook", () => {
  it("gives the signature of the Standard Webhooks specification's own example", () => {
    expect(signWebhook(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}')).toBe(
      "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    );
  });
});

describe("deliverNotifications", () => {
  it("sends what happened, signed over id, time and body", async () => {
    const { got, url } = await receiver([204]);
    const box = outbox([row]);
    await expect(deliverNotifications(box, { url, secret }, means())).resolves.toEqual({
      delivered: 1,
      failed: 0,
      abandoned: 0,
    });
    const [{ headers, body }] = got as [(typeof got)[number]];
    expect(JSON.parse(body)).toEqual({
      type: "failed",
      timestamp: "2026-11-23T09:00:00.000Z",
      data: { image: "web", reason: "fix-not-landed" },
    });
    const signed = `${headers["webhook-id"]?.toString()}.${headers["webhook-timestamp"]?.toString()}.${body}`;
    expect(headers["webhook-signature"]).toBe(`v1,${createHmac("sha256", key).update(signed).digest("base64")}`);
    expect(headers["webhook-timestamp"]).toBe(`${start / 1000}`);
    expect(box.saved).toEqual([["msg_1", { kind: "delivered" }]]);
  });

  it.each([
    [1, 10_000],
    [2, 40_000],
    [6, 10_240_000],
    [11, 21_600_000],
  ])("after %d attempts waits %d ms", async (attempts, pause) => {
    const { url } = await receiver([500]);
    const box = outbox([{ ...row, attempts }]);
    await deliverNotifications(box, { url, secret }, means());
    expect(box.saved[0]?.[1]).toEqual({
      kind: "failed",
      nextAttempt: start + pause,
      error: "the receiver answered 500",
    });
  });

  it("abandons what was tried often enough, and what the receiver wants no more", async () => {
    const { url } = await receiver([500, 410]);
    const box = outbox([{ ...row, attempts: 12 }, row]);
    await expect(deliverNotifications(box, { url, secret }, means())).resolves.toEqual({
      delivered: 0,
      failed: 0,
      abandoned: 2,
    });
  });

  it("follows no redirect", async () => {
    const canary = await receiver([200]);
    const { url } = await receiver([307], { location: canary.url });
    const box = outbox([row]);
    await expect(deliverNotifications(box, { url, secret }, means(1))).resolves.toMatchObject({ failed: 1 });
    expect(canary.got).toEqual([]);
    expect(box.saved[0]?.[1]).toMatchObject({ nextAttempt: start + 15_000, error: "the receiver answered 307" });
  });

  it("goes on after a receiver that cannot be reached, and stops when it is told to", async () => {
    const rows = Array.from({ length: 3 }, (_, index) => ({ ...row, id: `${index}` }));
    const nowhere = { url: "http://127.0.0.1:1/", secret };
    await expect(deliverNotifications(outbox(rows), nowhere, means())).resolves.toMatchObject({ failed: 3 });
    const stopped = { ...means(), signal: AbortSignal.abort() };
    await expect(deliverNotifications(outbox(rows), nowhere, stopped)).resolves.toMatchObject({ failed: 0 });
  });

  it.each(["short", "whsec_c2hvcnQ="])("refuses the secret %s", async (weak) => {
    await expect(
      deliverNotifications(outbox([]), { url: "http://127.0.0.1:1/", secret: weak }, means()),
    ).rejects.toMatchObject({
      code: "BAD_SECRET",
    });
  });
});
