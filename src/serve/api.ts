import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { Hono, type Context, type HonoRequest } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { Logger } from "../lib/index.ts";
import {
  isOperationName,
  OperationError,
  operations,
  parseInput,
  type OperationName,
  type Principal,
} from "../operation/index.ts";
import {
  authorize,
  csrfHeader,
  csrfOf,
  formatCookie,
  hasCookie,
  isOwnWrite,
  readCookie,
  reaches,
  recordWrite,
  requireRole,
  TooManyError,
  type Admission,
  type LabelsOf,
} from "./access/index.ts";
import { answerOnce } from "./answer-once.ts";
import { answerJson } from "./answer-json.ts";
import { errorAnswer, problemType } from "./error-answer.ts";
import { ServeError } from "./error.ts";
import { createEventBus } from "./event-bus.ts";
import { streamEvents } from "./event-stream.ts";
import { openApiDocument } from "./openapi.ts";
import { addLogin, refusalPage, type Login } from "./login/index.ts";
import { addPage, type Visitor } from "./page/index.ts";
import { isReadName, readQuery } from "./read-query.ts";
import type { ServerOptions } from "./server.ts";

/** What each request carries along. */
export interface ApiEnv {
  Bindings: { readonly incoming: IncomingMessage };
  Variables: { principal: Principal | undefined };
}

const bodyBytes = 1024 * 1024;
/** How long a credential is believed to last, once its holder listens. */
const streamMs = 300_000;

/** Anybody on this machine may look, as long as the server listens there alone. */
const loopbackPrincipal: Principal = {
  name: "loopback",
  kind: "loopback",
  credential: null,
  roles: ["viewer"],
  labels: [],
};

/** The routes of the API and the page. Who asks is found out first; each route says what it needs. */
export function createApi(options: ServerOptions, admission: Admission, logger: Logger, login?: Login): Hono<ApiEnv> {
  const { operations: asked } = options;
  const labelsOf: LabelsOf = options.labelsOf ?? (() => []);
  const events = options.events ?? createEventBus();
  const server = randomUUID();
  const app = new Hono<ApiEnv>();

  const ask = async (name: OperationName, input: unknown, principal: Principal): Promise<object> => {
    const allowed = parseInput(name, authorize(name, input, principal, labelsOf));
    if (options.store !== undefined) await recordWrite(options.store, principal, name, allowed);
    const others = principal.kind === "local" ? undefined : options.forOthers?.[name];
    const operation = (others ?? asked[name]) as (input: unknown) => Promise<object>;
    return operation(allowed);
  };

  app.use(async (context, next) => {
    await next();
    context.header("x-content-type-options", "nosniff");
    // With `no-referrer` browsers would not say of a form that it is our own.
    context.header("referrer-policy", "same-origin");
    context.header("cross-origin-opener-policy", "same-origin");
    context.header("cross-origin-resource-policy", "same-origin");
    if (!context.res.headers.has("cache-control")) context.header("cache-control", "no-store");
  });
  app.use(async (context, next) => {
    context.set("principal", await findPrincipal(context.env.incoming, context.req.path, admission));
    await next();
  });

  app.get("/healthz", (context) => context.text("ok\n"));
  app.get("/readyz", async (context) => {
    const reason = await options.notReady?.();
    if (reason === undefined) return context.text("ok\n");
    return context.text(context.get("principal") === undefined ? "not ready\n" : `${reason}\n`, 503);
  });
  const { metrics } = options;
  if (metrics !== undefined)
    app.get("/metrics", async (context) => {
      requireWhole("the metrics", requirePrincipal(context.get("principal")));
      return context.text(await metrics());
    });

  app.get("/api/v1/caller", (context) => {
    const { name, kind, roles, labels } = requirePrincipal(context.get("principal"));
    const csrf = kind === "person" ? csrfFor(context.env.incoming) : undefined;
    return context.json({ name, roles, labels, version: options.version, ...(csrf === undefined ? {} : { csrf }) });
  });
  app.get("/api/v1/openapi.json", (context) => {
    requirePrincipal(context.get("principal"));
    return context.json(openApiDocument(options.version));
  });
  app.get("/api/v1/events", (context) => {
    const principal = requirePrincipal(context.get("principal"));
    requireRole("viewer", principal, "the events");
    // Whoever listens comes again by itself, and its credential is looked at again.
    const { signal } = context.req.raw;
    const until =
      principal.credential !== null
        ? AbortSignal.any([signal, AbortSignal.timeout(options.streamMs ?? streamMs)])
        : signal;
    return streamEvents(events, until, ({ image }) =>
      image === undefined ? principal.labels.length === 0 : reaches(principal, image, labelsOf),
    );
  });
  app.get("/api/v1/:name", async (context) => {
    const principal = requirePrincipal(context.get("principal"));
    const name = context.req.param("name");
    if (!isReadName(name)) throw new ServeError("NO_SUCH_PATH", `nothing is read by GET /api/v1/${name}`);
    const answer = await ask(name, readQuery(new URL(context.req.url).searchParams), principal);
    return answerJson(answer, context.req.header("if-none-match"));
  });

  app.post(
    "/api/v1/operations/:name",
    bodyLimit({
      maxSize: bodyBytes,
      onError: () => {
        throw new ServeError("TOO_LARGE", `the body is larger than ${bodyBytes} bytes`);
      },
    }),
    async (context) => {
      const principal = context.get("principal");
      if (principal === undefined || principal.kind === "loopback") throw missingToken();
      if (principal.kind === "person") requireOwnPage(context.env.incoming);
      const name = context.req.param("name");
      if (!isOperationName(name)) throw new ServeError("NO_SUCH_PATH", `there is no operation ${name}`);
      const input = await readBody(context.req.raw);
      const key = context.req.header("idempotency-key");
      if (key === undefined || options.store === undefined || operations[name].effect === "read")
        return context.json(await ask(name, input, principal));
      const once = {
        caller: principal.credential ?? principal.name,
        key,
        operation: name,
        input,
        keep: name !== "tokenCreate",
      };
      const done = await answerOnce(once, { store: options.store, server }, () => ask(name, input, principal));
      const type = done.status === 200 ? "application/json" : problemType;
      const replayed = done.replayed ? { "idempotency-replayed": "true" } : {};
      return new Response(done.body, { status: done.status, headers: { "content-type": type, ...replayed } });
    },
  );

  const visitorOf = (context: Context<ApiEnv>): Visitor => {
    if (login === undefined) return { kind: "none" };
    const principal = context.get("principal");
    const csrf = csrfFor(context.env.incoming);
    if (principal?.kind !== "person" || csrf === undefined) return { kind: "guest" };
    return { kind: "person", name: principal.name, csrf };
  };
  addPage(
    app,
    (context) => {
      authorize("status", {}, requirePrincipal(context.get("principal")), labelsOf);
      return asked.status({});
    },
    visitorOf,
  );
  if (login !== undefined) addLogin(app, { login, admission, logger });
  app.notFound(() => {
    throw new ServeError("NO_SUCH_PATH", "there is nothing here");
  });
  app.onError((error, context) => {
    const { status, body } = errorAnswer(error);
    const isOver = status === 401 && login !== undefined && hasCookie(context.req.header("cookie"), "session");
    const gone = isOver ? { "set-cookie": formatCookie("session", undefined) } : undefined;
    if ((status === 401 || status === 403) && login !== undefined && isVisit(context.req)) {
      const answer = refusalPage({ status, body }, visitorOf(context));
      for (const [name, value] of Object.entries(gone ?? {})) answer.headers.set(name, value);
      return answer;
    }
    if (status >= 500) logger.error({ err: error }, "a request failed");
    return new Response(JSON.stringify(body), {
      status,
      headers: {
        "content-type": problemType,
        ...gone,
        ...(status === 401 ? { "www-authenticate": "Bearer" } : {}),
        ...(error instanceof TooManyError ? { "retry-after": String(error.retryAfter) } : {}),
      },
    });
  });
  return app;
}

