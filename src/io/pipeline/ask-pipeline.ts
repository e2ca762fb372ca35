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
}

/** `pending`: it gives its verdict at `status`, later. `silent`: it gave none, which says nothing of what it was asked about; `isTrouble`: that may be over when it is asked again. */
export type PipelineAnswer =
  | { readonly kind: "passed" | "failed"; readonly messages: readonly string[] }
  | { readonly kind: "pending"; readonly status: string }
  | { readonly kind: "silent"; readonly reason: string; readonly isTrouble: boolean };

const verdictShape = z.looseObject({
  verdict: z.enum(["pending", "passed", "failed"]),
  messages: z.array(z.string().max(20_000)).max(1000).optional(),
});
const acceptedShape = z.looseObject({ status: z.string().max(2000) });

const maxMessages = 20;
const maxLength = 500;

/**
 * Asks a pipeline for its verdict, once, signed as Standard Webhooks has it. 200 gives it: `{ "verdict": "passed" | "failed", "messages": [] }`; 202 names a status, by `{ "status": URL }` or Location, at the
 * same origin, that is looked at later. Whatever keeps a verdict away is a value; only an abort throws.
 */
export async function askPipeline(
  question: PipelineQuestion,
  clock: Pick<Clock, "now">,
  signal: AbortSignal,
): Promise<PipelineAnswer> {
  const body = JSON.stringify({ type: "verify", data: question.data });
  const headers = { ...signedHeaders(question, clock, body), "content-type": "application/json" };
  const first = await askJson({ url: question.url, method: "POST", headers, body }, signal);
  const silent = (reason: string): PipelineAnswer => ({ kind: "silent", reason, isTrouble: isTrouble(first) });
  if (first.kind === "silent") return silent(first.reason);
  if (first.status === 200) {
    const given = readVerdict(first);
    return given === undefined || given === "pending" ? silent("it answered 200 without a verdict") : given;
  }
  if (first.status !== 202) return silent(`it answered ${first.status}`);
  const status = statusOf(question.url, first);
  return status === undefined
    ? silent("it answered 202 and named no status at its own origin")
    : { kind: "pending", status };
}

/** Looks once at the status that a pipeline named, signed with the same id. One that is no longer at the origin of `url`, does not answer, or says nothing that is understood is still pending: it may say so at the next look. Only an abort throws. */
export async function lookAtPipeline(
  question: Omit<PipelineQuestion, "data">,
  status: string,
  clock: Pick<Clock, "now">,
  signal: AbortSignal,
): Promise<Exclude<PipelineAnswer, { kind: "silent" }>> {
  const at = addressBeside(question.url, status);
  if (at === undefined) return { kind: "pending", status };
  const given = readVerdict(
    await askJson({ url: at, method: "GET", headers: signedHeaders(question, clock, "") }, signal),
  );
  return given === undefined || given === "pending" ? { kind: "pending", status } : given;
}

/** Headers of a request about what `id` names. Standard Webhooks. */
export function signedHeaders(
  { id, secret }: Pick<PipelineQuestion, "id" | "secret">,
  clock: Pick<Clock, "now">,
  body: string,
) {
  const key = webhookKey(secret) ?? Buffer.from(secret);
  const seconds = Math.floor(clock.now() / 1000);
  return {
    "user-agent": "tidemill",
    "webhook-id": id,
    "idempotency-key": id,
    "webhook-timestamp": `${seconds}`,
    "webhook-signature": signWebhook(key, id, seconds, body),
  };
}

/** What may be over when it is asked again. */
export function isTrouble(answer: JsonAnswer): boolean {
  return answer.kind === "silent" || answer.status >= 500 || answer.status === 408 || answer.status === 429;
}

type Verdict = Extract<PipelineAnswer, { kind: "passed" | "failed" }>;

function readVerdict(answer: JsonAnswer): Verdict | "pending" | undefined {
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
