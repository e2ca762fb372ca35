import { request as httpRequest } from "node:http";
import { describe, expect, it } from "vitest";
import { serveFleet } from "../../src/serve-fleet.ts";
import { smallFleets } from "../faults/fixture.ts";
import { smallPackages, until } from "../faults/small-fleet.ts";
import { freePort } from "../free-port.ts";
import { adoptImage, type Site } from "./external-site.ts";

const fleets = smallFleets();

interface Sent {
  readonly status: number;
  readonly body: string;
}

function send(
  url: string,
  token: string | undefined,
  body: string,
  more: { method?: string; host?: string } = {},
): Promise<Sent> {
  return new Promise((resolve, reject) => {
    const headers = {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(more.host === undefined ? {} : { host: more.host }),
    };
    const request = httpRequest(url, { method: more.method ?? "POST", headers }, (response) => {
      let text = "";
      response.on("data", (piece: Buffer) => (text += piece.toString("utf8")));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: text }));
      response.on("error", reject);
    });
    request.on("error", reject);
    request.end(body);
  });
}

/** A served fleet whose pipeline was asked, with what it was told; it looks at nothing by itself. */
async function askedSite(): Promise<Site & { callback: string; token: string; first: string }> {
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  const made = await adoptImage(fleets, "github", {
    pipeline: { poll: "1h", timeout: "5h" },
    change: { server: { listen: address, url: `http://${address}` }, watch: { interval: "6h" } },
  });
  const { fleet, small } = made;
  await small.publish(smallPackages({ "small-gauge": "1.0-2" }));
  await made.run();
  const served = await serveFleet(fleet, {
    env: small.env,
    configPath: small.configPath,
    listen: address,
    watch: true,
  });
  fleets.onEnd(() => served.close());
  const run = made.asked();
  expect(made.told(run, "repository")).toBe(`${address}/shop`);
  return { ...made, callback: made.told(run, "callback"), token: made.told(run, "token") };
}

describe("a pipeline that calls back", () => {
  it("is believed once, by the token of its run alone, and opens nothing else", { timeout: 180_000 }, async () => {
    const { callback, token, build, newest, pointer, fleet, first, operations } = await askedSite();
    const digest = await build("1.0-2");
    const right = JSON.stringify({ digest });
    const other = `sha256:${"b".repeat(64)}`;
    const stranger = callback.replace(/[0-9a-f-]{36}$/, "00000000-0000-4000-8000-000000000000");

    // What is not proven learns nothing, not even whether there is such a run.
    const refused = await send(callback, "a-wrong-token", right);
    expect(refused).toMatchObject({ status: 401 });
    for (const [url, secret] of [
      [callback, undefined],
      [stranger, token],
      [stranger, "a-wrong-token"],
      [`${callback}/more`, token],
      [callback.replace(/[0-9a-f-]{36}$/, "../api"), token],
      [callback, `${token}x`],
      [callback, token.slice(0, -1)],
    ] as const) {
      const sent = await send(url, secret, right);
      if (new URL(url).pathname.startsWith("/pipelines/")) expect(sent).toEqual(refused);
      else expect(sent.status).toBeGreaterThanOrEqual(400);
    }
    for (const [body, status] of [
      ["", 400],
      ["{", 400],
      ["null", 400],
      ["[]", 400],
      ['{"digest":"latest"}', 400],
      [`{"digest":"${other}","image":"small-root"}`, 400],
      [`{"digest":"${other}","__proto__":{"a":1}}`, 400],
      [`{"digest":["${other}"]}`, 400],
      ['{"failed":""}', 400],
      [JSON.stringify({ failed: "x".repeat(2000) }), 400],
      [JSON.stringify({ digest: other, pad: "x".repeat(10_000) }), 413],
      ["\u0000".repeat(3000), 400],
    ] as const)
      expect(await send(callback, token, body), body.slice(0, 40)).toMatchObject({ status });
    expect(await send(callback, token, "", { method: "GET" })).toMatchObject({ status: 405 });
    for (const path of ["/api/v1/status", "/v2/shop/manifests/latest", "/v2/shop/tags/list", "/hooks/x"])
      expect((await send(new URL(path, callback).href, token, "{}", { method: "GET" })).status).toBeGreaterThanOrEqual(
        400,
      );
    expect(await newest()).toMatchObject({ state: "building" });
    expect(await pointer("shop")).toBe(first);

    // It comes by any name, and wakes the server: the next look is an hour away.
    expect(await send(callback, token, right, { host: "tidemill.example.com" })).toEqual({
      status: 200,
      body: '{"kind":"taken"}',
    });
    expect(await send(callback, token, right)).toEqual({ status: 200, body: '{"kind":"known"}' });
    expect(await send(callback, token, JSON.stringify({ digest: other }))).toMatchObject({ status: 409 });
    expect(await send(callback, token, JSON.stringify({ failed: "no" }))).toMatchObject({ status: 409 });
    await until("it is in production", async () => (await pointer("shop")) === digest, 60_000);
    expect(await send(callback, token, right)).toEqual({ status: 200, body: '{"kind":"known"}' });
    expect(await send(callback, token, JSON.stringify({ digest: other }))).toMatchObject({ status: 409 });
    const why = await operations.why({ image: "shop" });
    expect(why.made?.reason).toMatch(/built by the workflow build.yml of acme\/shop at main \(https:/);

    const dump = JSON.stringify([
      await fleet.ctx.store.loadAudit({ limit: 1000 }),
      await fleet.ctx.store.loadRuns([(await newest()).id]).then((runs) => [...runs]),
      await operations.status({}),
      await operations.why({ image: "shop" }),
    ]);
    expect(dump).not.toContain(token);
  });

  it(
    "may say that it failed, once, and a digest that is not there is refused by name",
    { timeout: 180_000 },
    async () => {
      const { callback, token, newest, told, fake, small, run, clock } = await askedSite();
      const said = { failed: "the tests are \u001b[31mred", url: "https://ci.example/7" };
      expect(await send(callback, token, JSON.stringify(said))).toMatchObject({ status: 200 });
      await until("it has failed", async () => (await newest()).state === "failed", 60_000);
      const failed = (await newest()).lastError?.message ?? "";
      expect(failed).toContain("the tests are");
      expect(failed).not.toContain("\u001b");
      expect(await send(callback, token, JSON.stringify({ digest: `sha256:${"b".repeat(64)}` }))).toMatchObject({
        status: 409,
      });

      await small.publish(smallPackages({ "small-gauge": "1.0-3" }));
      clock.jump(7 * 3_600_000);
      await run();
      const second = fake.runs.at(-1);
      if (second === undefined || fake.runs.length < 2) throw new Error("it was not asked again");
      const gone = JSON.stringify({ digest: `sha256:${"b".repeat(64)}` });
      expect(await send(told(second, "callback"), token, gone)).toMatchObject({ status: 401 });
      expect(await send(told(second, "callback"), told(second, "token"), gone)).toMatchObject({ status: 200 });
      await until("it has failed", async () => (await newest()).lastError?.code === "DIGEST_UNKNOWN", 60_000);
      expect((await newest()).lastError?.message).toContain("bbbb");
    },
  );
});
