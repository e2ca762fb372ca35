import { randomBytes } from "node:crypto";
import { findRule, personNameOf } from "../../core/access/index.ts";
import type { LoginConfig } from "../../core/config/index.ts";
import { createRelyingParty, OidcError, type LoginChecks } from "../../io/oidc/index.ts";
import type { Store } from "../../io/store/index.ts";
import { canonicalJson, isSameSecret, sha256, type Clock } from "../../lib/index.ts";
import { role } from "../../operation/index.ts";
import { ServeError } from "../error.ts";
import { hashOf, mintSecret, type FindSession } from "../access/index.ts";

type SessionStore = Pick<Store, "saveSession" | "loadSession" | "saveSessionUsed" | "saveSessionsEnded">;

/** People who log in by a browser. */
export interface Login {
  /** Sends a browser to the provider: where to, and the secret by which it is known when it comes back. Throws ISSUER_UNAVAILABLE. */
  begin(): Promise<{ readonly url: string; readonly attempt: string; readonly forMs: number }>;
  /** Begins a session of whom the provider sent back; `before` is the session that the browser had. Throws BAD_TOKEN, ISSUER_UNAVAILABLE. */
  finish(
    query: string,
    attempt: string | undefined,
    before: string | undefined,
  ): Promise<{ readonly secret: string; readonly forMs: number }>;
  /** Who has a session that counts; undefined where it is over, or none. */
  readonly find: FindSession;
  /** Ends a session; gives where to send the browser, so that the provider's ends as well. */
  end(secret: string): Promise<string | undefined>;
}

const attemptMs = 600_000;
/** Whoever begins ever new logins must not fill the memory. */
const maxAttempts = 10_000;

/** Sessions are rows; logins that were begun are in memory, for ten minutes, and are taken up once. */
export function createLogin(config: LoginConfig, store: SessionStore, clock: Clock): Login {
  const { issuer, clientId, clientSecret, scopes, url } = config;
  const redirectUri = `${url}/auth/callback`;
  const party = createRelyingParty({ issuer, clientId, clientSecret, redirectUri, scopes, clock });
  const attempts = new Map<string, { readonly checks: LoginChecks; readonly at: number }>();
  // Rights follow the configuration: a session by other rules has to be begun anew, under another secret.
  const rules = sha256(canonicalJson({ issuer, rules: config.rules, name: config.name }));

  return {
    begin: async () => {
      const { url: to, checks } = await party.begin();
      const attempt = mintSecret();
      attempts.set(hashOf(attempt), { checks, at: clock.now() });
      if (attempts.size > maxAttempts) attempts.delete(attempts.keys().next().value ?? "");
      return { url: to, attempt, forMs: attemptMs };
    },

    finish: async (query, attempt, before) => {
      const key = attempt === undefined ? "" : hashOf(attempt);
      const begun = attempts.get(key);
      attempts.delete(key);
      if (begun === undefined || clock.now() - begun.at > attemptMs)
        throw new OidcError("BAD_TOKEN", "this browser has begun no login, or long ago", { hint: "Log in again." });
      const claims = await party.finish(new URL(`${redirectUri}?${query}`), begun.checks);
      const name = personNameOf(claims, config.name);
      const rule = findRule(config.rules, claims);
      if (name === undefined)
        throw new OidcError("BAD_TOKEN", `the provider says no ${config.name} by which you could be called`, {
          hint: "An address has to be verified there. An admin may name another claim: `server.login.name`.",
        });
      if (rule === undefined)
        throw new OidcError("BAD_TOKEN", `no rule of this server lets ${name} in`, {
          hint: "An admin adds one to `server.login.rules`.",
        });
      const secret = mintSecret();
      const session = {
        id: randomBytes(8).toString("hex"),
        hash: hashOf(secret),
        name,
        subject: `${issuer}#${claims.sub}`.slice(0, 1000),
        roles: rule.roles,
        labels: rule.labels,
        rules,
        expiresAt: clock.now() + config.longest,
      };
      await store.saveSession(session, before === undefined ? undefined : hashOf(before));
      return { secret, forMs: config.longest };
    },

    find: async (secret, { isActive }) => {
      const row = await store.loadSession(hashOf(secret));
      const now = clock.now();
      if (row === undefined || row.endedAt !== null || row.expiresAt <= now) return undefined;
      if (row.lastUsedAt + config.idle <= now || !isSameSecret(row.rules, rules)) return undefined;
      if (isActive) await store.saveSessionUsed(row);
      return {
        name: row.name,
        kind: "person",
        credential: row.id,
        // A role that this version does not know is none.
        roles: row.roles.flatMap((each) => role.safeParse(each).data ?? []),
        labels: row.labels,
      };
    },

    end: async (secret) => {
      const row = await store.loadSession(hashOf(secret));
      if (row !== undefined) await store.saveSessionsEnded(row.id, { who: row.name, reason: "logged out" });
      // Here it is over, whether the provider answers or not.
      return party.end(`${url}/auth/out`).catch(() => undefined);
    },
  };
}

/** What a login that failed is answered with: who is refused learns why, as somebody who is not known. */
export function asRefusal(error: unknown): unknown {
  if (!(error instanceof OidcError) || error.code !== "BAD_TOKEN") return error;
  return new ServeError("UNAUTHORIZED", error.message, {
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    cause: error,
  });
}