async function findPrincipal(
  incoming: IncomingMessage,
  path: string,
  admission: Admission,
): Promise<Principal | undefined> {
  // Whoever asks only whether it lives is not counted, and may come in plain text.
  if (/^\/(?:healthz|readyz)$/.test(path)) return admission.identify(incoming).isLocal ? loopbackPrincipal : undefined;
  // Who logs in, or out, need not be known, and a session that is over must not stand in the way.
  if (path.startsWith("/auth/")) {
    admission.count({ client: admission.requirePrivate(incoming), principal: undefined });
    return undefined;
  }
  const isActive = path !== "/state" && path !== "/api/v1/events";
  const admitted =
    incoming.headers.authorization === undefined
      ? await admission.admitBrowser(incoming, { isActive })
      : await admission.admit(incoming);
  admission.count(admitted);
  return admitted.principal ?? (admitted.client.isLocal ? loopbackPrincipal : undefined);
}

/** Whether a person looks at the page. */
function isVisit(request: HonoRequest): boolean {
  return request.method === "GET" && request.path === "/" && (request.header("accept") ?? "").includes("text/html");
}

function csrfFor({ headers }: IncomingMessage): string | undefined {
  const secret = readCookie(headers.cookie, "session");
  return secret === undefined ? undefined : csrfOf(secret);
}

/** Throws FORBIDDEN where a write by a cookie does not come from a page of ours. */
function requireOwnPage({ headers }: IncomingMessage): void {
  const secret = readCookie(headers.cookie, "session");
  const given = headers[csrfHeader];
  if (secret !== undefined && typeof given === "string" && isOwnWrite(headers, secret, given)) return;
  throw new ServeError("FORBIDDEN", "a browser's session writes from pages of this server alone", {
    hint: `Send the \`csrf\` of /api/v1/caller as ${csrfHeader}. Programs send a token.`,
  });
}

function requirePrincipal(principal: Principal | undefined): Principal {
  if (principal !== undefined) return principal;
  throw missingToken();
}

/** Throws where a caller may not see what is said of all images together. */
function requireWhole(what: string, principal: Principal): void {
  requireRole("viewer", principal, what);
  if (principal.labels.length > 0)
    throw new ServeError("OUT_OF_SCOPE", `${what} are about the whole fleet; ${principal.name} is limited`);
}

function missingToken(): ServeError {
  return new ServeError("UNAUTHORIZED", "this needs a token", {
    hint: "Send `Authorization: Bearer TOKEN`: one of `tidemill token create`, or the one in the lock file of the server's data directory.",
  });
}

/** The body as JSON; throws BAD_INPUT where it is none, and where its type would let another site's form send it. */
async function readBody(request: Request): Promise<unknown> {
  if (!/^application\/json(?:\s*;|$)/i.test(request.headers.get("content-type") ?? "")) {
    throw new OperationError("BAD_INPUT", "the body's content type is not application/json");
  }
  try {
    return JSON.parse(await request.text());
  } catch (error) {
    if (error instanceof ServeError) throw error;
    throw new OperationError("BAD_INPUT", "the body is not JSON", { cause: error });
  }
}
