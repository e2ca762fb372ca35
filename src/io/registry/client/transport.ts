import type { Readable } from "node:stream";
import { Pool, errors, type Dispatcher } from "undici";
import type { IncomingHttpHeaders } from "undici/types/header.js";
import { AppError, messageOf, type Clock } from "../../../lib/index.ts";
import { RegistryError } from "../error.ts";
import { guardedConnector, plainConnector, type AddressRule, type Lookup } from "./address-guard.ts";

/** What is sent: bytes at hand, or what `open` yields, `length` bytes in all. */
export type Body = Uint8Array | { readonly length: number; open(): AsyncIterable<Uint8Array> };

export interface Call {
  readonly method: Dispatcher.HttpMethod;
  readonly url: URL;
  /** Whether any address will do: the registry itself, or an origin that the user trusts. */
  readonly trusted: boolean;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Body | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What came back; the body is unread. */
export interface Answer {
  readonly status: number;
  readonly url: URL;
  header(name: string): string | undefined;
  /** All bytes, at most `limit`. */
  bytes(limit: number, what: string): Promise<Buffer>;
  /** The bytes as they come; a reader that stops early closes the connection. */
  stream(): AsyncIterable<Buffer>;
  /** Gives the connection back. */
  drain(): Promise<void>;
}

/** What a client has asked so far. */
export interface RequestStats {
  readonly requests: number;
  readonly retries: number;
  /** Bytes of bodies, without headers. */
  readonly bytesUp: number;
  readonly bytesDown: number;
}

export interface TransportOptions {
  readonly connectionsPerHost: number;
  readonly requestBudget: number;
  /** Milliseconds until a connection stands, an answer's head has come, a small body is complete, or between two pieces of a large one. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly ca?: string | undefined;
  readonly lookup?: Lookup | undefined;
  /** Which addresses that are not trusted may be connected to; public ones without it. */
  readonly isAllowed?: AddressRule | undefined;
}

export interface Transport {
  send(call: Call): Promise<Answer>;
  stats(): RequestStats;
  countRetry(): void;
  close(): Promise<void>;
}

/** A body that comes more slowly than this is taken for one that does not come: a kilobyte a second. */
const leastBytesPerMs = 1;

/** Sends single requests over keep-alive pools, one for each origin; counts them; knows nothing of retries or credentials. */
export function createTransport(options: TransportOptions): Transport {
  const pools = new Map<string, Pool>();
  const counts = { requests: 0, retries: 0, bytesUp: 0, bytesDown: 0 };

  function poolOf(call: Call): Pool {
    const key = `${call.trusted ? "" : "guarded "}${call.url.origin}`;
    let pool = pools.get(key);
    if (pool === undefined) {
      const connecting = { timeout: options.timeoutMs, ...(options.ca === undefined ? {} : { ca: options.ca }) };
      pool = new Pool(call.url.origin, {
        connections: options.connectionsPerHost,
        keepAliveTimeout: 30_000,
        headersTimeout: options.timeoutMs,
        bodyTimeout: options.timeoutMs,
        connect: call.trusted
          ? plainConnector(connecting, options.lookup)
          : guardedConnector(connecting, options.lookup, options.isAllowed),
      });
      pools.set(key, pool);
    }
    return pool;
  }

  async function send(call: Call): Promise<Answer> {
    if (counts.requests >= options.requestBudget) {
      throw new RegistryError("BUDGET_SPENT", `the budget of ${options.requestBudget} requests is spent`, {
        hint: "Raise the request budget, or run again later.",
      });
    }
    counts.requests++;
    const { url, method, body, signal } = call;
    try {
      const response = await poolOf(call).request({
        path: `${url.pathname}${url.search}`,
        method,
        headers: { ...call.headers, ...(body === undefined ? {} : { "content-length": String(lengthOf(body)) }) },
        body: body === undefined ? null : toUndici(body, (bytes) => (counts.bytesUp += bytes)),
        ...(signal === undefined ? {} : { signal }),
      });
      return createAnswer(response, url, options, (bytes) => (counts.bytesDown += bytes));
    } catch (error) {
      throw asRegistryError(error, call);
    }
  }

  return {
    send,
    stats: () => ({ ...counts }),
    countRetry: () => void counts.retries++,
    close: async () => {
      await Promise.all(Array.from(pools.values(), (pool) => pool.destroy()));
      pools.clear();
    },
  };
}

function createAnswer(
  response: Dispatcher.ResponseData,
  url: URL,
  options: TransportOptions,
  count: (bytes: number) => void,
): Answer {
  const { statusCode, headers, body } = response;
  const call = { method: "GET" as const, url };
  async function* stream(): AsyncGenerator<Buffer> {
    try {
      let asked = options.clock.now();
      let waited = 0;
      let came = 0;
      for await (const chunk of body as AsyncIterable<Buffer>) {
        count(chunk.byteLength);
        // undici's own time-out starts again with every piece. Only our waiting counts, not a reader's that is slow.
        waited += options.clock.now() - asked;
        came += chunk.byteLength;
        if (waited > options.timeoutMs) {
          if (came < leastBytesPerMs * waited) throw new TimeoutError("a body");
          [waited, came] = [0, 0];
        }
        yield chunk;
        asked = options.clock.now();
      }
    } catch (error) {
      throw asRegistryError(error, call);
    } finally {
      body.destroy();
    }
  }
  async function bytes(limit: number, what: string): Promise<Buffer> {
    // A small body must be complete in time.
    const timer = setTimeout(() => body.destroy(new TimeoutError(what)), options.timeoutMs);
    const chunks: Buffer[] = [];
    let size = 0;
    try {
      for await (const chunk of stream()) {
        size += chunk.byteLength;
        if (size > limit) throw new RegistryError("WRONG_SIZE", `${what} is larger than ${limit} bytes`);
        chunks.push(chunk);
      }
    } finally {
      clearTimeout(timer);
    }
    return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
  }
  return {
    status: statusCode,
    url,
    header: (name) => singleHeader(headers, name),
    bytes,
    stream,
    drain: async () => {
      if (headers["content-length"] === "0") body.resume();
      else await bytes(64 * 1024, "an answer that nobody reads").catch(() => undefined);
    },
  };
}

class TimeoutError extends Error {
  readonly code = "UND_ERR_BODY_TIMEOUT";

