import type { Dispatcher } from "undici";
import type { Clock } from "../../../lib/index.ts";
import { RegistryError } from "../error.ts";
import type { Authenticator } from "./authenticator.ts";
import { isTooLong, mayRepeat, retryAfterMs } from "./retry-after.ts";
import type { Answer, Body, Transport } from "./transport.ts";

export interface Ask {
  readonly method: Dispatcher.HttpMethod;
  /** Path on the registry, or an address that the registry gave. */
  readonly to: string | URL;
  readonly scopes: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Body | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Statuses that are answers; others become errors. */
  readonly expect: readonly number[];
  /** For messages: `pull of host/repository:tag`. */
  readonly what: string;
  /** False where asking twice is not the same as asking once. */
  readonly repeatable?: boolean;
  /** False where a registry that has had enough (429) is left alone at once, and the caller knows until when. */
  readonly waits?: boolean;
}

/** Asks one registry: authenticates, follows redirects without credentials, retries what may pass. */
export interface Requester {
  readonly origin: string;
  ask(ask: Ask): Promise<Answer>;
  /** An address that the registry gave, relative to where it was given; throws where it leads from https to http or out of the web. */
  follow(location: string | undefined, from: URL, what: string): URL;
  /** Waits before try number `attempt` (0 is the first repetition) with full jitter, or as long as the registry says. */
  pause(attempt: number, after: number | undefined, signal: AbortSignal | undefined): Promise<void>;
  readonly retries: number;
}

export interface RequesterOptions {
  readonly registry: string;
  readonly origin: string;
  readonly transport: Transport;
  readonly authenticator: Authenticator;
  /** Whether the registry itself may be at any address. */
  readonly isTrusted: boolean;
  readonly trusts: (origin: string) => boolean;
  readonly retries: number;
  readonly clock: Clock;
  /** From 0 to 1. */
  readonly random: () => number;
}

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const maxRedirects = 5;
const firstPauseMs = 200;
const longestPauseMs = 15_000;
const errorLimit = 64 * 1024;

export function createRequester(options: RequesterOptions): Requester {
  const { origin, transport, clock } = options;

  async function pause(attempt: number, after: number | undefined, signal: AbortSignal | undefined): Promise<void> {
    transport.countRetry();
    const ceiling = Math.min(longestPauseMs, firstPauseMs * 2 ** attempt);
    await clock.sleep((after ?? 0) + options.random() * ceiling, signal);
  }

  async function ask(request: Ask): Promise<Answer> {
    for (let attempt = 0; ; attempt++) {
      const last = attempt >= options.retries || request.repeatable === false;
      let answer: Answer;
      try {
        answer = await askOnce(request);
      } catch (error) {
        // Of the network, or of the token service.
        if (last || !mayRepeat(error) || (request.waits === false && error.code === "THROTTLED")) throw error;
        await pause(attempt, error.retryAfterMs, request.signal);
        continue;
      }
      if (request.expect.includes(answer.status)) return answer;
      const after = retryAfterMs(answer, clock.now());
      const hadEnough = answer.status === 429 && request.waits === false;
      if (last || hadEnough || !mayPass(answer.status) || isTooLong(after))
        throw await explain(answer, request.what, after);
      await answer.drain();
      await pause(attempt, after, request.signal);
    }
  }

  async function askOnce(request: Ask): Promise<Answer> {
    let scopes = request.scopes;
    for (let round = 0; ; round++) {
      const url = typeof request.to === "string" ? new URL(request.to, origin) : request.to;
      const ours = url.origin === origin;
      const header = ours ? await options.authenticator.authorization(scopes, request.signal) : undefined;
      const answer = await sendFollowing(request, url, header);
      if (answer.status !== 401 || answer.url.origin !== origin) return answer;
      scopes = options.authenticator.learn(answer, scopes, header);
      await answer.drain();
      const next = round < 2 ? await options.authenticator.authorization(scopes, request.signal) : header;
      if (next === header) {
        throw new RegistryError("UNAUTHORIZED", `${request.what}: ${options.registry} wants other credentials`, {
          hint:
            header === undefined
              ? "Log in to the registry first."
              : "The stored credentials were refused; log in again.",
        });
      }
    }
  }

  async function sendFollowing(request: Ask, first: URL, authorization: string | undefined): Promise<Answer> {
    let url = first;
    for (let hop = 0; ; hop++) {
      const ours = url.origin === origin;
      const answer = await transport.send({
        method: request.method,
        url,
        trusted: (ours && options.isTrusted) || options.trusts(url.origin),
        headers: {
          "accept-encoding": "identity",
          "user-agent": "tidemill",
          ...request.headers,
          ...(ours && authorization !== undefined ? { authorization } : {}),
        },
        body: request.body,
        signal: request.signal,
      });
      const readOnly = request.method === "GET" || request.method === "HEAD";
      if (!redirects.has(answer.status) || !readOnly) return answer;
      await answer.drain();
      if (hop >= maxRedirects) {
        throw new RegistryError("REFUSED_REDIRECT", `${request.what}: more than ${maxRedirects} redirects`);
      }
      url = follow(answer.header("location"), url, request.what);
    }
  }

  function follow(location: string | undefined, from: URL, what: string): URL {
    const url = location !== undefined && URL.canParse(location, from.href) ? new URL(location, from) : undefined;
    if (url === undefined || url.username !== "" || url.password !== "") {
      throw new RegistryError("BAD_ANSWER", `${what}: the registry sends us nowhere`);
    }
    if (url.origin === origin || options.trusts(url.origin)) return url;
    if (url.protocol !== "https:") {
      throw new RegistryError(
        "REFUSED_REDIRECT",
        `${what}: the registry sends us to ${url.protocol}//${url.host}, which is not https`,
        {
          hint: "If that service belongs to the registry, name its origin among the trusted origins.",
        },
      );
    }
    return url;
  }

  return { origin, ask, follow, pause, retries: options.retries };
}

