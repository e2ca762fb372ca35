import { createHmac } from "node:crypto";
import { Agent, request as httpRequest } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { serveFleet } from "../../src/serve-fleet.ts";
import { smallFleets, type Started } from "./fixture.ts";
import { smallPackages, until } from "./small-fleet.ts";

const fleets = smallFleets();
const secret = "a secret of the test's own";
const webhooks = {
  forge: { from: "github", secret },
  mirror: { from: "generic", secret, looks: { packages: true } },
  ci: { from: "generic", secret, id: "$.run", looks: { packages: true } },
  hub: { from: "docker-hub", secret },
};
const agent = new Agent({ keepAlive: true, maxSockets: 64 });
afterEach(() => agent.destroy());

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** The address of a fleet that is served, and looks at its upstreams at nothing but its start and its webhooks. */
async function serve({ fleet, small }: Started, watch = true): Promise<{ url: string; close: () => Promise<void> }> {
  const served = await serveFleet(fleet, {
    env: small.env,
    configPath: small.configPath,
    listen: "127.0.0.1:0",
    watch,
  });
  return { url: served.statusPage, close: () => served.close() };
}

const start = () => fleets.start({ webhooks, watch: { interval: "6h" } });

function send(
  url: string,
  body: string | Buffer,
  headers: Readonly<Record<string, string>> = {},
  method = "POST",
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { method, headers, agent }, (response) => {
      const pieces: Buffer[] = [];
      response.on("data", (piece: Buffer) => pieces.push(piece));
      response.on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(pieces).toString();
        const parsed = (text === "" ? {} : JSON.parse(text)) as Answer["body"];
        resolve({ status: response.statusCode ?? 0, body: parsed, headers: response.headers });
      });
    });
    request.on("error", reject);
    request.end(body);
  });
}

const bearer = { authorization: `Bearer ${secret}` };
const signed = (body: string | Buffer, key = secret) => ({
  "x-github-event": "push",
  "x-hub-signature-256": `sha256=${createHmac("sha256", key).update(body).digest("hex")}`,
  // A forge reaches it by a name that is not this machine's.
  host: "tidemill.example",
});
const push = (after: string) =>
  JSON.stringify({
    ref: "refs/heads/main",
    after,
    repository: { clone_url: "https://git.example/team/app.git" },
  });