  constructor(what: string) {
    super(`${what} did not come in time`);
  }
}

const transient: ReadonlySet<string> = new Set([
  "ECONNRESET",
  "ECONNREFUSED",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENETDOWN",
  "EAI_AGAIN",
  "UND_ERR_SOCKET",
  "UND_ERR_CLOSED",
  "UND_ERR_ABORTED",
  "UND_ERR_DESTROYED",
  "UND_ERR_RES_CONTENT_LENGTH_MISMATCH",
  "ERR_STREAM_PREMATURE_CLOSE",
]);
const slow: ReadonlySet<string> = new Set([
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_BODY_TIMEOUT",
]);

/** Network failures with our codes; what a body's source, the caller's signal or we ourselves threw stays as it is. */
function asRegistryError(error: unknown, call: { readonly method: string; readonly url: URL }): unknown {
  if (error instanceof AppError) return error;
  const code = (error as NodeJS.ErrnoException | null)?.code ?? "";
  const at = `${call.method} ${call.url.origin}${call.url.pathname}`;
  if (slow.has(code)) return new RegistryError("TIMEOUT", `${at}: no answer in time`, { retry: true, cause: error });
  if (transient.has(code) || error instanceof errors.SocketError) {
    return new RegistryError("UNREACHABLE", `${at}: ${messageOf(error)}`, { retry: true, cause: error });
  }
  if (code === "ENOTFOUND") {
    return new RegistryError("UNREACHABLE", `${at}: no such host`, {
      cause: error,
      hint: "Is the registry's name spelt right?",
    });
  }
  if (code === "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH") {
    return new RegistryError("WRONG_SIZE", `${at}: what is sent has another size than was said`, { cause: error });
  }
  if (code.startsWith("HPE_") || code.startsWith("UND_ERR_HEADERS") || code.startsWith("UND_ERR_RES")) {
    return new RegistryError("BAD_ANSWER", `${at}: ${messageOf(error)}`, { cause: error });
  }
  if (/^(?:ERR_TLS|ERR_SSL|CERT_|DEPTH_|SELF_SIGNED|UNABLE_TO)/.test(code)) {
    return new RegistryError("INSECURE", `${at}: ${messageOf(error)}`, {
      cause: error,
      hint: "Give the registry's certificate authority, or list the host as insecure.",
    });
  }
  return error;
}

function lengthOf(body: Body): number {
  return body instanceof Uint8Array ? body.byteLength : body.length;
}

/** undici takes any iterable of bytes, although its types name streams alone. */
function toUndici(body: Body, count: (bytes: number) => void): Uint8Array | Readable {
  if (body instanceof Uint8Array) {
    count(body.byteLength);
    return body;
  }
  return countThrough(body.open(), count) as unknown as Readable;
}

async function* countThrough(
  source: AsyncIterable<Uint8Array>,
  count: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    count(chunk.byteLength);
    yield chunk;
  }
}

function singleHeader(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(", ") : value;
}
