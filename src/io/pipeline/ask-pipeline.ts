import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import {
  addressBeside,
  askJson,
  printable,
  signWebhook,
  tryShape,
  webhookKey,
  type Clock,
  type JsonAnswer,
} from "../../lib/index.ts";

export interface PipelineQuestion {
  readonly url: string;
  /** Signs each request: `whsec_` and base64, or a text. */
  readonly secret: string;
  /** The same of every question about the same: a pipeline that saw it does not begin anew. */
  readonly id: string;
  /** What is asked about, as JSON has it. */
  readonly data: Readonly<Record<string, unknown>>;
  /** Milliseconds between two looks at the status. */
  readonly pollMs: number;
  /** Milliseconds within which a verdict has to be there. */
  readonly timeoutMs: number;
  /** How often one that does not answer is asked again, and the milliseconds before that. */
  readonly retries: { readonly count: number; readonly pause: number };
}

/** `silent`: it gave no verdict, which says nothing of what it was asked about. */
export type PipelineVerdict =
  | { readonly kind: "passed" | "failed"; readonly messages: readonly string[] }
  | { readonly kind: "silent"; readonly reason: string };

const verdictShape = z.looseObject({
  verdict: z.enum(["pending", "passed", "failed"]),
  messages: z.array(z.string().max(20_000)).max(1000).optional(),
});
const acceptedShape = z.looseObject({ status: z.string().max(2000) });

const maxMessages = 20;
const maxLength = 500;

/**
 * Asks a pipeline for its verdict, each request signed as Standard Webhooks has it. 200 gives it: `{ "verdict": "passed" | "failed", "messages": [] }`; 202 names a status, by `{ "status": URL }` or Location, at the
 * same origin, that answers so, or `pending`, and is asked until the time is over. Whatever keeps a verdict away is a value; only an abort throws.
 */
export async function askPipeline(
  question: PipelineQuestion,
  clock: Pick<Clock, "now">,
  signal: AbortSignal,
): Promise<PipelineVerdict> {
  const { url, id, timeoutMs } = question;
  const key = webhookKey(question.secret) ?? Buffer.from(question.secret);
  const end = performance.now() + timeoutMs;
  const left = (): number => Math.max(0, end - performance.now());
  const late: PipelineVerdict = { kind: "silent", reason: `it gave no verdict within ${timeoutMs} ms` };
  const ask = (at: string, body?: string): Promise<JsonAnswer> => {
    const seconds = Math.floor(clock.now() / 1000);
    const headers = {
      "user-agent": "tidemill",
      "webhook-id": id,
      "idempotency-key": id,
      "webhook-timestamp": `${seconds}`,
      "webhook-signature": signWebhook(key, id, seconds, body ?? ""),
    };
    return body === undefined
      ? askJson({ url: at, method: "GET", headers }, signal)
      : askJson({ url: at, method: "POST", headers: { ...headers, "content-type": "application/json" }, body }, signal);
  };

  const body = JSON.stringify({ type: "verify", data: question.data });
  let first = await ask(url, body);
  for (let tries = 0; isTrouble(first) && tries < question.retries.count; tries += 1) {
    if (left() === 0) break;
    await delay(Math.min(question.retries.pause, left()), undefined, { signal });
    first = await ask(url, body);
  }
  if (first.kind === "silent") return first;
  if (first.status === 200) {
    const given = readVerdict(first);
    return given === undefined || given === "pending"
      ? { kind: "silent", reason: "it answered 200 without a verdict" }
      : given;
  }
  if (first.status !== 202) return { kind: "silent", reason: `it answered ${first.status}` };
  const at = statusOf(url, first);
  if (at === undefined) return { kind: "silent", reason: "it answered 202 and named no status at its own origin" };
  for (;;) {
    if (left() === 0) return late;
    await delay(Math.min(question.pollMs, left()), undefined, { signal });
    const given = readVerdict(await ask(at));
    // A status that does not answer, or says nothing that is understood, may do so at the next look.
    if (given !== undefined && given !== "pending") return given;
  }
}

/** What may be over when it is asked again. */
function isTrouble(answer: JsonAnswer): boolean {
  return answer.kind === "silent" || answer.status >= 500 || answer.status === 408 || answer.status === 429;
}

function readVerdict(answer: JsonAnswer): PipelineVerdict | "pending" | undefined {
  if (answer.kind === "silent" || answer.status !== 200) return undefined;
  const read = tryShape(verdictShape, answer.json);
  if (!read.success) return undefined;
  const { verdict, messages = [] } = read.data;
  if (verdict === "pending") return "pending";
  const shown = messages.slice(0, maxMessages).map((message) => printable(message.slice(0, maxLength)));
  return { kind: verdict, messages: shown };
}

function statusOf(url: string, answer: Extract<JsonAnswer, { kind: "answered" }>): string | undefined {
  const read = tryShape(acceptedShape, answer.json);
  return addressBeside(url, read.success ? read.data.status : answer.location);
}