describe("FAULTS 27: webhooks", () => {
  it("one that is proven brings a fix to production long before the next watch", { timeout: 180_000 }, async () => {
    const started = await start();
    const { url } = await serve(started);
    await started.small.publish(smallPackages({ libsmall1: "1.0-2" }));
    // The first watch of the server may have seen it; then the second publication is what is told of.
    await until(
      "the first watch",
      () => Promise.resolve(started.events.some(({ kind }) => kind === "planned")),
      20_000,
    );
    await started.small.publish(smallPackages({ libsmall1: "1.0-3" }));
    expect(await send(`${url}hooks/mirror`, '{"suite":"small"}', bearer)).toMatchObject({ status: 202 });
    await until(
      "the fix in production",
      async () => (await started.version("small-app", "libsmall1")) === "1.0-3",
      30_000,
    );
    expect(await started.fleet.ctx.store.countWaitingEvents()).toMatchObject({ count: 0 });
  });

  it(
    "the unsigned, the forged, the malformed and the endless are refused, and nothing of them is kept",
    { timeout: 180_000 },
    async () => {
      const started = await start();
      const { url } = await serve(started);
      const before = started.small.archive.requests.length;
      const body = push("1");
      const ten = Buffer.alloc(10 * 1024 * 1024, 0x20);
      const wanted: [string, Promise<Answer>, number, string][] = [
        ["unsigned", send(`${url}hooks/forge`, body, { "x-github-event": "push" }), 401, "UNAUTHORIZED"],
        ["forged", send(`${url}hooks/forge`, body, signed(body, `${secret}?`)), 401, "UNAUTHORIZED"],
        ["of other bytes", send(`${url}hooks/forge`, push("2"), signed(body)), 401, "UNAUTHORIZED"],
        [
          "by sha1",
          send(`${url}hooks/forge`, body, { "x-hub-signature": "sha1=0", "x-github-event": "push" }),
          401,
          "UNAUTHORIZED",
        ],
        ["malformed", send(`${url}hooks/forge`, "{", signed("{")), 400, "BAD_EVENT"],
        ["of no form", send(`${url}hooks/forge`, "[1]", signed("[1]")), 400, "BAD_EVENT"],
        ["of ten MB", send(`${url}hooks/forge`, ten, signed(ten)), 413, "TOO_LARGE"],
        [
          "of ten MB, unannounced",
          send(`${url}hooks/forge`, ten, { ...signed(ten), "transfer-encoding": "chunked" }),
          413,
          "TOO_LARGE",
        ],
        ["to nobody", send(`${url}hooks/elsewhere`, body, signed(body)), 404, "NO_SUCH_PATH"],
        ["to a name of every object", send(`${url}hooks/constructor`, body, signed(body)), 404, "NO_SUCH_PATH"],
        ["with the secret of another kind", send(`${url}hooks/hub`, "{}", bearer), 400, "BAD_EVENT"],
      ];
      for (const [what, answer, status, code] of wanted) {
        const given = await answer.catch((error: unknown) => ({ status: 0, body: { error: String(error) } }));
        // A sender that goes on sending may see the connection end before the answer.
        if (what.includes("ten MB") && given.status === 0) continue;
        expect(given.status, what).toBe(status);
        expect("headers" in given ? given.headers["content-type"] : "", what).toBe("application/problem+json");
        expect(JSON.stringify(given.body), what).toContain(code);
        expect(JSON.stringify(given.body), what).not.toContain(secret);
      }
      expect(await send(`${url}hooks/forge`, "", {}, "GET")).toMatchObject({ status: 405, headers: { allow: "POST" } });
      const ping = { ...signed("{}"), "x-github-event": "ping" };
      expect(await send(`${url}hooks/forge`, "{}", ping)).toMatchObject({ status: 200, body: { kind: "ignored" } });
      expect(await started.fleet.ctx.store.countWaitingEvents()).toMatchObject({ count: 0 });
      expect(started.events.filter(({ message }) => message.includes("told by"))).toEqual([]);
      expect(before).toBeGreaterThan(0);
    },
  );

  it("a thousand copies are one event and one look", { timeout: 180_000 }, async () => {
    const started = await start();
    const { url } = await serve(started);
    const body = JSON.stringify({ run: 7 });
    const answers = await Promise.all(Array.from({ length: 1_000 }, () => send(`${url}hooks/ci`, body, bearer)));
    const count = (status: number) => answers.filter((one) => one.status === status).length;
    expect({ accepted: count(202), known: count(200) }).toEqual({ accepted: 1, known: 999 });
    const looks = () => started.events.filter(({ message }) => message.includes("told by"));
    await until("the look", () => Promise.resolve(looks().length > 0), 20_000);
    // And one that comes when all is over is a copy still.
    expect(await send(`${url}hooks/ci`, body, bearer)).toMatchObject({ status: 200, body: { kind: "known" } });
    expect(looks().map(({ message }) => message)).toEqual(["1 told by ci: nothing new"]);
  });

  it(
    "of ten thousand at once, each is accepted or told to come later; none that was accepted is lost",
    { timeout: 300_000 },
    async () => {
      const started = await start();
      const { url } = await serve(started);
      const heldBefore = process.memoryUsage().rss;
      const planned = () => started.events.filter(({ kind }) => kind === "planned").length;
      await until("the first plan", () => Promise.resolve(planned() > 0), 20_000);
      await started.small.publish(smallPackages({ libsmall1: "1.0-2" }));
      const plans = planned();
      const answers = await Promise.all(
        Array.from({ length: 10_000 }, (_, run) => send(`${url}hooks/ci`, JSON.stringify({ run }), bearer)),
      );
      const accepted = answers.filter(({ status }) => status === 202).length;
      const later = answers.filter(({ status }) => status === 429);
      expect(accepted + later.length).toBe(10_000);
      expect(accepted).toBeGreaterThan(1_000);
      expect(later.every(({ headers }) => headers["retry-after"] !== undefined)).toBe(true);
      await until(
        "the look at all",
        async () => (await started.fleet.ctx.store.countWaitingEvents()).count === 0,
        60_000,
      );
      const told = started.events.flatMap(({ message }) => /^(\d+) told by ci/.exec(message)?.[1] ?? []);
      expect(told.reduce((sum, one) => sum + Number(one), 0)).toBe(accepted);
      await until(
        "the fix in production",
        async () => (await started.version("small-app", "libsmall1")) === "1.0-2",
        30_000,
      );
      const rebuilds = started.events.filter(({ kind, image }) => kind === "queued" && image === "small-root");
      expect(rebuilds.length).toBeLessThanOrEqual(2);
      expect(planned() - plans).toBeLessThan(30);
      expect(process.memoryUsage().rss - heldBefore).toBeLessThan(400 * 1024 * 1024);
    },
  );

  it("what was accepted before the server went is looked into by the next", { timeout: 180_000 }, async () => {
    const started = await start();
    // It takes in, and does not look yet.
    const first = await serve(started, false);
    await started.small.publish(smallPackages({ libsmall1: "1.0-2" }));
    expect(await send(`${first.url}hooks/mirror`, "{}", bearer)).toMatchObject({ status: 202 });
    expect(await started.fleet.ctx.store.countWaitingEvents()).toMatchObject({ count: 1 });
    await first.close();

    const again = await fleets.open(started.small);
    const second = await serve(again);
    await until("the look", async () => (await again.fleet.ctx.store.countWaitingEvents()).count === 0, 20_000);
    await second.close();
  });
});
