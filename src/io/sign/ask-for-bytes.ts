import { fetchFailure, printable, systemClock, type Clock } from "../../lib/index.ts";
import { SignError } from "./error.ts";

/** A question to a service that signing needs. */
export interface BytesQuestion {
  /** For messages: `the certificate authority`. */
  readonly what: string;
  readonly url: string;
  readonly method?: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  /** Of the answer. */
  readonly maxBytes: number;
}

/** How often and how patiently is asked. */
export interface Patience {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Milliseconds before each further try. */
  readonly pauses: readonly number[];
}

export const usualPatience: Patience = { clock: systemClock, timeoutMs: 20_000, pauses: [500, 2000] };

/**
 * The body of the answer, once it is a good one. Redirects are not followed: a token goes to nobody but whom the configuration names. Busy, broken and silent services are asked again; one that says no is not. Throws
 * SIGN_FAILED.
 */
export async function askForBytes(question: BytesQuestion, patience: Patience = usualPatience): Promise<Buffer> {
  for (let turn = 0; ; turn += 1) {
    const answer = await askOnce(question, patience.timeoutMs);
    if (answer.kind === "good") return answer.body;
    const pause = patience.pauses[turn];
    if (!answer.again || pause === undefined)
      throw new SignError("SIGN_FAILED", `${question.what} at ${originOf(question.url)}: ${answer.reason}`, {
        retry: answer.again,
      });
    await patience.clock.sleep(pause);
  }
}

type Answer =
  | { readonly kind: "good"; readonly body: Buffer }
  | { readonly kind: "bad"; readonly reason: string; readonly again: boolean };

async function askOnce(
  { url, method = "POST", headers = {}, body, maxBytes }: BytesQuestion,
  timeoutMs: number,
): Promise<Answer> {
  // One limit for all of it: an answer that drips is as good as none.
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(url, { method, headers, redirect: "manual", signal, ...(body && { body }) });
    const bytes = await readBytes(response, maxBytes);
    if (bytes === undefined) return bad(`it answered more than ${maxBytes} bytes`, false);
    const { status } = response;
    if (status === 200 || status === 201) return { kind: "good", body: bytes };
    const said = printable(bytes.subarray(0, 300).toString());
    return bad(`it answered ${status}: ${said}`, status === 429 || status >= 500);
  } catch (error) {
    return bad(signal.aborted ? `it did not answer in ${timeoutMs} ms` : printable(fetchFailure(error)), true);
  }
}

function bad(reason: string, again: boolean): Answer {
  return { kind: "bad", reason, again };
}

/** Undefined where it has more, and then no more of it is read. */
async function readBytes({ body }: Response, maxBytes: number): Promise<Buffer | undefined> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of (body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += piece.byteLength;
    if (bytes > maxBytes) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** What of an address may stand in a log: its path and query may hold what is nobody's business. */
function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : "an address that is none";
}
