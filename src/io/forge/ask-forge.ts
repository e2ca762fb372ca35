import { z } from "zod";
import { fetchFailure, printable, readBody } from "../../lib/index.ts";
import { ForgeError } from "./error.ts";

export interface ForgeQuestion {
  /** Behind the address of the API. */
  readonly path: string;
  readonly method?: "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
  readonly body?: unknown;
}

/** Asks the API of a forge once, and gives the answer where it is as `shape` says. Throws ForgeError. */
export type AskForge = <T>(question: ForgeQuestion, shape: z.ZodType<T>, signal: AbortSignal) => Promise<T>;

const timeoutMs = 20_000;
const maxBytes = 4_194_304;
const said = z.looseObject({ message: z.union([z.string(), z.unknown()]).optional(), error: z.unknown().optional() });

/**
 * Asks `api` with `headers`. Redirects are not followed: they would carry the token elsewhere. 401 and 403 are DENIED, but for what says that it was too often: by `retry-after`, by `x-ratelimit-remaining: 0`, or by its words (RFC 9110, 10.2.3; GitHub
 * REST API, Rate limits).
 */
export function createAskForge(api: string, headers: Readonly<Record<string, string>>): AskForge {
  const host = new URL(api).host;
  return async ({ path, method = "GET", body }, shape, signal) => {
    signal.throwIfAborted();
    const limit = AbortSignal.timeout(timeoutMs);
    const what = `${host}: ${method} ${printable(path.split("?")[0] ?? "")}`;
    let response: Response;
    let text: string | undefined;
    try {
      response = await fetch(`${api}${path}`, {
        method,
        headers: {
          accept: "application/json",
          "user-agent": "tidemill",
          ...headers,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        redirect: "manual",
        signal: AbortSignal.any([signal, limit]),
      });
      text = await readBody(response, maxBytes);
    } catch (error) {
      signal.throwIfAborted();
      const why = limit.aborted ? `no answer within ${timeoutMs} ms` : fetchFailure(error);
      throw new ForgeError("UNREACHABLE", `${what}: ${printable(why)}`, { retry: true });
    }
    if (!response.ok) throw refusal(what, response, text);
    if (text === undefined) throw new ForgeError("UNREACHABLE", `${what}: its answer has more than ${maxBytes} bytes`);
    const parsed = shape.safeParse(parse(text));
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    const where = issue === undefined ? "" : ` at ${issue.path.join(".") || "its top"}: ${issue.message}`;
    throw new ForgeError("UNREACHABLE", `${what}: its answer is not what the API promises${printable(where)}`, {
      hint: "Is `api:` the address of its API?",
    });
  };
}

function refusal(what: string, { status, headers }: Response, text: string | undefined): ForgeError {
  const message = `${what}: ${status}${sentence(text)}`;
  const isSecondary = /secondary rate limit|abuse detection/i.test(message);
  const isSpent = headers.get("x-ratelimit-remaining") === "0" || headers.get("ratelimit-remaining") === "0";
  if (status === 429 || (status === 403 && (headers.has("retry-after") || isSpent || isSecondary))) {
    const seconds = secondsToWait(headers) ?? (isSecondary ? 60 : undefined);
    const when = seconds === undefined ? "" : `, in ${seconds} seconds`;
    return new ForgeError("RATE_LIMITED", message, {
      retry: true,
      hint: `It was asked too often. It is tried again${when}.`,
      ...(seconds === undefined ? {} : { afterMs: seconds * 1000 }),
    });
  }
  if (status === 401 || status === 403)
    return new ForgeError("DENIED", message, {
      hint: "TIDEMILL_FORGE_TOKEN, else TIDEMILL_GIT_TOKEN, has to be a token that may read and write pull requests of the repository.",
    });
  if (status === 404)
    return new ForgeError("UNKNOWN", message, {
      hint: "Look at `repository:` and `api:`, and whether the token may see the repository.",
    });
  if (status >= 300 && status < 400)
    return new ForgeError("UNREACHABLE", `${message}: it points elsewhere, and that is not followed`, {
      hint: "Name the new address as `api:` and `repository:`.",
    });
  if (status >= 500) return new ForgeError("UNREACHABLE", message, { retry: true });
  return new ForgeError("REFUSED", message);
}

/** How long a forge wants to be left alone: by `retry-after`, else until its count begins anew. */
function secondsToWait(headers: Headers): number | undefined {
  const number = (name: string): number | undefined => {
    const text = headers.get(name) ?? "";
    return /^\d{1,11}$/.test(text) ? Number(text) : undefined;
  };
  const reset = number("x-ratelimit-reset") ?? number("ratelimit-reset");
  const untilReset = reset === undefined ? undefined : Math.max(0, reset - Math.floor(Date.now() / 1000));
  return number("retry-after") ?? untilReset;
}

/** What a body says of itself, in one line. */
function sentence(text: string | undefined): string {
  const parsed = text === undefined ? undefined : said.safeParse(parse(text)).data;
  const words = parsed?.message ?? parsed?.error;
  if (words === undefined || words === null) return "";
  return `: ${printable(typeof words === "string" ? words : JSON.stringify(words)).slice(0, 300)}`;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