/** Why an answer is not the one that was hoped for, with what the registry says of it and, where it is known, for how many milliseconds it wants to be left alone. Reads the body. */
export async function explain(answer: Answer, what: string, after?: number): Promise<RegistryError> {
  const { status } = answer;
  const body = await answer.bytes(errorLimit, "an error").catch(() => Buffer.alloc(0));
  const said = registryErrors(body);
  const message = `${what}: ${answer.url.host} answered ${status}${said.text === "" ? "" : `, ${said.text}`}`;
  if (said.codes.includes("MANIFEST_BLOB_UNKNOWN") || said.codes.includes("BLOB_UNKNOWN")) {
    return new RegistryError("BLOB_UNKNOWN", message, {
      retry: true,
      hint: "The registry lost a blob; it is sent again next time.",
    });
  }
  if (status === 403) return new RegistryError("DENIED", message, { hint: "These credentials may not do that." });
  if (status === 404) return new RegistryError("NOT_FOUND", message);
  if (status === 412) return new RegistryError("TAG_MOVED", message, { hint: "Someone else moved the tag." });
  if (status === 429) return new RegistryError("THROTTLED", message, { retry: true, retryAfterMs: after });
  if (status >= 500) return new RegistryError("SERVER_ERROR", message, { retry: true, retryAfterMs: after });
  return new RegistryError(status >= 400 ? "REJECTED" : "BAD_ANSWER", message);
}

function registryErrors(body: Buffer): { codes: readonly string[]; text: string } {
  try {
    const { errors } = JSON.parse(body.toString("utf8")) as { errors?: { code?: unknown; message?: unknown }[] };
    const list = (errors ?? []).slice(0, 5);
    const text = list.map(({ code, message }) => `${String(code)}: ${String(message)}`).join("; ");
    return { codes: list.map(({ code }) => String(code)), text: printable(text) };
  } catch {
    return { codes: [], text: "" };
  }
}

/** A foreign text as one short line without control characters. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ").slice(0, 300);
}

function mayPass(status: number): boolean {
  return status === 429 || status === 408 || (status >= 500 && ![501, 505, 507].includes(status));
}
