import { once } from "node:events";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Store } from "../../io/store/index.ts";
import { manualClock } from "../../lib/index.ts";
import type { Operations, Role } from "../../operation/index.ts";
import { sampleStatus } from "../../operation/testdata/status.ts";
import { mintToken } from "./api-token.ts";
import { createHandler, createServer } from "../index.ts";
import { send, type Sent } from "../testdata/send.ts";

type TokenRow = NonNullable<Awaited<ReturnType<Store["loadToken"]>>>;

const clock = manualClock(Date.parse("2026-11-01T00:00:00Z"));
const localToken = "of-the-lock-file";
const rows = new Map<string, TokenRow>();
const audit: { actor: string; action: string; detail: object }[] = [];
const reached: string[] = [];
let server: Server;
let port = 0;

function makeToken(name: string, roles: readonly Role[], labels: readonly string[] = []): string {
  const { id, text, hash } = mintToken();
  const row = { id, name, hash, roles, labels, person: null, revokedAt: null, expiresAt: clock.now() + 1e9 };
  rows.set(id, row as unknown as TokenRow);
  return text;
}

const tokens = {
  viewer: makeToken("viewer", ["viewer"]),
  operator: makeToken("operator", ["operator"]),
  payments: makeToken("payments", ["operator"], ["team=payments"]),
  admin: makeToken("admin", ["admin"]),
};

beforeAll(async () => {
  const handler = createHandler({
    operations: { status: () => Promise.resolve(sampleStatus) } as Partial<Operations> as Operations,
    version: "0",
    token: localToken,
    clock,
    store: {
      loadToken: (id) => Promise.resolve(rows.get(id)),
      saveTokenUsed: () => Promise.resolve(),
      saveAudit: (actor, action, detail) => Promise.resolve(void audit.push({ actor, action, detail })),
    } as Partial<Store> as Store,
    labelsOf: (image) => (image === "pay" ? ["team=payments"] : []),
    hosts: ["tidemill.example"],
    trustedProxies: ["127.0.0.1"],
    rateLimit: { requests: 20, refusals: 5, per: 60_000 },
    registry: {
      handler: (request: IncomingMessage, response: ServerResponse) => {
        reached.push(`${request.method} ${request.url}`);
        response.end("registry");
      },
      anonymousPull: false,
      imageOf: (repository) => ({ "team/web": "web", "team/pay": "pay" })[repository],
      isOwnTag: (tag) => tag === "production" || tag.startsWith("keep-"),
    },
  });
  server = createServer(handler);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  port = (server.address() as AddressInfo).port;
});
afterAll(() => server.close());

