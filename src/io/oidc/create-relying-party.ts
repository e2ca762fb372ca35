import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  buildEndSessionUrl,
  calculatePKCECodeChallenge,
  ClientSecretBasic,
  ClientSecretPost,
  customFetch,
  discovery,
  enableNonRepudiationChecks,
  fetchUserInfo,
  None,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
  type ClientAuth,
  type Configuration,
  type CustomFetchOptions,
} from "openid-client";
import { fetchFailure, messageOf, printable, readBody, type Clock } from "../../lib/index.ts";
import { OidcError } from "./error.ts";

export interface RelyingPartyOptions {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret?: string | undefined;
  /** Where the provider sends people back to. */
  readonly redirectUri: string;
  /** Beside `openid`. */
  readonly scopes: readonly string[];
  readonly clock: Pick<Clock, "now">;
}

/** What is kept of a login that was begun, for when the browser comes back. */
export interface LoginChecks {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

/** Somebody to whom a provider says who people are. Everything throws ISSUER_UNAVAILABLE. */
export interface RelyingParty {
  /** Where to send a browser, and what to keep. */
  begin(): Promise<{ readonly url: string; readonly checks: LoginChecks }>;
  /** Who came back to `returned`, by what the provider signed and by its UserInfo. Throws BAD_TOKEN. OpenID Connect Core 1.0, 3.1; RFC 7636; RFC 9207. */
  finish(returned: URL, checks: LoginChecks): Promise<Readonly<Record<string, unknown>> & { readonly sub: string }>;
  /** Where to send a browser to log out there as well; undefined where the provider has no such place. OpenID Connect RP-Initiated Logout 1.0. */
  end(returnTo: string): Promise<string | undefined>;
}

const timeoutSeconds = 10;
const maxBytes = 1_048_576;
/** What discovery said is asked for again after this, in milliseconds; where the provider is away, what it said before is used. */
const freshMs = 3_600_000;

/** Talks to an OpenID provider as its client. It is asked for the first time when somebody logs in. */
export function createRelyingParty(options: RelyingPartyOptions): RelyingParty {
  const { issuer, clientId, redirectUri, clock } = options;
  let known: { readonly provider: Configuration; readonly at: number } | undefined;

  const find = async (): Promise<Configuration> => {
    if (known !== undefined && Math.abs(clock.now() - known.at) < freshMs) return known.provider;
    try {
      const provider = await discovery(new URL(issuer), clientId, undefined, authOf(options.clientSecret), {
        [customFetch]: fetchBounded,
        timeout: timeoutSeconds,
        execute: [enableNonRepudiationChecks, ...(issuer.startsWith("http://") ? [allowInsecureRequests] : [])],
      });
      known = { provider, at: clock.now() };
    } catch (error) {
      if (known === undefined) throw away(issuer, error);
    }
    return known.provider;
  };

  return {
    begin: async () => {
      const provider = await find();
      const checks = { state: randomState(), nonce: randomNonce(), verifier: randomPKCECodeVerifier() };
      const url = buildAuthorizationUrl(provider, {
        redirect_uri: redirectUri,
        scope: ["openid", ...options.scopes].join(" "),
        code_challenge: await calculatePKCECodeChallenge(checks.verifier),
        code_challenge_method: "S256",
        state: checks.state,
        nonce: checks.nonce,
      });
      return { url: url.href, checks };
    },
    finish: async (returned, { state, nonce, verifier }) => {
      const provider = await find();
      try {
        const answer = await authorizationCodeGrant(provider, returned, {
          expectedState: state,
          expectedNonce: nonce,
          pkceCodeVerifier: verifier,
        });
        const signed = answer.claims();
        if (signed === undefined) throw new Error("there is no id_token");
        if (provider.serverMetadata().userinfo_endpoint === undefined) return signed;
        // Groups stand there alone with some providers. What is signed goes before it.
        return { ...(await fetchUserInfo(provider, answer.access_token, signed.sub)), ...signed };
      } catch (error) {
        if (isSilence(error)) throw away(issuer, error);
        throw new OidcError("BAD_TOKEN", `the login at ${issuer} did not succeed: ${printable(explain(error))}`, {
          hint: "Log in again.",
          cause: error,
        });
      }
    },
    end: async (returnTo) => {
      const provider = await find();
      if (provider.serverMetadata().end_session_endpoint === undefined) return undefined;
      return buildEndSessionUrl(provider, { client_id: clientId, post_logout_redirect_uri: returnTo }).href;
    },
  };
}

/** As the provider wants it; Basic where it does not say. OpenID Connect Discovery 1.0, 3. */
function authOf(secret: string | undefined): ClientAuth {
  if (secret === undefined) return None();
  const [basic, post] = [ClientSecretBasic(secret), ClientSecretPost(secret)];
  return (server, client, body, headers) => {
    const methods = server.token_endpoint_auth_methods_supported ?? ["client_secret_basic"];
    return (methods.includes("client_secret_basic") ? basic : post)(server, client, body, headers);
  };
}

/** Nothing is followed, and no more is read than any honest answer has. */
async function fetchBounded(url: string, options: CustomFetchOptions): Promise<Response> {
  const response = await fetch(url, { ...options, redirect: "manual" } as RequestInit);
  const text = await readBody(response, maxBytes);
  if (text === undefined) throw new TypeError(`an answer of more than ${maxBytes} bytes`);
  const { status, headers } = response;
  return new Response(status === 204 || status === 304 ? null : text, { status, headers });
}

/** Whether it was not answered, rather than refused. */
function isSilence(error: unknown): boolean {
  const { code, name } = error as { readonly code?: unknown; readonly name?: unknown };
  return (error instanceof TypeError && code === undefined) || name === "TimeoutError" || code === "OAUTH_TIMEOUT";
}

/** The library's own message says less than what caused it. */
function explain(error: unknown): string {
  const { error: code, cause } = error as { readonly error?: unknown; readonly cause?: unknown };
  if (typeof code === "string") return `${messageOf(error)} (${code.slice(0, 100)})`;
  return cause instanceof Error ? `${messageOf(error)}: ${messageOf(cause)}`.slice(0, 500) : messageOf(error);
}

function away(issuer: string, error: unknown): OidcError {
  return new OidcError("ISSUER_UNAVAILABLE", `${issuer} cannot be asked: ${printable(fetchFailure(error))}`, {
    hint: "`tidemill doctor` on the server looks at it.",
    retry: true,
    cause: error,
  });
}
