import type { Clock } from "../../../lib/index.ts";
import { RegistryError } from "../error.ts";
import { parseChallenges, type Challenge } from "./challenge.ts";
import type { Credentials } from "./credentials.ts";
import { retryAfterMs } from "./retry-after.ts";
import type { Answer, Transport } from "./transport.ts";

/** Knows how one registry wants to be asked. */
export interface Authenticator {
  /** The Authorization header for these scopes, or undefined while the registry has not asked for one. */
  authorization(scopes: readonly string[], signal?: AbortSignal): Promise<string | undefined>;
  /** Learns from a 401 how to ask; `used` is the header that was refused. Resolves to the scopes to ask again with. */
  learn(answer: Answer, scopes: readonly string[], used: string | undefined): readonly string[];
}

interface Token {
  readonly header: string;
  readonly until: number;
}

const tokenLimit = 64 * 1024;
/** What a token lives when the answer does not say. Distribution's token specification. */
const usualSeconds = 60;

export interface AuthenticatorOptions {
  readonly registry: string;
  readonly origin: string;
  readonly credentials: () => Promise<Credentials | undefined>;
  readonly transport: Transport;
  readonly clock: Clock;
  /** Whether the registry itself may be at any address. */
  readonly isTrusted: boolean;
  /** Whether the user named this origin as one to trust. */
  readonly trusts: (origin: string) => boolean;
}

/** Basic and bearer authentication for one registry. Tokens are kept by scope and fetched once for all who wait. */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { registry, clock } = options;
  let challenge: Challenge | undefined;
  let known: Promise<Credentials | undefined> | undefined;
  const tokens = new Map<string, Token>();
  const fetching = new Map<string, Promise<Token>>();

  const credentials = (): Promise<Credentials | undefined> => {
    known ??= options.credentials();
    known.catch(() => (known = undefined));
    return known;
  };

  async function bearer(asked: Challenge, scopes: readonly string[], signal?: AbortSignal): Promise<string> {
    const key = [...scopes].sort().join(" ");
    const held = tokens.get(key);
    if (held !== undefined && held.until > clock.now()) return held.header;
    let pending = fetching.get(key);
    if (pending === undefined) {
      pending = fetchToken(options, asked, scopes, await credentials(), signal).finally(() => fetching.delete(key));
      fetching.set(key, pending);
    }
    const token = await pending;
    if (tokens.size > 10_000) tokens.clear();
    tokens.set(key, token);
    return token.header;
  }

  return {
    authorization: async (scopes, signal) => {
      if (challenge === undefined) return undefined;
      if (challenge.scheme === "bearer") return bearer(challenge, scopes, signal);
      const held = await credentials();
      return held !== undefined && "username" in held ? basic(held) : undefined;
    },
    learn: (answer, scopes, used) => {
      const offered = parseChallenges(answer.header("www-authenticate") ?? "");
      const chosen =
        offered.find(({ scheme }) => scheme === "bearer") ?? offered.find(({ scheme }) => scheme === "basic");
      if (chosen === undefined) {
        throw new RegistryError("UNAUTHORIZED", `${registry} refuses us and names no way to authenticate that we know`);
      }
      challenge = chosen;
      // A token that was just refused is not shown again; one that another request has fetched since is.
      for (const [key, token] of tokens) if (token.header === used) tokens.delete(key);
      const asked = chosen.scope?.split(" ").filter((scope) => scope !== "") ?? [];
      return scopes.length > 0 ? scopes : asked;
    },
  };
}