let lastAddress = 0;
/** From an address that nobody has asked from yet, by the proxy. */
const from = (address = `198.51.100.${(lastAddress += 1)}`): Record<string, string> => ({
  host: "tidemill.example",
  "x-forwarded-for": address,
  "x-forwarded-proto": "https",
});
const basic = (token: string): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`anybody:${token}`).toString("base64")}`,
});
const ask = async (path: string, headers: Record<string, string>, method = "GET"): Promise<number | undefined> =>
  (await send(port, path, { method, headers } satisfies Sent)).status;

describe("from another machine", () => {
  it("needs a token to look", async () => {
    expect(await ask("/api/v1/status", from())).toBe(401);
    expect(await ask("/", from())).toBe(401);
    expect(await ask("/api/v1/status", { ...from(), authorization: `Bearer ${tokens.viewer}` })).toBe(200);
  });

  it("is refused what came in plain text, and told to revoke the token", async () => {
    const headers = { ...from(), "x-forwarded-proto": "http", authorization: `Bearer ${tokens.viewer}` };
    const answer = await send(port, "/api/v1/status", { headers });
    expect(answer).toMatchObject({ status: 403 });
    expect(answer.text).toContain("revoke");
    expect(await ask("/v2/", { ...headers, ...basic(tokens.viewer) })).toBe(403);
  });

  it("learns by any name, and in plain text, that it lives, and nothing more", async () => {
    const probe = { host: "10.0.0.9", "x-forwarded-for": "10.0.0.9", "x-forwarded-proto": "http" };
    expect(await send(port, "/healthz", { headers: probe })).toMatchObject({ status: 200, text: "ok\n" });
    expect(await ask("/api/v1/status", probe)).toBe(403);
  });

  it("is heard a number of times a minute, each caller by itself", async () => {
    const one = { ...from(), authorization: `Bearer ${tokens.operator}` };
    for (let count = 0; count < 20; count += 1) expect(await ask("/api/v1/status", one)).toBe(200);
    const late = await send(port, "/api/v1/status", { headers: { ...one, ...from() } });
    expect(late).toMatchObject({ status: 429, headers: { "retry-after": "3" } });
    expect(JSON.parse(late.text)).toMatchObject({ code: "TOO_MANY", hint: "Ask again in 3 s." });
    expect(await ask("/api/v1/status", { ...from(), authorization: `Bearer ${tokens.admin}` })).toBe(200);
    clock.advance(3_000);
    expect(await ask("/api/v1/status", one)).toBe(200);
  });

  it("may guess five times, and then not even the right credential is looked at from there", async () => {
    const there = from();
    for (let count = 0; count < 5; count += 1)
      expect(await ask("/api/v1/status", { ...there, authorization: `Bearer tdm_${count}` })).toBe(401);
    const right = { authorization: `Bearer ${tokens.admin}` };
    expect(await ask("/api/v1/status", { ...there, ...right })).toBe(429);
    expect(await ask("/v2/", { ...there, ...basic(tokens.admin) })).toBe(429);
    expect(await ask("/api/v1/status", { ...from(), ...right })).toBe(200);
    clock.advance(60_000);
    expect(await ask("/api/v1/status", { ...there, ...right })).toBe(200);
  });
});

describe("the registry's guard", () => {
  it("asks for a credential in the way that container tools understand", async () => {
    const answer = await send(port, "/v2/", { headers: from() });
    expect(answer).toMatchObject({
      status: 401,
      headers: { "www-authenticate": 'Basic realm="Tidemill", charset="UTF-8"' },
    });
    expect(JSON.parse(answer.text)).toMatchObject({ errors: [{ code: "UNAUTHORIZED" }] });
  });

  it.each([
    ["viewer", "GET", "/v2/team/web/manifests/production", 200],
    ["viewer", "POST", "/v2/team/web/blobs/uploads/", 403],
    ["viewer", "PUT", "/v2/other/manifests/1", 403],
    ["operator", "POST", "/v2/team/web/blobs/uploads/", 200],
    ["operator", "PUT", "/v2/team/web/manifests/build-7", 200],
    ["operator", "PUT", "/v2/team/web/manifests/production", 403],
    ["operator", "PUT", "/v2/team/web/manifests/%70roduction", 403],
    ["operator", "PUT", "/v2/team/web/manifests/keep-0123", 403],
    ["operator", "DELETE", "/v2/team/web/manifests/build-7", 403],
    ["operator", "DELETE", "/v2/other/manifests/build-7", 200],
    ["payments", "GET", "/v2/team/pay/manifests/1", 200],
    ["payments", "PUT", "/v2/team/pay/manifests/1", 200],
    ["payments", "GET", "/v2/team/web/manifests/1", 403],
    ["payments", "PUT", "/v2/other/manifests/1", 403],
    ["payments", "GET", "/v2/team/web/blobs/sha256:00", 403],
    ["admin", "PUT", "/v2/team/web/manifests/production", 200],
    ["admin", "DELETE", "/v2/team/web/manifests/build-7", 200],
  ] as const)("%s: %s %s is %i", async (caller, method, path, status) => {
    reached.length = 0;
    audit.length = 0;
    expect(await ask(path, { ...from(), ...basic(tokens[caller]) }, method)).toBe(status);
    expect(reached).toEqual(status === 200 ? [`${method} ${path}`] : []);
    const isWritten = status === 200 && method !== "GET" && path.includes("/manifests/");
    expect(audit).toMatchObject(isWritten ? [{ actor: `token:${caller}` }] : []);
  });

  it.each(["Basic !!", "Basic ", "Basic dG9rZW4=", `Basic ${"A".repeat(9000)}`, "Digest x", "Bearer nothing"])(
    "takes %.20s for no credential that counts",
    async (authorization) => {
      reached.length = 0;
      expect(await ask("/v2/team/web/manifests/1", { ...from(), authorization })).toBe(401);
      expect(reached).toEqual([]);
    },
  );
});
