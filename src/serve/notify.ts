import { createHmac } from "node:crypto";
import { AppError, messageOf, type Clock, type Instant } from "../lib/index.ts";

/** What one is told of. */
export type NotificationEvent = "promoted" | "failed" | "held" | "alarm";

/** A row of the outbox that is due. */
export interface DueNotification {
  /** Stays the same over all attempts: the receiver can drop what it has had. */
  readonly id: string;
  readonly event: NotificationEvent;
  readonly at: Instant;
  /** What happened: image, environment, digests, reason. JSON. */
  readonly data: Readonly<Record<string, unknown>>;
  /** Attempts that were made before. */
  readonly attempts: number;
}

/** What became of one attempt. */
export type Delivery =
  | { readonly kind: "delivered"; readonly at: Instant }
  | { readonly kind: "retry"; readonly at: Instant; readonly notBefore: Instant; readonly problem: string }
  | { readonly kind: "abandoned"; readonly at: Instant; readonly problem: string };

/** Where notifications wait: rows that were written together with what they tell of. */
export interface Outbox {
  /** Rows whose not-before has come, oldest first, at most `limit`. */
  loadDueNotifications(now: Instant, limit: number): Promise<readonly DueNotification[]>;
  saveDelivery(id: string, delivery: Delivery): Promise<void>;
}

export interface Webhook {
  /** The operator's own choice, wherever it leads; redirects are not followed. */
  readonly url: string;
  /** `whsec_` and base64, or any text, of which the UTF-8 bytes are the key. */
  readonly secret: string;
}

export class NotifyError extends AppError<"BAD_SECRET"> {}

/** Attempts before a notification is abandoned: with the pauses below, after more than a day. */
const attemptLimit = 12;
const timeoutMs = 15_000;
const batch = 50;
/** Failures in a row after which the rest of the batch waits: a receiver that is down must not hold up the caller. */
const patience = 3;

/**
 * Sends what is due to `webhook`, signed as Standard Webhooks has it: `webhook-id`, `webhook-timestamp` and `webhook-signature: v1,` with the
 * HMAC-SHA256 of `id.timestamp.body`. A 2xx is delivered; 410 is abandoned; all else is retried with growing, jittered pauses, `random` (0 to 1)
 * being the jitter. Returns how many rows ended how.
 */
export async function deliverNotifications(
  outbox: Outbox,
  webhook: Webhook,
  means: {
    readonly fetch: typeof fetch;
    readonly clock: Clock;
    readonly random: () => number;
    readonly signal?: AbortSignal;
  },
): Promise<Record<Delivery["kind"], number>> {
  const counts = { delivered: 0, retry: 0, abandoned: 0 };
  const key = secretKey(webhook.secret);
  let failures = 0;
  for (const row of await outbox.loadDueNotifications(means.clock.now(), batch)) {
    if (means.signal?.aborted === true || failures >= patience) break;
    const outcome = await attempt(row, webhook.url, key, means);
    const at = means.clock.now();
    const delivery = decideDelivery(outcome, row.attempts + 1, at, means.random());
    await outbox.saveDelivery(row.id, delivery);
    counts[delivery.kind] += 1;
    failures = outcome.kind === "failed" ? failures + 1 : 0;
  }
  return counts;
}

/** The value of `webhook-signature` for one body. `seconds`: the timestamp, in seconds since 1970. Standard Webhooks, "Signature scheme". */
export function signWebhook(key: Uint8Array, id: string, seconds: number, body: string): string {
  return `v1,${createHmac("sha256", key).update(`${id}.${seconds}.${body}`).digest("base64")}`;
}

type Attempt = { readonly kind: "ok" } | { readonly kind: "gone" | "failed"; readonly problem: string };

async function attempt(
  row: DueNotification,
  url: string,
  key: Uint8Array,
  means: { readonly fetch: typeof fetch; readonly clock: Clock; readonly signal?: AbortSignal },
): Promise<Attempt> {
  const body = JSON.stringify({ type: row.event, timestamp: new Date(row.at).toISOString(), data: row.data });
  const seconds = Math.floor(means.clock.now() / 1000);
  const limit = AbortSignal.timeout(timeoutMs);
  try {
    const response = await means.fetch(url, {
      method: "POST",
      body,
      redirect: "manual",
      signal: means.signal === undefined ? limit : AbortSignal.any([limit, means.signal]),
      headers: {
        "content-type": "application/json",
        "user-agent": "tidemill",
        "webhook-id": row.id,
        "webhook-timestamp": `${seconds}`,
        "webhook-signature": signWebhook(key, row.id, seconds, body),
      },
    });
    await response.body?.cancel();
    if (response.ok) return { kind: "ok" };
    return { kind: response.status === 410 ? "gone" : "failed", problem: `the receiver answered ${response.status}` };
  } catch (error) {
    return { kind: "failed", problem: rootMessage(error) };
  }
}

function decideDelivery(outcome: Attempt, attempts: number, at: Instant, jitter: number): Delivery {
  if (outcome.kind === "ok") return { kind: "delivered", at };
  if (outcome.kind === "gone" || attempts >= attemptLimit) return { kind: "abandoned", at, problem: outcome.problem };
  // 10 s, 40 s, 160 s, … at most six hours, each up to half as long again.
  const pause = Math.min(10_000 * 4 ** (attempts - 1), 6 * 3600 * 1000) * (1 + jitter / 2);
  return { kind: "retry", at, notBefore: at + Math.round(pause), problem: outcome.problem };
}

function secretKey(secret: string): Uint8Array {
  if (!secret.startsWith("whsec_")) {
    if (secret.length >= 16) return Buffer.from(secret, "utf8");
    throw new NotifyError("BAD_SECRET", "the webhook's secret is shorter than 16 characters");
  }
  const key = Buffer.from(secret.slice(6), "base64");
  if (key.length >= 16) return key;
  throw new NotifyError("BAD_SECRET", "the webhook's secret is not whsec_ and the base64 of at least 16 bytes");
}

/** fetch hides why it failed in its cause. */
function rootMessage(error: unknown): string {
  return error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error);
}
