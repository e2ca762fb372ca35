import { afterEach, describe, expect, it } from "vitest";
import { startIssuer, type Issuer as FakeIssuer } from "../../../test/fakes/openid-issuer.ts";
import { manualClock } from "../../lib/index.ts";
import { createIssuer } from "./index.ts";

const audience = "https://tidemill.example";
const start = Date.UTC(2026, 0, 5, 9);
let fake: FakeIssuer | undefined;
afterEach(() => fake?.close());

async function given() {
  const clock = manualClock(start);
  fake = await startIssuer({ now: () => clock.now(), audience });
  const issuer = createIssuer(fake.address, clock);
  const refusal = (token: string): Promise<unknown> =>
    issuer.verify(token, audience).then(
      () => "counts",
      (error: unknown) => (error as { code?: unknown }).code,
    );
  return { clock, fake, issuer, refusal, seconds: Math.floor(start / 1000) };
}

describe("a token of an issuer", () => {
  it("says what the issuer signed", async () => {
    const { fake: from, issuer } = await given();
    expect(await issuer.verify(from.token(), audience)).toMatchObject({ repository: "acme/deploy", aud: audience });
  });

  it("does not count unsigned, signed by what everybody knows, altered, for others, out of its time, or without its times", async () => {
    const { fake: from, refusal, seconds } = await given();
    const [head = "", body = "", signature = ""] = from.token().split(".");
    const changed = Buffer.from(body, "base64url").toString().replace("acme/deploy", "evil/deploy");
    const bad: Readonly<Record<string, string>> = {
      unsigned: from.unsigned(),
      "without its signature": `${head}.${body}.`,
      "by the public key as a secret": from.signedByPublicKey(),
      altered: `${head}.${Buffer.from(changed).toString("base64url")}.${signature}`,
      "with an algorithm that is not its key's": from.token({}, { alg: "ES256" }),
      "with what has to be understood": from.token({}, { crit: ["b64"], b64: false }),
      "of another kind": from.token({}, { typ: "at+jwt" }),
      "for another": from.token({ aud: "https://other.example" }),
      "for another beside us": from.token({ aud: [audience, "https://other.example"] }),
      "for all that begins so": from.token({ aud: `${audience}/` }),
      "of another issuer": from.token({ iss: "https://other.example" }),
      over: from.token({ exp: seconds - 31 }),
      "not yet": from.token({ nbf: seconds + 31 }),
      "made out in the future": from.token({ iat: seconds + 31 }),
      "made out long ago": from.token({ iat: seconds - 86_500 }),
      "without an end": from.token({ exp: undefined }),
      "without a beginning": from.token({ iat: undefined }),
      "without a subject": from.token({ sub: undefined }),
    };
    for (const [what, token] of Object.entries(bad)) expect(await refusal(token), what).toBe("BAD_TOKEN");
    // What is refused must not have broken what counts, and clocks may differ by half a minute.
    expect(await refusal(from.token({ exp: seconds - 29, nbf: seconds + 29, iat: seconds + 29 }))).toBe("counts");
    expect(await refusal(from.token({ aud: [audience] }))).toBe("counts");
  });

  it("is looked at by new keys as soon as it names one, at most once in half a minute", async () => {
    const { clock, fake: from, refusal } = await given();
    const old = from.token();
    expect(await refusal(old)).toBe("counts");
    from.rotate();
    clock.advance(30_001);
    expect(await refusal(from.token())).toBe("counts");
    expect(await refusal(old)).toBe("BAD_TOKEN");
    const before = from.asked.get("/keys");
    for (let made = 0; made < 20; made += 1) await refusal(from.token({}, { kid: `made-up-${made}` }));
    expect(from.asked.get("/keys")).toBe(before);
    clock.advance(30_001);
    await Promise.all(Array.from({ length: 20 }, (_, made) => refusal(from.token({}, { kid: `more-${made}` }))));
    expect(from.asked.get("/keys")).toBe((before ?? 0) + 1);
  });

  it("counts for a day after its issuer was last seen, by the keys of then", async () => {
    const { clock, fake: from, refusal } = await given();
    expect(await refusal(from.token())).toBe("counts");
    from.answer("/keys", (response) => response.writeHead(502).end());
    clock.advance(23 * 3_600_000);
    expect(await refusal(from.token())).toBe("counts");
    clock.advance(2 * 3_600_000);
    expect(await refusal(from.token())).toBe("ISSUER_UNAVAILABLE");
  });
});

describe("an issuer's keys", () => {
  const document = "/.well-known/openid-configuration";

  it.each([
    ["a redirect", document, { status: 302, headers: { location: "https://elsewhere.example/" }, body: "" }],
    ["a page", document, { body: "<html>" }],
    ["keys by a redirect", "/keys", { status: 302, headers: { location: "/other" }, body: "" }],
    ["too many keys", "/keys", { body: JSON.stringify({ keys: Array.from({ length: 101 }, () => ({ kty: "RSA" })) }) }],
    ["too large a set", "/keys", { body: `{"keys":[],"x":"${"x".repeat(300_000)}"}` }],
    ["no set", "/keys", { body: '{"keys":{}}' }],
  ] as const)("are not taken from %s", async (_, path, { body, ...more }) => {
    const { fake: from, refusal } = await given();
    const { status, headers } = { status: 200, headers: {}, ...more };
    from.answer(path, (response) => response.writeHead(status, headers).end(body));
    expect(await refusal(from.token())).toBe("ISSUER_UNAVAILABLE");
  });

  it("are not taken from a document of another issuer", async () => {
    const { fake: from, refusal } = await given();
    const body = JSON.stringify({ issuer: `${from.address}/`, jwks_uri: `${from.address}/keys` });
    from.answer(document, (response) => response.end(body));
    expect(await refusal(from.token())).toBe("ISSUER_UNAVAILABLE");
    expect(from.asked.get("/keys")).toBeUndefined();
  });

  it("are not taken from a place in plain text that is not its own", async () => {
    const { fake: from, refusal } = await given();
    const body = JSON.stringify({ issuer: from.address, jwks_uri: "http://192.0.2.1/keys" });
    from.answer(document, (response) => response.end(body));
    expect(await refusal(from.token())).toBe("ISSUER_UNAVAILABLE");
  });
});
