import type { IncomingMessage, ServerResponse } from "node:http";
import { Refusal, type AnswerCode } from "./refusal.ts";
import type { RegistryStore } from "./registry-store.ts";
import type { UploadSessions } from "./upload-sessions.ts";

/** What a route is given. */
export interface Exchange {
  readonly store: RegistryStore;
  readonly uploads: UploadSessions;
  readonly limits: ServerLimits;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: string;
  readonly repository: string;
  /** What stands after the route's own words: a digest, a tag, an upload's id. */
  readonly target: string;
  readonly query: URLSearchParams;
}

export interface ServerLimits {
  /** Bytes of one blob. */
  readonly blobBytes: number;
  /** Bytes of a manifest. */
  readonly manifestBytes: number;
  /** Uploads that may be open at a time. */
  readonly uploads: number;
}

type Headers = Record<string, string | number | string[]>;

/** Answers without a body. */
export function answerEmpty(response: ServerResponse, status: number, headers: Headers): void {
  response.writeHead(status, status === 204 ? headers : { "Content-Length": 0, ...headers });
  response.end();
}

/** Answers with bytes; a HEAD request gets the same headers alone. */
export function answerBytes(exchange: Exchange, status: number, headers: Headers, bytes: Uint8Array): void {
  const { response, method } = exchange;
  response.writeHead(status, { "Content-Length": bytes.byteLength, "X-Content-Type-Options": "nosniff", ...headers });
  if (method === "HEAD") response.end();
  else response.end(bytes);
}

/** Answers with JSON. */
export function answerJson(exchange: Exchange, status: number, value: unknown, headers: Headers = {}): void {
  answerBytes(exchange, status, { "Content-Type": "application/json", ...headers }, Buffer.from(JSON.stringify(value)));
}

/** Answers with the specification's list of errors; a body that nobody read ends the connection. */
export function answerRefusal(request: IncomingMessage, response: ServerResponse, refusal: Refusal): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = Buffer.from(JSON.stringify({ errors: [{ code: refusal.code, message: refusal.message }] }));
  response.writeHead(refusal.status, {
    "Content-Type": "application/json",
    "Content-Length": body.byteLength,
    "X-Content-Type-Options": "nosniff",
    ...(request.complete ? {} : { Connection: "close" }),
    ...refusal.headers,
  });
  response.end(request.method === "HEAD" ? undefined : body);
}

/** The request's body, at most `limit` bytes; refuses a longer one before reading it where its length is said. */
export function readBody(request: IncomingMessage, limit: number, code: AnswerCode): Promise<Buffer> {
  const tooLarge = (): Refusal => new Refusal(413, code, `the body is larger than ${limit} bytes`);
  if (Number(request.headers["content-length"] ?? 0) > limit) return Promise.reject(tooLarge());
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.byteLength;
      if (size <= limit) chunks.push(chunk);
      else {
        request.removeAllListeners("data").pause();
        reject(tooLarge());
      }
    });
    request.on("end", () =>
      resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)),
    );
    request.on("error", reject);
    request.on("close", () => {
      if (!request.complete) reject(new Refusal(400, "UNKNOWN", "the connection broke"));
    });
  });
}
