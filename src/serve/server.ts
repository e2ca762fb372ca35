import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { getRequestListener } from "@hono/node-server";
import type { Store } from "../io/store/index.ts";
import { silentLogger, type Clock, type Logger } from "../lib/index.ts";
import type { Operations } from "../operation/index.ts";
import type { LabelsOf } from "./access/index.ts";
import { createApi } from "./api.ts";
import { errorAnswer, problemType } from "./error-answer.ts";
import type { EventBus } from "./event-bus.ts";
import type { Hooks } from "./hooks/create-hooks.ts";
import { refuseForeign, type GuardOptions } from "./guard.ts";

export interface ServerOptions extends GuardOptions {
  readonly operations: Operations;
  readonly version: string;
  /** The random token of the lock file. */
  readonly token: string;
  /** Where API tokens are and what is asked is recorded; without it only the lock file's token counts. */
  readonly store?: Pick<
    Store,
    "loadToken" | "saveTokenUsed" | "saveAudit" | "beginKeyed" | "saveKeyedAnswer" | "forgetKeyed"
  >;
  readonly clock?: Clock;
  /** Labels of an image: by them a token may be limited. */
  readonly labelsOf?: LabelsOf;
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

/**
 * The API, the status page and the embedded registry on one port; not listening yet. Every answer that fails is
 * Problem Details with our code. To stop it: `server.close()` and `server.closeAllConnections()`.
 */
export function createServer(options: ServerOptions): Server {
  const logger = options.logger ?? silentLogger();
  const app = createApi(options, logger);
  const answer = getRequestListener((request, env) => app.fetch(request, env), { overrideGlobalObjects: false });
  return createHttpServer(
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
      answer(request, response).catch((error: unknown) => {
        logger.error({ err: error }, "an answer failed");
        response.destroy();
      });
    },
  );
}

function refuse(response: ServerResponse, error: unknown): void {
  const { status, body } = errorAnswer(error);
  response.writeHead(status, { "content-type": problemType, "cache-control": "no-store", connection: "close" });
  response.end(JSON.stringify(body));
}
