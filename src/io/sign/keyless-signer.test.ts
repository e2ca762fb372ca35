import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { startIssuer, type Issuer } from "../../../test/fakes/openid-issuer.ts";
import { manualClock } from "../../lib/index.ts";
import { askForBytes, type Patience } from "./ask-for-bytes.ts";
import { readIdentityToken } from "./identity-token.ts";

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

const now = Date.now();
const patience = (more: Partial<Patience> = {}): Patience => ({
  clock: { ...manualClock(now), now: () => now, sleep: () => Promise.resolve() },
  timeoutMs: 500,
  pauses: [1, 1],
  ...more,
});

async function serve(
  answer: (request: IncomingMessage, response: ServerResponse, turn: number) => void,
): Promise<{ url: string; asked: () => number }> {
  let turns = 0;
  const server: Server = createServer((request, response) => {
    turns += 1;
    answer(request, response, turns);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  opened.push({ close: () => (server.closeAllConnections(), server.close()) });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/x?secret=1`, asked: () => turns };
}
const ask = (url: string, maxBytes = 1000, more: Partial<Patience> = {}) =>
  askForBytes({ what: "the log", url, body: "{}", maxBytes }, patience(more));

describe("askForBytes", () => {
  it("asks again what is busy or broken, and takes the answer then", async () => {
    const { url, asked } = await serve((_, response, turn) => response.writeHead(turn < 3 ? 503 : 201).end("good"));
    expect((await ask(url)).toString()).toBe("good");
    expect(asked()).toBe(3);
  });

  it("gives up on what stays broken, says so without the address's query, and may be tried later", async () => {
    const { url, asked } = await serve((_, response) => response.writeHead(500).end("\u001b[31mno"));
    const error = await ask(url).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "SIGN_FAILED", retry: true });
    expect(String(error)).toMatch(/answered 500/);
    expect(String(error)).not.toContain("secret");
    expect(String(error)).not.toContain("\u001b");
    expect(asked()).toBe(3);
  });

  it("does not ask again who says no, and follows nobody elsewhere", async () => {
    const elsewhere = await serve((_, response) => response.writeHead(200).end("stolen"));
    for (const [status, headers] of [
      [400, {}],
      [403, {}],
      [307, { location: elsewhere.url }],
    ] as const) {
      const { url, asked } = await serve((_, response) => response.writeHead(status, headers).end());
      await expect(ask(url)).rejects.toMatchObject({ code: "SIGN_FAILED", retry: false });
      expect(asked()).toBe(1);
    }
    expect(elsewhere.asked()).toBe(0);
  });

  it("stops reading an answer that has no end, and waits for none that drips", async () => {
    const endless = await serve((_, response) => {
      const more = (): void => void (response.destroyed || (response.write("x".repeat(10_000)), setImmediate(more)));
      more();
    });
    await expect(ask(endless.url)).rejects.toThrow(/more than 1000 bytes/);
    const drip = await serve((_, response) => void setInterval(() => response.write("x"), 50).unref());
    await expect(ask(drip.url, 1_000_000, { pauses: [] })).rejects.toThrow(/did not answer in 500 ms/);
  });
});

describe("readIdentityToken", () => {
  const fromVariable = (raw: string | undefined) =>
    readIdentityToken({ kind: "variable", name: "T" }, "sigstore", { T: raw }, patience());
  const issuer = async (): Promise<Issuer> => {
    const started = await startIssuer();
    opened.push(started);
    return started;
  };

  it("takes the subject, or an address that its issuer verified, as what has to be signed", async () => {
    const { token } = await issuer();
    expect(await fromVariable(token())).toMatchObject({ challenge: "repo:acme/deploy:ref:refs/heads/main" });
    expect(await fromVariable(token({ email: "a@example.org", email_verified: true }))).toMatchObject({
      challenge: "a@example.org",
    });
    expect((await fromVariable(token({ email: "a@example.org", email_verified: false }))).challenge).toMatch(/^repo/);
  });

  it("refuses what is none, is for somebody else, or is over", async () => {
    const { token } = await issuer();
    for (const [raw, reason] of [
      [undefined, /T is not set/],
      ["x", /is none/],
      ["a.b.c", /lacks what OpenID Connect demands/],
      [token({ aud: "somebody" }), /is for somebody, not for sigstore/],
      [token({ exp: 1 }), /ended at 1970/],
      [`${token()}${"x".repeat(20_000)}`, /is none/],
    ] as const) {
      const error = await fromVariable(raw).catch((caught: unknown) => caught);
      expect(error).toMatchObject({ code: "NO_TOKEN" });
      expect(String(error)).toMatch(reason);
    }
  });

  it("asks GitHub for a token with the job's own credential, and GitLab's variable, a file or a program where they are", async () => {
    const { token } = await issuer();
    const github = await serve((request, response) => {
      const isGood =
        request.headers.authorization === "Bearer job" && request.url?.includes("audience=sigstore") === true;
      response.writeHead(isGood ? 200 : 403).end(JSON.stringify({ value: token({ sub: "from github" }) }));
    });
    const env = {
      ACTIONS_ID_TOKEN_REQUEST_URL: github.url,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: "job",
      SIGSTORE_ID_TOKEN: token({ sub: "from gitlab" }),
    };
    expect(await readIdentityToken({ kind: "ambient" }, "sigstore", env, patience())).toMatchObject({
      challenge: "from github",
    });
    const onlyGitLab = { SIGSTORE_ID_TOKEN: env.SIGSTORE_ID_TOKEN };
    expect(await readIdentityToken({ kind: "ambient" }, "sigstore", onlyGitLab, patience())).toMatchObject({
      challenge: "from gitlab",
    });
    const command = {
      kind: "command",
      command: ["/bin/echo", token({ sub: "from a program" })],
      env: {},
      timeoutMs: 5000,
    } as const;
    expect(await readIdentityToken(command, "sigstore", {}, patience())).toMatchObject({ challenge: "from a program" });
    await expect(
      readIdentityToken({ ...command, command: ["/bin/false"] }, "sigstore", {}, patience()),
    ).rejects.toMatchObject({ code: "NO_TOKEN" });
    await expect(
      readIdentityToken({ kind: "file", path: "/nowhere/token" }, "sigstore", {}, patience()),
    ).rejects.toMatchObject({ code: "NO_TOKEN" });
  });
});
