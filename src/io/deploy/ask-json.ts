import { messageOf, printable } from "../../lib/index.ts";

export interface JsonQuestion {
  readonly url: string;
  readonly method: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Of the answer's body; 64 KiB without it. */
  readonly maxBytes?: number;
}

export type JsonAnswer =
  /** `json` is undefined where the body is none, or too large. */
  | {
      readonly kind: "answered";
      readonly status: number;
      readonly json: unknown;
      readonly location: string | undefined;
    }
  | { readonly kind: "silent"; readonly reason: string };

const timeoutMs = 15_000;
const defaultBytes = 65_536;

/** Asks once. Redirects are not followed: one is an answer like any other. Whatever goes wrong is an answer; only an abort throws. */
export async function askJson(question: JsonQuestion, signal: AbortSignal): Promise<JsonAnswer> {
  signal.throwIfAborted();
  const limit = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(question.url, {
      method: question.method,
      headers: question.headers,
      ...(question.body === undefined ? {} : { body: question.body }),
      redirect: "manual",
      signal: AbortSignal.any([signal, limit]),
    });
    const text = await readText(response, question.maxBytes ?? defaultBytes);
    const location = response.headers.get("location") ?? undefined;
    return { kind: "answered", status: response.status, json: parseText(text), location };
  } catch (error) {
    signal.throwIfAborted();
    const reason = limit.aborted ? `it did not answer within ${timeoutMs} ms` : rootMessage(error);
    return { kind: "silent", reason: printable(reason) };
  }
}

/** The body, as far as it is small; undefined where it is not. */
async function readText(response: Response, maxBytes: number): Promise<string | undefined> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  if (response.body === null) return "";
  for await (const piece of response.body as AsyncIterable<Uint8Array>) {
    bytes += piece.byteLength;
    if (bytes > maxBytes) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}

function parseText(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : (JSON.parse(text) as unknown);
  } catch {
    return undefined;
  }
}

/** fetch hides why it failed in its cause. */
function rootMessage(error: unknown): string {
  return error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error);
}
