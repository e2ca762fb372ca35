import type { IncomingMessage, ServerResponse } from "node:http";
import { problemType } from "./error-answer.ts";

/** What a machine that told us something is answered. */
export interface Answer {
  readonly status: number;
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Answers a request whose body may not have been read to its end. */
export function sendAnswer(
  request: IncomingMessage,
  response: ServerResponse,
  { status, body, headers = {} }: Answer,
): void {
  if (response.destroyed) return;
  const bytes = body === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(body));
  response.writeHead(status, {
    "content-type": status >= 400 && body !== undefined ? problemType : "application/json",
    "content-length": bytes.length,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    // What was not read to its end cannot be followed by another request.
    ...(request.complete ? {} : { connection: "close" }),
    ...headers,
  });
  response.end(bytes);
}
