import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { readEvent, type Delivery, type Endpoint } from "../../core/events/index.ts";
import { messageOf, printable, type Clock, type Logger } from "../../lib/index.ts";
import { errorAnswer } from "../error-answer.ts";
import { ServeError } from "../error.ts";
import { sendAnswer, type Answer } from "../send-answer.ts";
import type { Inbox } from "./create-inbox.ts";
import { createBodyReader } from "./read-body.ts";

/** What became of deliveries to an endpoint. */
export type HookOutcome = "accepted" | "known" | "ignored" | "refused" | "unreadable" | "failed";

export interface HooksOptions {
  /** By name, as the configuration has them. */
  readonly endpoints: Readonly<Record<string, Endpoint>>;
  readonly inbox: Inbox;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onOutcome?: (endpoint: string, outcome: HookOutcome) => void;
  /** Milliseconds in which a body must have come. */
  readonly bodyMs?: number;
}

/** Where others tell of what happened: answers `POST /hooks/NAME`. */
export type Hooks = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * Takes deliveries in, each proven by its endpoint's secret before anything of it is read, and durable before it is answered: 202, or 200 for a copy and for what is about
 * nothing that we look at. 400, 401, 404, 405, 413, 429 and 503 say that nothing of it was kept. It has no cookie and no session: whoever sends comes by any name, from anywhere.
 */
export function createHooks(options: HooksOptions): Hooks {
  const { endpoints, logger, onOutcome = () => undefined } = options;
  const readBody = createBodyReader({ timeMs: options.bodyMs ?? 10_000 });
  return (request, response) => {
    const url = new URL(request.url ?? "/", "http://localhost");
    const name = /^\/hooks\/([^/]+)$/.exec(url.pathname)?.[1] ?? "";
    const endpoint = Object.hasOwn(endpoints, name) ? endpoints[name] : undefined;
    const answered = endpoint === undefined ? notThere(name) : receive(name, endpoint, url.searchParams);
    answered.then(
      (answer) => sendAnswer(request, response, answer),
      (error: unknown) => {
        const { status, body } = errorAnswer(error);
        if (status >= 500) logger.error({ err: error, endpoint: name }, "a delivery could not be kept");
        const later = status === 429 || status >= 500 ? { "retry-after": "5" } : undefined;
        sendAnswer(request, response, { status, body, ...(later === undefined ? {} : { headers: later }) });
      },
    );

    async function receive(endpointName: string, to: Endpoint, query: URLSearchParams): Promise<Answer> {
      if (request.method === "OPTIONS") return permit(request, to);
      if (request.method !== "POST") return { status: 405, headers: { allow: "POST" } };
      try {
        const { outcome, ...answer } = await take(endpointName, to, await readBody(request, query), options);
        onOutcome(endpointName, outcome);
        return answer;
      } catch (error) {
        const outcome = outcomeOf(error);
        onOutcome(endpointName, outcome);
        if (outcome !== "failed")
          logger.info({ endpoint: endpointName, from: request.socket.remoteAddress }, messageOf(error));
        throw error;
      }
    }
  };
}

async function take(
  name: string,
  endpoint: Endpoint,
  delivery: Delivery,
  { inbox, clock }: HooksOptions,
): Promise<Answer & { readonly outcome: HookOutcome }> {
  const verdict = readEvent(delivery, endpoint, clock.now());
  switch (verdict.kind) {
    case "refused":
      throw new ServeError("UNAUTHORIZED", whyRefused[verdict.why], {
        hint: `Give the sender the secret of webhooks.${name} of the configuration, as docs/webhooks.md says for ${endpoint.from}.`,
      });
    case "unknown":
      throw new ServeError("BAD_EVENT", `not read as an event of ${endpoint.from}: ${printable(verdict.reason)}`);
    case "other":
      return { status: 200, body: { kind: "ignored", what: printable(verdict.what) }, outcome: "ignored" };
    case "told": {
      const { subjects, key = randomUUID() } = verdict;
      const kept = await inbox.put({ endpoint: name, key, subjects });
      return kept === "new"
        ? { status: 202, body: { kind: "accepted" }, outcome: "accepted" }
        : { status: 200, body: { kind: "known" }, outcome: "known" };
    }
  }
}

const whyRefused = {
  unproven: "the delivery is not signed with the secret",
  stale: "the delivery was signed more than five minutes from now",
} as const;

function outcomeOf(error: unknown): HookOutcome {
  if (!(error instanceof ServeError)) return "failed";
  if (error.code === "UNAUTHORIZED") return "refused";
  return error.code === "BAD_EVENT" || error.code === "TOO_LARGE" ? "unreadable" : "failed";
}

function notThere(name: string): Promise<Answer> {
  const hint = "Names of endpoints stand in `webhooks:` of the configuration.";
  return Promise.reject(
    new ServeError("NO_SUCH_PATH", `there is no webhook ${printable(name.slice(0, 100))}`, { hint }),
  );
}

/** CloudEvents, HTTP 1.1 Web Hooks for Event Delivery, 4: a sender asks first whether it may. */
function permit({ headers }: IncomingMessage, { from }: Endpoint): Answer {
  const origin = headers["webhook-request-origin"];
  if (from !== "cloudevents" || typeof origin !== "string") return { status: 405, headers: { allow: "POST" } };
  return { status: 200, headers: { allow: "POST", "webhook-allowed-origin": origin, "webhook-allowed-rate": "*" } };
}
