import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import type { WebhookConfig } from "../../core/config/index.ts";
import type { Observed } from "../../core/deploy/index.ts";
import { addressBeside, askJson, printable, signWebhook, webhookKey, type JsonAnswer } from "../../lib/index.ts";
import { readRunning } from "./read-running.ts";
import type { Applied, DeployMeans, DeployRequest, DeployTarget, DeployWorld } from "./types.ts";

const status = z.looseObject({
  state: z.enum(["pending", "done", "failed"]),
  reason: z.string().max(100_000).optional(),
});
const accepted = z.looseObject({ status: z.string().max(2000).optional() });
type Action = "apply" | "undo";

/**
 * A system that takes a request, signed as Standard Webhooks has it. Any 2xx but 202 says that it is done; 202 names a status, by `{ "status": URL }` or Location, on the same host, that is asked until it says `done` or `failed`; 409
 * that a later request was seen; 400 and 422 that the image is not taken. All else is the system's own trouble: it is asked again, with the same id.
 */
export function createWebhookTarget(config: WebhookConfig, { clock }: DeployWorld): DeployTarget {
  const key = webhookKey(config.secret) ?? Buffer.from(config.secret);
  const signed = (id: string, body: string): Record<string, string> => {
    const seconds = Math.floor(clock.now() / 1000);
    return {
      "content-type": "application/json",
      "user-agent": "tidemill",
      "webhook-id": id,
      "idempotency-key": id,
      "webhook-timestamp": `${seconds}`,
      "webhook-signature": signWebhook(key, id, seconds, body),
    };
  };

  const send = async (action: Action, request: DeployRequest, means: DeployMeans): Promise<Applied> => {
    const { signal, deadlineMs, confirmOurs } = means;
    const end = performance.now() + deadlineMs;
    const id = action === "apply" ? request.id : `${request.id}-undo`;
    const body = JSON.stringify({ type: action, data: describe(request, means.forced) });
    await confirmOurs();
    const answer = await askJson({ url: config.url, method: "POST", headers: signed(id, body), body }, signal);
    const first = judgeAnswer(answer);
    if (first.kind !== "accepted") return first;
    const at = statusAddress(config.url, answer);
    if (at === undefined) return { kind: "unreachable", reason: "it answered 202 and named no status on its own host" };
    for (;;) {
      if (performance.now() >= end) return { kind: "again", reason: "its status did not say that it is done" };
      await delay(Math.min(config.poll, Math.max(1, end - performance.now())), undefined, { signal });
      const polled = await askJson({ url: at, method: "GET", headers: signed(id, "") }, signal);
      const parsed = polled.kind === "answered" && polled.status === 200 ? status.safeParse(polled.json) : undefined;
      // A status that does not answer, or says nothing that is understood, may do so at the next look.
      if (parsed?.success !== true || parsed.data.state === "pending") continue;
      if (parsed.data.state === "done") return { kind: "applied" };
      return {
        kind: "failed",
        reason: printable(parsed.data.reason ?? "its status says that it failed").slice(0, 500),
      };
    }
  };

  return {
    kind: "webhook",
    observes: config.observe !== undefined,
    plan: (request) => Promise.resolve({ steps: [`asks ${new URL(config.url).host} to run ${request.reference}`] }),
    apply: (request, means) => send("apply", request, means),
    observe: async ({ image }, signal): Promise<Observed> => {
      if (config.observe === undefined) return { kind: "unknown", reason: "the deployment names no `observe:`" };
      const url = config.observe.replaceAll("{image}", encodeURIComponent(image));
      const answer = await askJson({ url, method: "GET", headers: signed(`observe-${image}`, "") }, signal);
      if (answer.kind !== "answered") return { kind: "unknown", reason: answer.reason };
      if (answer.status !== 200) return { kind: "unknown", reason: `it answered ${answer.status}` };
      return readRunning(answer.json);
    },
    undo: async (request, means) => {
      const done = await send("undo", request, means);
      return done.kind === "applied" ? { kind: "undone" } : { kind: "again", reason: done.reason };
    },
  };
}

function describe(request: DeployRequest, forced: boolean): Readonly<Record<string, unknown>> {
  const { previous, ...rest } = request;
  return { ...rest, previous: previous ?? null, forced };
}

function judgeAnswer(answer: JsonAnswer): Applied | { readonly kind: "accepted" } {
  if (answer.kind !== "answered") return { kind: "unreachable", reason: answer.reason };
  const { status: code } = answer;
  if (code === 202) return { kind: "accepted" };
  if (code >= 200 && code < 300) return { kind: "applied" };
  const reason = `it answered ${code}${describeBody(answer.json)}`;
  if (code === 409) return { kind: "stale", reason };
  if (code === 400 || code === 422) return { kind: "failed", reason };
  return { kind: "unreachable", reason };
}

function describeBody(json: unknown): string {
  const parsed = z.looseObject({ reason: z.string() }).safeParse(json);
  return parsed.success ? `: ${printable(parsed.data.reason).slice(0, 500)}` : "";
}

/** Where its status is asked for: only where it was asked itself. */
function statusAddress(url: string, answer: JsonAnswer): string | undefined {
  if (answer.kind !== "answered") return undefined;
  const parsed = accepted.safeParse(answer.json);
  return addressBeside(url, (parsed.success ? parsed.data.status : undefined) ?? answer.location);
}
