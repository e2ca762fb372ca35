import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { silentLogger, type Logger } from "../lib/index.ts";
import {
  isOperationName,
  OperationError,
  parseInput,
  type OperationName,
  type Operations,
} from "../operation/index.ts";
import { errorAnswer } from "./error-answer.ts";
import { ServeError } from "./error.ts";
import { createEventBus, type EventBus } from "./event-bus.ts";
import { streamEvents } from "./event-stream.ts";
import { hasToken, isLoopbackAddress, refuseForeign, type GuardOptions } from "./guard.ts";
import { openApiDocument } from "./openapi.ts";
import { addPage } from "./page/index.ts";
import type { Hooks } from "./hooks/create-hooks.ts";
import { isReadName, readQuery } from "./read-query.ts";

export interface ServerOptions extends GuardOptions {
  readonly operations: Operations;
  readonly version: string;
  readonly events?: EventBus;
  /** The embedded registry: gets every request below `/v2/`, and decides itself whom it answers. */
  readonly registryHandler?: (request: IncomingMessage, response: ServerResponse) => void;
  /** Where others tell of what happened: gets every request below `/hooks/`, and decides itself whom it believes. */
  readonly hooks?: Hooks;
  /** Why the server cannot do its work yet; undefined where it can. */
  readonly notReady?: () => Promise<string | undefined>;
  /** Text for a Prometheus scrape. */
  readonly metrics?: () => Promise<string>;
  readonly logger?: Logger;
}

const bodyBytes = 1024 * 1024;

/**
 * The local API, the status page and the embedded registry on one port; not listening yet. Every answer that fails is
 * `{"error":{"code","message","hint"}}`. To stop it: `server.close()` and `server.closeAllConnections()`.
 */
export function createServer(options: ServerOptions): Server {
  const logger = options.logger ?? silentLogger();
  const app = createApi(options, logger);
  const answer = getRequestListener(app.fetch, { overrideGlobalObjects: false });
  const server = createHttpServer(
    // An upload to the registry and a long build take as long as they take.
    { requestTimeout: 0, headersTimeout: 30_000, keepAliveTimeout: 75_000, maxHeaderSize: 16_384 },
    (request, response) => {
      // The registry has a door of its own: containers and other machines come to it by other names.
      if (options.registryHandler !== undefined && /^\/v2(?:\/|$|\?)/.test(request.url ?? "")) {
        return options.registryHandler(request, response);
      }
      // Forges and registries come by any name, too, and prove themselves.
      if (options.hooks !== undefined && request.url?.startsWith("/hooks/") === true) {
        return options.hooks(request, response);
      }
      try {
        refuseForeign(request, options);
      } catch (error) {
        return refuse(response, error);
      }
      if (!isLoopbackAddress(request.socket.remoteAddress) && !hasToken(request, options)) {
        return refuse(response, new ServeError("UNAUTHORIZED", "another machine needs the token"));
      }
      answer(request, response).catch((error: unknown) => {
        logger.error({ err: error }, "an answer failed");
        response.destroy();
      });
    },
  );
  return server;
}

function createApi(options: ServerOptions, logger: Logger): Hono {
  const { operations } = options;
  const events = options.events ?? createEventBus();
  const app = new Hono();

  app.use(async (context, next) => {
    await next();
    context.header("x-content-type-options", "nosniff");
    context.header("referrer-policy", "no-referrer");
    context.header("cross-origin-resource-policy", "same-origin");
    if (!context.res.headers.has("cache-control")) context.header("cache-control", "no-store");
  });

  app.get("/healthz", (context) => context.text("ok\n"));
  app.get("/readyz", async (context) => {
    const reason = await options.notReady?.();
    return reason === undefined ? context.text("ok\n") : context.text(`${reason}\n`, 503);
  });
  const { metrics } = options;
  if (metrics !== undefined) app.get("/metrics", async (context) => context.text(await metrics()));

  app.get("/api/v1/openapi.json", (context) => context.json(openApiDocument(options.version)));
  app.get("/api/v1/events", (context) => streamEvents(events, context.req.raw.signal));
  app.get("/api/v1/:name", async (context) => {
    const name = context.req.param("name");
    if (!isReadName(name)) throw new ServeError("NO_SUCH_PATH", `nothing is read by GET /api/v1/${name}`);
    return context.json(await ask(operations, name, readQuery(context.req.query())));
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
      const headers = { authorization: context.req.header("authorization") };
      if (!hasToken({ headers }, options)) {
        throw new ServeError("UNAUTHORIZED", "the token is missing or wrong", {
          hint: "It stands in the lock file of the server's data directory, as `Authorization: Bearer TOKEN`.",
        });
      }
      const name = context.req.param("name");
      if (!isOperationName(name)) throw new ServeError("NO_SUCH_PATH", `there is no operation ${name}`);
      return context.json(await ask(operations, name, await readBody(context.req.raw)));
    },
  );

  addPage(app, operations);
  app.notFound(() => {
    throw new ServeError("NO_SUCH_PATH", "there is nothing here");
  });
  app.onError((error) => {
    const { status, body } = errorAnswer(error);
    if (status >= 500) logger.error({ err: error }, "a request failed");
    return Response.json(body, { status });
  });
  return app;
}

async function ask(operations: Operations, name: OperationName, input: unknown): Promise<object> {
  const operation = operations[name] as (input: unknown) => Promise<object>;
  return operation(parseInput(name, input));
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

function refuse(response: ServerResponse, error: unknown): void {
  const { status, body } = errorAnswer(error);
  response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store", connection: "close" });
  response.end(JSON.stringify(body));
}
