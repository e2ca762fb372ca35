import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { getRequestListener } from "@hono/node-server";
import type { WorkloadRule } from "../core/access/index.ts";
import type { LoginConfig } from "../core/config/index.ts";
import type { Store } from "../io/store/index.ts";
import { silentLogger, systemClock, type Clock, type Logger } from "../lib/index.ts";
import type { Operations } from "../operation/index.ts";
import { createApi } from "./api.ts";
import {
  createAdmission,
  createFindWorkload,
  createRegistryGuard,
  type Admission,
  type LabelsOf,
  type RateLimit,
} from "./access/index.ts";
import { errorAnswer, problemType } from "./error-answer.ts";
import type { EventBus } from "./event-bus.ts";
import type { Callbacks } from "./hooks/create-callbacks.ts";
import type { Hooks } from "./hooks/create-hooks.ts";
import type { Tls } from "./read-tls.ts";
import { createLogin } from "./login/index.ts";
import { refuseForeign, type GuardOptions } from "./guard.ts";

export interface ServerOptions extends GuardOptions {
  readonly operations: Operations;
  /** Those that are done otherwise for callers who do not hold the state itself. */
  readonly forOthers?: Partial<Operations>;
  readonly version: string;
  /** The random token of the lock file. */
  readonly token: string;
  /** Where API tokens are and what is asked is recorded; without it only the lock file's token counts. */
  readonly store?: Pick<
    Store,
    | "loadToken"
    | "saveTokenUsed"
    | "saveSession"
    | "loadSession"
    | "saveSessionUsed"
    | "saveSessionsEnded"
    | "saveAudit"
    | "beginKeyed"
    | "saveKeyedAnswer"
    | "forgetKeyed"
  >;
  readonly clock?: Clock;
  /** Labels of an image: by them a token may be limited. */
  readonly labelsOf?: LabelsOf;
  readonly events?: EventBus;
  /** The embedded registry: gets every request below `/v2/` that its guard lets through. */
  readonly registry?: ServedRegistry;
  /** Where others tell of what happened: gets every request below `/hooks/`, and decides itself whom it believes. */
  readonly hooks?: Hooks;
  /** Where pipelines say what they built: gets every request below `/pipelines/`, and decides itself whom it believes. */
  readonly callbacks?: Callbacks;
  /** Why the server cannot do its work yet; undefined where it can. */
  readonly notReady?: () => Promise<string | undefined>;
  /** Text for a Prometheus scrape. */
  readonly metrics?: () => Promise<string>;
  readonly logger?: Logger;
  /** Addresses and networks of proxies: they may speak plain HTTP from elsewhere, and say who is behind them. */
  readonly trustedProxies?: readonly string[];
  /** Whether a connection came by the listener that is this machine's own. */
  readonly isLocalListener?: (socket: IncomingMessage["socket"]) => boolean;
  /** Whose tokens count, of which issuers. */
  readonly workloads?: readonly WorkloadRule[];
  /** Milliseconds after which whoever listens to the events has to come again with a credential that still counts. */
  readonly streamMs?: number;
  /** Where people log in. */
  readonly login?: LoginConfig;
  /** How much callers from elsewhere may ask. */
  readonly rateLimit?: RateLimit;
}

/** A registry, and what its guard has to know. */
export interface ServedRegistry {
  readonly handler: (request: IncomingMessage, response: ServerResponse) => void;
  /** Whether whoever reaches it may pull. */
  readonly anonymousPull: boolean;
  /** The image of the fleet that has a repository. */
  readonly imageOf: (repository: string) => string | undefined;
  /** Tags that only Tidemill itself moves. */
  readonly isOwnTag: (tag: string) => boolean;
}

/** Answers one request. */
export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

const standardRate: RateLimit = { requests: 600, refusals: 10, per: 60_000 };

/** The API, the status page and the embedded registry. Every answer that fails is Problem Details with our code, but for the registry's. */
export function createHandler(options: ServerOptions): RequestHandler {
  const logger = options.logger ?? silentLogger();
  const { clock = systemClock, store, registry, labelsOf = () => [] } = options;
  const login =
    options.login === undefined || store === undefined ? undefined : createLogin(options.login, store, clock);
  const admission = createAdmission({
    localToken: options.token,
    ...(store === undefined ? {} : { tokens: store }),
    clock,
    trustedProxies: options.trustedProxies ?? [],
    ...(options.isLocalListener === undefined ? {} : { isLocalListener: options.isLocalListener }),
    rateLimit: options.rateLimit ?? standardRate,
    ...(login === undefined ? {} : { findSession: login.find }),
    findWorkload: createFindWorkload(options.workloads ?? [], clock),
  });
  const app = createApi(options, admission, logger, login);
  const answer = getRequestListener((request, env) => app.fetch(request, env), { overrideGlobalObjects: false });
  const registryGuard =
    registry &&
    createRegistryGuard({ ...registry, admission, labelsOf, logger, ...(store === undefined ? {} : { store }) });
  return (request, response) => {
    const path = request.url ?? "/";
    // The registry has a guard of its own: containers and other machines come to it by other names.
    if (registryGuard !== undefined && /^\/v2(?:\/|$|\?)/.test(path)) return registryGuard(request, response);
    try {
      // Who asks only whether it lives comes by an address, and learns nothing else.
      if (path !== "/healthz" && path !== "/readyz") lookAt(request, path, options, admission);
    } catch (error) {
      return refuse(response, error);
    }
    // Forges, registries and pipelines come by any name, too, and prove themselves.
    if (options.hooks !== undefined && path.startsWith("/hooks/")) return options.hooks(request, response);
    if (options.callbacks !== undefined && path.startsWith("/pipelines/"))
      return options.callbacks(request, response, admission.identify(request));
    answer(request, response).catch((error: unknown) => {
      logger.error({ err: error }, "an answer failed");
      response.destroy();
    });
  };
}

/** Throws FORBIDDEN where a request came in plain text from elsewhere, or from another site's page. */
function lookAt(request: IncomingMessage, path: string, options: ServerOptions, admission: Admission): void {
  admission.requirePrivate(request);
  const provesItself =
    (options.hooks !== undefined && path.startsWith("/hooks/")) ||
    (options.callbacks !== undefined && path.startsWith("/pipelines/"));
  if (!provesItself) refuseForeign(request, options);
}

/**
 * A server for `handler`, not listening yet: over TLS 1.2 or newer where a certificate is given. To stop it: `server.close()` and
 * `server.closeAllConnections()`.
 */
export function createServer(handler: RequestHandler, tls?: Pick<Tls, "cert" | "key">): Server {
  // An upload to the registry and a long build take as long as they take.
  const limits = { requestTimeout: 0, headersTimeout: 30_000, keepAliveTimeout: 75_000, maxHeaderSize: 16_384 };
  if (tls === undefined) return createHttpServer(limits, handler);
  return createHttpsServer({ ...limits, ...tls, minVersion: "TLSv1.2", handshakeTimeout: 10_000 }, handler);
}

function refuse(response: ServerResponse, error: unknown): void {
  const { status, body } = errorAnswer(error);
  response.writeHead(status, { "content-type": problemType, "cache-control": "no-store", connection: "close" });
  response.end(JSON.stringify(body));
}
