import type { IncomingMessage } from "node:http";
import type { Clock } from "../../lib/index.ts";
import type { Principal } from "../../operation/index.ts";
import { authenticate, type AuthenticateOptions } from "./authenticate.ts";
import { ServeError } from "../error.ts";
import { createLimiter } from "./create-limiter.ts";
import { createFindClient, type Client } from "./find-client.ts";
import { hasCookie, readCookie } from "./session-cookie.ts";
import { TooManyError } from "./too-many-error.ts";

export interface RateLimit {
  /** Requests of one caller in `per`. */
  readonly requests: number;
  /** Wrong credentials from one address in `per`. */
  readonly refusals: number;
  /** Milliseconds. */
  readonly per: number;
}

export interface AdmissionOptions extends AuthenticateOptions {
  readonly clock: Clock;
  readonly trustedProxies: readonly string[];
  /** Whether a connection came by the listener that is this machine's own, which no proxy uses. */
  readonly isLocalListener?: (socket: IncomingMessage["socket"]) => boolean;
  readonly rateLimit: RateLimit;
  /** Who has a session. */
  readonly findSession?: FindSession;
}

/** Who asks by a session's secret; undefined where it is over, or none. Polling is no activity. */
export type FindSession = (secret: string, use: { readonly isActive: boolean }) => Promise<Principal | undefined>;

/** Who was let in. */
export interface Admitted {
  readonly client: Client;
  /** By its credential; undefined where it brought none. */
  readonly principal: Principal | undefined;
}

/** What everybody passes, whatever they ask for. */
export interface Admission {
  /** Who connected. */
  identify(request: IncomingMessage): Client;
  /** As identify. Throws FORBIDDEN where others could have read what was sent. */
  requirePrivate(request: IncomingMessage): Client;
  /** Who asks, by the Authorization header or by `authorization`. Throws UNAUTHORIZED, FORBIDDEN, TOO_MANY. */
  admit(request: IncomingMessage, authorization?: string): Promise<Admitted>;
  /** Who asks, by a browser's cookie. Throws as admit. */
  admitBrowser(request: IncomingMessage, use: { readonly isActive: boolean }): Promise<Admitted>;
  /** Counts a step of a login from another machine. Throws TOO_MANY. */
  countLogin(request: IncomingMessage): void;
  /** Counts a request of a caller from another machine. Throws TOO_MANY. */
  count(admitted: Admitted): void;
}

/** Remembers, for each address, how often it was refused, and for each caller how much it asked. Callers on this machine are not counted. */
export function createAdmission(options: AdmissionOptions): Admission {
  const { clock, rateLimit } = options;
  const findClient = createFindClient(options.trustedProxies, options.isLocalListener);
  const requests = createLimiter({ count: rateLimit.requests, perMs: rateLimit.per }, clock);
  const refusals = createLimiter({ count: rateLimit.refusals, perMs: rateLimit.per }, clock);

  const logins = createLimiter({ count: 2 * rateLimit.refusals, perMs: rateLimit.per }, clock);

  const requirePrivate = (request: IncomingMessage): Client => {
    const client = findClient(request);
    if (client.isPlain)
      throw new ServeError("FORBIDDEN", "this came in plain text, which others can read on its way", {
        hint: "Ask by https. A token that was sent like this is no secret any more: `tidemill token revoke`.",
      });
    return client;
  };
  /** Finds out who asks, unless too many from there could not say it. */
  const look = async (client: Client, find: () => Promise<Principal | undefined>): Promise<Admitted> => {
    const wait = client.isLocal ? undefined : refusals.look(client.address);
    // A right credential is not looked at either: else a guess could be told from a wrong one.
    if (wait !== undefined) throw new TooManyError("too many credentials that do not count came from there", wait);
    try {
      return { client, principal: await find() };
    } catch (error) {
      if (error instanceof ServeError && error.code === "UNAUTHORIZED") refusals.take(client.address);
      throw error;
    }
  };
  return {
    identify: findClient,
    requirePrivate,
    admit: async (request, authorization = request.headers.authorization) => {
      const client = requirePrivate(request);
      if (authorization === undefined) return { client, principal: undefined };
      return look(client, () => authenticate({ authorization }, options));
    },
    admitBrowser: async (request, use) => {
      const client = requirePrivate(request);
      const { cookie } = request.headers;
      const { findSession } = options;
      if (findSession === undefined || !hasCookie(cookie, "session")) return { client, principal: undefined };
      const secret = readCookie(cookie, "session");
      return look(client, async () => {
        const principal = secret === undefined ? undefined : await findSession(secret, use);
        if (principal !== undefined) return principal;
        throw new ServeError("UNAUTHORIZED", "the session is over", { hint: "Log in again at `/auth/login`." });
      });
    },
    countLogin: (request) => {
      const client = requirePrivate(request);
      const wait = client.isLocal ? undefined : logins.take(client.address);
      if (wait !== undefined) throw new TooManyError("too many logins were begun from there", wait);
    },
    count: ({ client, principal }) => {
      if (client.isLocal || principal?.kind === "local") return;
      const wait = requests.take(principal?.credential ?? client.address);
      if (wait !== undefined) throw new TooManyError("too many requests", wait);
    },
  };
}
