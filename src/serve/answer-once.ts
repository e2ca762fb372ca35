import type { Store } from "../io/store/index.ts";
import { canonicalJson, sha256 } from "../lib/index.ts";
import { errorAnswer } from "./error-answer.ts";
import { ServeError } from "./error.ts";

export interface OnceRequest {
  /** Whose key it is: two callers may choose the same. */
  readonly caller: string;
  /** What the caller sent as `Idempotency-Key`. */
  readonly key: string;
  readonly operation: string;
  readonly input: unknown;
  /** Whether the answer may be kept: not where it holds a secret. */
  readonly keep: boolean;
}

export interface OnceDeps {
  readonly store: Pick<Store, "beginKeyed" | "saveKeyedAnswer" | "forgetKeyed">;
  /** Names this process: what another one began, and did not answer, may have been done or not. */
  readonly server: string;
}

export interface OnceAnswer {
  readonly status: number;
  readonly body: string;
  readonly replayed: boolean;
}

/** Characters of an answer that is kept. */
const answerLimit = 4_000_000;
const keyForm = /^[\x21-\x7e]{1,255}$/;

/**
 * Does what a keyed request asks, once: the same again within a day gets the same answer, after a restart too (draft-ietf-httpapi-idempotency-key-header-07, without the quotes of a structured field,
 * which may be sent). What failed for reasons of the server's own is forgotten and may be tried again. Throws BAD_KEY, KEY_REUSED, KEY_BUSY, OUTCOME_UNKNOWN, ANSWER_NOT_KEPT, TOO_MANY.
 */
export async function answerOnce(
  { keep, input, ...asked }: OnceRequest,
  { store, server }: OnceDeps,
  work: () => Promise<object>,
): Promise<OnceAnswer> {
  const key = asked.key.replace(/^"(.*)"$/, "$1");
  if (!keyForm.test(key))
    throw new ServeError("BAD_KEY", "Idempotency-Key is not 1 to 255 printable characters of ASCII");
  const request = { ...asked, key, input: sha256(canonicalJson([asked.operation, input])), server };
  const begun = await store.beginKeyed(request);
  if (begun.kind === "full")
    throw new ServeError("TOO_MANY", "this caller has used 10,000 keys within a day", { hint: "Send without a key." });
  if (begun.kind === "known") return replay(begun.row, request);
  try {
    const body = JSON.stringify(await work());
    await store.saveKeyedAnswer(request, { status: 200, answer: keep && body.length <= answerLimit ? body : null });
    return { status: 200, body, replayed: false };
  } catch (error) {
    const { status, body } = errorAnswer(error);
    // A refusal is an answer like any other; what broke may be tried again.
    if (status < 500) await store.saveKeyedAnswer(request, { status, answer: JSON.stringify(body) });
    else await store.forgetKeyed(request);
    throw error;
  }
}

type Known = Extract<Awaited<ReturnType<OnceDeps["store"]["beginKeyed"]>>, { kind: "known" }>["row"];

function replay(row: Known, request: { readonly input: string; readonly server: string }): OnceAnswer {
  if (row.input !== request.input)
    throw new ServeError("KEY_REUSED", "this Idempotency-Key was used for another request", {
      hint: "Choose a new key for each thing that is to be done.",
    });
  if (row.state === "answered" && row.status !== null && row.answer !== null)
    return { status: row.status, body: row.answer, replayed: true };
  if (row.state === "done")
    throw new ServeError("ANSWER_NOT_KEPT", "this was done; its answer is not kept", {
      hint: "It held a secret, or was too large. Look at what came of it.",
    });
  if (row.server === request.server)
    throw new ServeError("KEY_BUSY", "the first request with this key is still worked at", { retry: true });
  throw new ServeError("OUTCOME_UNKNOWN", "the server that was asked this first ended before it answered", {
    hint: "Look whether it was done (`history`), and ask with a new key if it was not.",
  });
}