async function fetchToken(
  options: AuthenticatorOptions,
  challenge: Challenge,
  scopes: readonly string[],
  credentials: Credentials | undefined,
  signal: AbortSignal | undefined,
): Promise<Token> {
  const realm = checkRealm(options, challenge.realm, credentials !== undefined);
  const refresh = credentials !== undefined && "identityToken" in credentials ? credentials.identityToken : undefined;
  const form = new URLSearchParams(
    refresh === undefined ? {} : { grant_type: "refresh_token", refresh_token: refresh, client_id: "tidemill" },
  );
  if (challenge.service !== undefined) form.set("service", challenge.service);
  if (refresh === undefined) for (const scope of scopes) form.append("scope", scope);
  else form.set("scope", scopes.join(" "));
  if (refresh === undefined) for (const [name, value] of form) realm.searchParams.append(name, value);

  const answer = await options.transport.send({
    method: refresh === undefined ? "GET" : "POST",
    url: realm,
    trusted: (realm.origin === options.origin && options.isTrusted) || options.trusts(realm.origin),
    headers: {
      accept: "application/json",
      ...(refresh === undefined ? {} : { "content-type": "application/x-www-form-urlencoded" }),
      ...(credentials !== undefined && "username" in credentials ? { authorization: basic(credentials) } : {}),
    },
    body: refresh === undefined ? undefined : Buffer.from(form.toString()),
    signal,
  });
  if (answer.status === 401 || answer.status === 403) {
    await answer.drain();
    throw new RegistryError("UNAUTHORIZED", `${realm.origin} gives no token for ${options.registry}`, {
      hint:
        credentials === undefined
          ? "Log in to the registry first."
          : "The stored credentials were refused; log in again.",
    });
  }
  if (answer.status >= 300 && answer.status < 400) {
    await answer.drain();
    throw new RegistryError(
      "REFUSED_REDIRECT",
      `${realm.origin} redirects a request for a token; that is not followed`,
    );
  }
  if (answer.status !== 200) {
    await answer.drain();
    const retry = answer.status === 429 || answer.status >= 500;
    throw new RegistryError(
      retry ? "SERVER_ERROR" : "BAD_ANSWER",
      `${realm.origin} answered ${answer.status} to a request for a token`,
      { retry, retryAfterMs: retryAfterMs(answer, options.clock.now()) },
    );
  }
  return parseToken(await answer.bytes(tokenLimit, `the token of ${realm.origin}`), realm.origin, options.clock.now());
}

function parseToken(bytes: Buffer, origin: string, now: number): Token {
  let fields: { token?: unknown; access_token?: unknown; expires_in?: unknown };
  try {
    fields = JSON.parse(bytes.toString("utf8")) as typeof fields;
  } catch {
    throw new RegistryError("BAD_ANSWER", `${origin} answered a request for a token with something that is not JSON`);
  }
  const token = fields.token ?? fields.access_token;
  if (typeof token !== "string" || !/^[\x21-\x7e]+$/.test(token)) {
    throw new RegistryError("BAD_ANSWER", `${origin} answered a request for a token without a usable token`);
  }
  const said = typeof fields.expires_in === "number" && fields.expires_in > 0 ? fields.expires_in : usualSeconds;
  const seconds = Math.min(said, 24 * 3600);
  return { header: `Bearer ${token}`, until: now + seconds * 900 };
}

/** The realm, if it may be asked. Credentials go to the registry's own origin, its own domain by https, or a trusted origin. */
function checkRealm(options: AuthenticatorOptions, text: string | undefined, withCredentials: boolean): URL {
  const realm = URL.canParse(text ?? "") ? new URL(text ?? "") : undefined;
  const refuse = (why: string): RegistryError =>
    new RegistryError(
      "REFUSED_REALM",
      `${options.registry} sends us for a token to ${realm?.origin ?? "an unreadable address"}: ${why}`,
      {
        hint: "If that service belongs to the registry, name its origin among the trusted origins.",
      },
    );
  if (realm === undefined || realm.username !== "" || realm.password !== "") throw refuse("not a plain URL");
  if (realm.origin === options.origin || options.trusts(realm.origin)) return realm;
  if (realm.protocol !== "https:") throw refuse("not https");
  if (withCredentials && !sameDomain(new URL(options.origin).hostname, realm.hostname)) {
    throw refuse("credentials do not go to another domain");
  }
  return realm;
}

/** Whether one host is above the other, or both share all but their first label, two labels at least and no bare country's domain. */
function sameDomain(a: string, b: string): boolean {
  if (a === b || a.endsWith(`.${b}`) || b.endsWith(`.${a}`))
    return Math.min(a.split(".").length, b.split(".").length) >= 2;
  const parent = a.split(".").slice(1).join(".");
  const labels = parent.split(".");
  const isCountry = labels.length === 2 && labels[1]?.length === 2 && (labels[0]?.length ?? 0) <= 3;
  return labels.length >= 2 && !isCountry && b.split(".").slice(1).join(".") === parent;
}

function basic(credentials: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString("base64")}`;
}
