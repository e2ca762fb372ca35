import { once } from "node:events";
import { request as httpRequest, type IncomingMessage, type Server } from "node:http";
import { afterEach, expect } from "vitest";
import { startIssuer } from "../../../test/fakes/openid-issuer.ts";
import { describeStores } from "../../../test/fakes/stores.ts";
import { freePort } from "../../../test/free-port.ts";
import { sha256 } from "../../lib/index.ts";
import type { LoginConfig } from "../../core/config/index.ts";
import type { Operations } from "../../operation/index.ts";
import { sampleStatus } from "../../operation/testdata/status.ts";
import { followEvents } from "../client.ts";
import { createTokens } from "../operations/index.ts";
import { createEventBus, createHandler, createServer } from "../index.ts";
import { send, type Received, type Sent } from "../testdata/send.ts";

const html = { accept: "text/html" };
const clientId = "tidemill";
const reached: string[] = [];
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
  reached.length = 0;
});

describeStores("a login", ({ it, store, clock }) => {
  const events = createEventBus();

  async function given(more: Partial<LoginConfig> = {}) {
    // Signatures and times of the provider are looked at by the machine's clock.
    clock.advance(Date.now() - clock.now());
    const issuer = await startIssuer({ audience: clientId });
    const port = await freePort();
    const config: LoginConfig = {
      issuer: issuer.address,
      clientId,
      clientSecret: "s3cret",
      url: `http://127.0.0.1:${port}`,
      scopes: ["email"],
      name: "email",
      rules: [{ claims: { groups: "platform" }, roles: ["operator"], labels: [] }],
      idle: 3_600_000,
      longest: 36_000_000,
      ...more,
    };
    const serve = async (login: LoginConfig): Promise<Server> => {
      const handler = createHandler({
        operations: {
          status: () => Promise.resolve(sampleStatus),
          hold: (input: object) => Promise.resolve({ held: reached.push(JSON.stringify(input)) }),
        } as unknown as Operations,
        version: "0",
        token: "local",
        store: store(),
        clock,
        login,
        events,
        streamMs: 300,
        trustedProxies: ["127.0.0.1"],
        hosts: ["tidemill.example"],
        rateLimit: { requests: 1000, refusals: 5, per: 60_000 },
      });
      const server = createServer(handler);
      server.listen(port, "127.0.0.1");
      await once(server, "listening");
      ends.push(
        () => server.closeAllConnections(),
        () => server.close(),
      );
      return server;
    };
    await serve(config);
    ends.push(() => issuer.close());
    return { issuer, port, config, serve };
  }
  type Given = Awaited<ReturnType<typeof given>>;

  const from = (sent: Sent = {}, address = "198.51.100.7"): Sent => ({
    ...sent,
    headers: {
      host: "tidemill.example",
      "x-forwarded-for": address,
      "x-forwarded-proto": "https",
      ...sent.headers,
    },
  });
  const cookiesOf = ({ headers }: Received): string[] => headers["set-cookie"] ?? [];
  const valueOf = (answer: Received, name: string): string =>
    cookiesOf(answer)
      .find((cookie) => cookie.startsWith(`${name}=`))
      ?.slice(name.length + 1)
      .split(";")[0] ?? "";

  /** Begins a login, as a browser would. */
  async function begin({ port }: Given) {
    const answer = await send(port, "/auth/login", from());
    expect(answer.status).toBe(303);
    const to = new URL(answer.headers.location ?? "");
    const asked = Object.fromEntries(to.searchParams);
    return { answer, to, asked, cookie: `__Host-tidemill-login=${valueOf(answer, "__Host-tidemill-login")}` };
  }

  const person = { sub: "17", email: "ada@example.org", email_verified: true, groups: ["staff", "platform"] };

  /** Has the provider answer a code with this identity, and comes back with the code. */
  async function comeBack(
    { issuer, port }: Given,
    begun: Awaited<ReturnType<typeof begin>>,
    {
      idToken,
      query = {},
      cookie = begun.cookie,
    }: { idToken?: string; query?: Record<string, string | undefined>; cookie?: string } = {},
  ): Promise<Received> {
    const id_token = idToken ?? issuer.token({ ...person, nonce: begun.asked["nonce"] });
    issuer.answer("/token", (response) => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ access_token: "a", token_type: "Bearer", id_token }));
    });
    const all = { code: "c", state: begun.asked["state"], iss: issuer.address, ...query };
    const said = Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== undefined);
    return send(port, `/auth/callback?${new URLSearchParams(said).toString()}`, from({ headers: { ...html, cookie } }));
  }

  async function logIn(all: Given): Promise<{ cookie: string; secret: string; answer: Received }> {
    const answer = await comeBack(all, await begin(all));
    expect(answer.status, answer.text).toBe(303);
    const secret = valueOf(answer, "__Host-tidemill");
    return { cookie: `__Host-tidemill=${secret}`, secret, answer };
  }

  const caller = ({ port }: Given, cookie: string, address?: string) =>
    send(port, "/api/v1/caller", from({ headers: { cookie } }, address));

  it("asks with PKCE, state and nonce, and lets in whom a rule names, by a cookie that is no script's and no other site's", async () => {
    const all = await given();
    const { asked, to, answer } = await begin(all);
    expect(to.origin).toBe(all.issuer.address);
    expect(asked).toMatchObject({
      response_type: "code",
      client_id: clientId,
      redirect_uri: `${all.config.url}/auth/callback`,
      scope: "openid email",
      code_challenge_method: "S256",
    });
    for (const name of ["state", "nonce", "code_challenge"]) expect(asked[name]?.length).toBeGreaterThan(40);
    expect(cookiesOf(answer)).toEqual([
      expect.stringMatching(/; Path=\/; Max-Age=600; HttpOnly; Secure; SameSite=Lax$/),
    ]);
    const { cookie, secret, answer: back } = await logIn(all);
    expect(back.headers.location).toBe("/");
    expect(cookiesOf(back)[0]).toMatch(
      /^__Host-tidemill=[\w-]{43}; Path=\/; Max-Age=36000; HttpOnly; Secure; SameSite=Lax$/,
    );
    const who = JSON.parse((await caller(all, cookie)).text) as { name: string; roles: string[]; csrf: string };
    expect(who).toMatchObject({ name: "ada@example.org", roles: ["operator"] });
    const [row] = await store().loadSessions();
    expect(row).toMatchObject({ hash: sha256(secret), subject: `${all.issuer.address}#17`, name: "ada@example.org" });
    const rows = JSON.stringify([await store().loadSessions(), await store().loadAudit({ limit: 10 })]);
    expect(rows).toContain("logged-in");
    for (const hidden of [secret, who.csrf]) expect(rows).not.toContain(hidden);
  });

  it("is refused where anything of what comes back is not what was sent, or not the provider's", async () => {
    const all = await given();
    const { issuer } = all;
    const other = await startIssuer({ audience: clientId });
    ends.push(() => other.close());
    const nonceOf = (begun: Awaited<ReturnType<typeof begin>>) => ({ nonce: begun.asked["nonce"] });
    type Trick = (begun: Awaited<ReturnType<typeof begin>>) => Parameters<typeof comeBack>[2];
    const tricks: Readonly<Record<string, readonly [RegExp, Trick]>> = {
      "another state": [/unexpected "state"/, () => ({ query: { state: "s".repeat(43) } })],
      "no state": [/"state" missing/, () => ({ query: { state: undefined } })],
      "another issuer's answer (mix-up)": [/unexpected "iss"/, () => ({ query: { iss: other.address } })],
      "no issuer": [/"iss" \(issuer\) missing/, () => ({ query: { iss: undefined } })],
      "an error": [/access_denied/, () => ({ query: { code: undefined, error: "access_denied" } })],
      "another browser": [/begun no login/, () => ({ cookie: "" })],
      "a made-up browser": [/begun no login/, () => ({ cookie: `__Host-tidemill-login=${"A".repeat(43)}` })],
      "another nonce": [
        /unexpected ID Token "nonce"/,
        () => ({ idToken: issuer.token({ ...person, nonce: "n".repeat(43) }) }),
      ],
      "no nonce": [/claim missing/, () => ({ idToken: issuer.token(person) })],
      "an unsigned token": [/"alg"/, (begun) => ({ idToken: issuer.unsigned({ ...person, ...nonceOf(begun) }) })],
      "a token by the public key": [
        /"alg"/,
        (begun) => ({ idToken: issuer.signedByPublicKey({ ...person, ...nonceOf(begun) }) }),
      ],
      "another issuer's token": [
        /unexpected JWT "iss"/,
        (begun) => ({ idToken: other.token({ ...person, ...nonceOf(begun) }) }),
      ],
      "another issuer's token in its name": [
        /signature verification failed/,
        (begun) => ({
          idToken: other.token({ ...person, ...nonceOf(begun), iss: issuer.address }),
        }),
      ],
      "a token for another": [
        /"aud"/,
        (begun) => ({ idToken: issuer.token({ ...person, ...nonceOf(begun), aud: "other" }) }),
      ],
      "a token that is over": [
        /"exp"/,
        (begun) => ({
          idToken: issuer.token({ ...person, ...nonceOf(begun), exp: 1_700_000_000 }),
        }),
      ],
      "an address that is not verified": [
        /says no email/,
        (begun) => ({
          idToken: issuer.token({ ...person, ...nonceOf(begun), email_verified: false }),
        }),
      ],
      "somebody whom no rule names": [
        /no rule of this server/,
        (begun) => ({
          idToken: issuer.token({ ...person, ...nonceOf(begun), groups: ["platform-guests"] }),
        }),
      ],
    };
    let last = 0;
    for (const [what, [why, trick]] of Object.entries(tricks)) {
      const begun = await beginFrom(all, `203.0.113.${(last += 1)}`);
      const answer = await comeBack(all, begun, trick(begun));
      expect(answer.status, `${what}: ${answer.text}`).toBe(401);
      expect(answer.text.replaceAll("&quot;", '"'), what).toMatch(why);
      expect(cookiesOf(answer).join(), what).not.toMatch(/__Host-tidemill=[\w-]/);
      clock.advance(60_000);
    }
    expect(await store().loadSessions()).toEqual([]);
  }, 60_000);

  async function beginFrom({ port }: Given, address: string) {
    const answer = await send(port, "/auth/login", from({}, address));
    const to = new URL(answer.headers.location ?? "");
    return {
      answer,
      to,
      asked: Object.fromEntries(to.searchParams),
      cookie: `__Host-tidemill-login=${valueOf(answer, "__Host-tidemill-login")}`,
    };
  }

  it("is taken up once: what came back cannot come again, nor after ten minutes", async () => {
    const all = await given();
    const begun = await begin(all);
    expect((await comeBack(all, begun)).status).toBe(303);
    expect((await comeBack(all, begun)).status).toBe(401);
    const late = await begin(all);
    clock.advance(600_001);
    expect((await comeBack(all, late)).status).toBe(401);
  });

  it("begins a session under a new secret, whatever the browser had, and ends the one before", async () => {
    const all = await given();
    const fixed = `__Host-tidemill=${"F".repeat(43)}`;
    const begun = await begin(all);
    const first = await comeBack(all, begun, { cookie: `${begun.cookie}; ${fixed}` });
    const secret = valueOf(first, "__Host-tidemill");
    expect(secret).not.toBe("F".repeat(43));
    expect((await caller(all, fixed, "198.51.100.8")).status).toBe(401);
    const again = await begin(all);
    const second = await comeBack(all, again, { cookie: `${again.cookie}; __Host-tidemill=${secret}` });
    expect((await caller(all, `__Host-tidemill=${secret}`)).status).toBe(401);
    expect((await caller(all, `__Host-tidemill=${valueOf(second, "__Host-tidemill")}`)).status).toBe(200);
  });

  it("counts no more after a rest, after its longest time, by other rules, or once it was ended; the cookie goes", async () => {
    const all = await given();
    const { cookie } = await logIn(all);
    clock.advance(3_500_000);
    expect((await caller(all, cookie)).status).toBe(200);
    clock.advance(3_500_000);
    // What a page asks by itself is no activity.
    await send(all.port, "/state", from({ headers: { cookie } }));
    clock.advance(200_000);
    const over = await caller(all, cookie);
    expect(over.status).toBe(401);
    expect(cookiesOf(over)).toEqual([expect.stringMatching(/^__Host-tidemill=; Path=\/; Max-Age=0/)]);

    // The provider's clock is the machine's.
    clock.advance(Date.now() - clock.now());
    const long = await logIn(all);
    for (let hours = 0; hours < 9; hours += 1) {
      clock.advance(3_500_000);
      expect((await caller(all, long.cookie)).status).toBe(200);
    }
    for (let turn = 0; turn < 2; turn += 1) clock.advance(3_500_000);
    expect((await caller(all, long.cookie)).status).toBe(401);

    clock.advance(Date.now() - clock.now());
    const ended = await logIn(all);
    expect(await store().saveSessionsEnded("ada@example.org", { who: "eve", reason: "left" })).not.toEqual([]);
    expect((await caller(all, ended.cookie)).status).toBe(401);

    const changed = await logIn(all);
    for (const end of ends.splice(0, 2)) await end();
    await all.serve({ ...all.config, rules: [{ claims: { groups: "platform" }, roles: ["viewer"], labels: [] }] });
    expect((await caller(all, changed.cookie)).status).toBe(401);
  });

  it("is no way for another site to write: the cookie alone is not enough", async () => {
    const all = await given();
    const { cookie } = await logIn(all);
    const { csrf } = JSON.parse((await caller(all, cookie)).text) as { csrf: string };
    const input = { image: "web", reason: "r", by: "somebody-else" };
    const write = (headers: Record<string, string>, type = "application/json") =>
      send(all.port, "/api/v1/operations/hold", {
        ...from({ headers: { cookie, "content-type": type, ...headers } }),
        method: "POST",
        body: JSON.stringify(input),
      });
    const own = { origin: "https://tidemill.example" };
    const refused: Record<string, string>[] = [
      {},
      own,
      { "x-tidemill-csrf": csrf },
      { ...own, "x-tidemill-csrf": "0".repeat(64) },
      { origin: "https://evil.example", "x-tidemill-csrf": csrf },
      { origin: "null", "x-tidemill-csrf": csrf },
      { ...own, "sec-fetch-site": "cross-site", "x-tidemill-csrf": csrf },
      { "sec-fetch-site": "same-site", "x-tidemill-csrf": csrf },
      { "sec-fetch-site": "none", "x-tidemill-csrf": csrf },
    ];
    for (const headers of refused) expect((await write(headers)).status, JSON.stringify(headers)).toBe(403);
    expect((await write({ ...own, "x-tidemill-csrf": csrf }, "text/plain")).status).toBe(400);
    expect(reached).toEqual([]);
    await write({ ...own, "x-tidemill-csrf": csrf });
    expect(reached.map((one) => (JSON.parse(one) as { by: string }).by)).toEqual(["ada@example.org"]);
    const [row] = await store().loadAudit({ limit: 1 });
    expect(row).toMatchObject({ actor: "ada@example.org", detail: { operation: "hold", caller: "person" } });
  });

  it("ends by a form of our own page, here and at the provider, and by nobody else's", async () => {
    const all = await given();
    const { cookie } = await logIn(all);
    const page = await send(all.port, "/", from({ headers: { cookie, ...html } }));
    expect(page.text).toContain("ada@example.org");
    const csrf = /name="csrf" value="([0-9a-f]{64})"/.exec(page.text)?.[1] ?? "";
    const leave = (headers: Record<string, string>, body: string) =>
      send(all.port, "/auth/logout", {
        ...from({ headers: { cookie, "content-type": "application/x-www-form-urlencoded", ...html, ...headers } }),
        method: "POST",
        body,
      });
    expect((await leave({ origin: "https://evil.example" }, `csrf=${csrf}`)).status).toBe(403);
    expect((await leave({ origin: "https://tidemill.example" }, "csrf=0")).status).toBe(403);
    expect((await caller(all, cookie)).status).toBe(200);
    const left = await leave({ origin: "https://tidemill.example" }, `csrf=${csrf}`);
    expect(left.status).toBe(200);
    expect(cookiesOf(left)).toEqual([expect.stringContaining("Max-Age=0")]);
    expect((await caller(all, cookie)).status).toBe(401);
    const out = await send(all.port, "/", from({ headers: html }));
    expect(out.status).toBe(401);
    expect(out.text).toContain('href="/auth/login"');
    expect(out.headers["content-security-policy"]).toContain("frame-ancestors 'none'");
  });

  it("does not go on for who listens: whose session or token was ended hears nothing more", async () => {
    const all = await given();
    const { cookie } = await logIn(all);
    const listen = async (headers: Record<string, string>) => {
      const place = { port: all.port, path: "/api/v1/events", agent: false };
      const request = httpRequest({ ...place, headers: { ...from({ headers }).headers } });
      request.end();
      const [response] = (await once(request, "response")) as [IncomingMessage];
      response.resume();
      await once(response, "end");
      return response.statusCode;
    };
    expect(await listen({ cookie })).toBe(200);
    await store().saveSessionsEnded("ada@example.org", { who: "eve", reason: "left" });
    expect(await listen({ cookie })).toBe(401);

    const expiresAt = new Date(clock.now() + 3_600_000).toISOString();
    const tokens = createTokens({ store: store(), clock });
    const { secret } = await tokens.tokenCreate({ name: "ci", roles: ["viewer"], labels: [], expiresAt, by: "ada" });
    const heard: string[] = [];
    const following = followEvents(
      { address: `127.0.0.1:${all.port}`, token: secret },
      ({ message }) => heard.push(message),
      AbortSignal.timeout(20_000),
    );
    const tell = setInterval(() => events.publish({ at: "2026-01-05T09:00:00Z", kind: "built", message: "built" }), 50);
    try {
      await expect.poll(() => heard.length, { timeout: 10_000 }).toBeGreaterThan(20);
      await tokens.tokenRevoke({ token: "ci", by: "ada", reason: "seen" });
      await following;
    } finally {
      clearInterval(tell);
    }
  });

  it("shows whom their labels keep from the whole fleet who they are, and how to leave", async () => {
    const rules = [{ claims: { groups: "platform" }, roles: ["viewer" as const], labels: ["team=payments"] }];
    const all = await given({ rules });
    const { cookie } = await logIn(all);
    const page = await send(all.port, "/", from({ headers: { cookie, ...html } }));
    expect(page.status).toBe(403);
    expect(page.text).toContain("is limited to team=payments");
    expect(page.text).toMatch(/ada@example\.org[^]*Log out/);
    expect(cookiesOf(page)).toEqual([]);
  });

  it("is not for the registry, and nobody may try too often", async () => {
    const all = await given();
    const { port } = all;
    const statuses: (number | undefined)[] = [];
    for (let turn = 0; turn < 12; turn += 1)
      statuses.push((await send(port, "/auth/login", from({}, "198.51.100.77"))).status);
    expect(statuses.slice(0, 10).every((status) => status === 303)).toBe(true);
    expect(statuses.slice(10)).toEqual([429, 429]);
    const guesses: (number | undefined)[] = [];
    for (let turn = 0; turn < 7; turn += 1)
      guesses.push((await caller(all, `__Host-tidemill=${String(turn).repeat(43)}`, "198.51.100.78")).status);
    expect(guesses).toEqual([401, 401, 401, 401, 401, 429, 429]);
  });
});
