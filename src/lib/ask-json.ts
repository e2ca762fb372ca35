import { printable } from "./display.ts";
import { fetchFailure, readBody } from "./http.ts";

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
      /** What its clock says, in milliseconds. RFC 9110, 6.6.1. */
      readonly date: number | undefined;
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
    const text = await readBody(response, question.maxBytes ?? defaultBytes);
    const location = response.headers.get("location") ?? undefined;
    const date = Date.parse(response.headers.get("date") ?? "");
    const said = Number.isNaN(date) ? undefined : date;
    return { kind: "answered", status: response.status, json: parseText(text), location, date: said };
  } catch (error) {
    signal.throwIfAborted();
    const reason = limit.aborted ? `it did not answer within ${timeoutMs} ms` : fetchFailure(error);
    return { kind: "silent", reason: printable(reason) };
  }
}

function parseText(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : (JSON.parse(text) as unknown);
  } catch {
    return undefined;
  }
}

/** What an answer of `url` names as another address, if it lies at the same origin and holds no name of a user; undefined for all else. */
export function addressBeside(url: string, named: string | undefined): string | undefined {
  if (named === undefined || !URL.canParse(named, url)) return undefined;
  const at = new URL(named, url);
  return at.origin === new URL(url).origin && at.username === "" ? at.href : undefined;
}
