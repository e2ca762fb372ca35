import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { smallFleets } from "./fixture.ts";
import { hour, minute, smallPackages, withBroken } from "./small-fleet.ts";

const fleets = smallFleets();
const secret = `whsec_${Buffer.from("twenty-four bytes of key").toString("base64")}`;

interface Received {
  readonly id: string;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly isSigned: boolean;
}

let receiver: Server;
let url: string;
let received: Received[];
/** What the receiver answers: 204, or how it fails. */
let answer: number | "hang up";

beforeEach(async () => {
  received = [];
  answer = 204;
  receiver = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", () => {
      const body = Buffer.concat(pieces).toString();
      const { type, data } = JSON.parse(body) as Pick<Received, "type" | "data">;
      received.push({
        id: String(request.headers["webhook-id"]),
        type,
        data,
        isSigned: isSigned(request.headers, body),
      });
      if (answer === "hang up") return request.socket.destroy();
      response.writeHead(answer).end();
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
});
afterEach(async () => {
  receiver.closeAllConnections();
  await new Promise((resolve) => receiver.close(resolve));
});

/** Standard Webhooks, "Verifying webhook authenticity": written from the specification, not from our own signer. */
function isSigned(headers: NodeJS.Dict<string | string[]>, body: string): boolean {
  const [id, stamp, signature] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map((name) =>
    String(headers[name]),
  );
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  const wanted = Buffer.from(createHmac("sha256", key).update(`${id}.${stamp}.${body}`).digest("base64"));
  const given = Buffer.from(signature?.split(",")[1] ?? "");
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

const typesOf = (all: readonly Received[]): string[] => [...new Set(all.map(({ type }) => type))].sort();

describe("notifications", () => {
  it(
    "arrive signed, of what was promoted, failed, held, rolled back, and of alarms",
    { timeout: 180_000 },
    async () => {
      const { small, run, operations } = await fleets.start({ notifications: { webhook: { url, secret } } });
      expect(received.filter(({ type }) => type === "promoted")).toHaveLength(6);
      expect(received.every((one) => one.isSigned)).toBe(true);
      expect(received[0]?.data).toMatchObject({
        environment: expect.any(String) as string,
        digest: expect.stringMatching(/^sha256:/) as string,
      });

      await operations.hold({ image: "small-root", by: "ada", reason: "drill" });
      await small.publish(withBroken(smallPackages({ "small-gauge": "1.0-2" }), "small-gauge"));
      await run();
      small.archive.fail(/InRelease/, { kind: "status", status: 404 });
      await run();
      small.archive.heal();
      await operations.resume({ image: "small-root", by: "ada", reason: "done" });
      await small.publish(smallPackages({ libsmall1: "1.0-2", "small-gauge": "1.0-3" }));
      await run();
      await operations.rollback({ image: "small-app", environment: "production", by: "ada", reason: "drill" });
      await run();
      expect(typesOf(received)).toEqual([
        "alarm-raised",
        "held",
        "promoted",
        "rebuild-failed",
        "resumed",
        "rolled-back",
      ]);
      expect(received.every((one) => one.isSigned)).toBe(true);
      expect(received.find(({ type }) => type === "rebuild-failed")?.data).toMatchObject({ image: "small-alone" });
      // Each once: the receiver took every one.
      expect(new Set(received.map(({ id }) => id)).size).toBe(received.length);
    },
  );

  it.each([503, 302, "hang up"] as const)(
    "are sent again under the same id while the receiver fails (%s), and none is lost",
    { timeout: 180_000 },
    async (failure) => {
      answer = failure;
      const { run, clock, operations } = await fleets.start({ notifications: { webhook: { url, secret } } });
      const tried = new Set(received.map(({ id }) => id));
      expect(tried.size).toBeGreaterThan(0);
      clock.jump(hour);
      await run();
      const doctor = await operations.doctor({});
      expect(doctor.checks.find(({ name }) => name === "notifications")?.message).toMatch(/wait for delivery/);

      answer = 204;
      const before = received.length;
      for (let pass = 0; pass < 4; pass += 1) {
        clock.jump(7 * hour);
        await run();
      }
      const delivered = received.slice(before).map(({ id }) => id);
      expect(new Set(delivered).size).toBe(delivered.length);
      expect(received.slice(before).filter(({ type }) => type === "promoted")).toHaveLength(6);
      for (const id of tried) expect(delivered).toContain(id);
      expect(received.every((one) => one.isSigned)).toBe(true);
      clock.jump(minute);
      expect((await operations.doctor({})).checks.find(({ name }) => name === "notifications")?.message).toMatch(
        /none waits/,
      );
    },
  );

  it("that cannot be signed are an alarm, and the loop goes on", { timeout: 180_000 }, async () => {
    const small = await fleets.create({ notifications: { webhook: { url, secret: "short" } } });
    const open = await fleets.open(small);
    await open.run();
    expect(await open.pointer("small-app")).toBeDefined();
    expect(await open.alarms()).toMatchObject([{ code: "notifications-failing" }]);
    expect(received).toEqual([]);
  });
});
