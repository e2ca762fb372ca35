import { AppError, fetchFailure, signWebhook, webhookKey, type Clock, type Instant } from "../lib/index.ts";

/** A row of the outbox that is due. */
export interface DueNotification {
  /** Stays the same over all attempts: the receiver can drop what it has had. */
  readonly id: string;
  readonly event: string;
  /** What happened: image, environment, digests, reason. */
  readonly body: Readonly<Record<string, unknown>>;
  /** Attempts, this one counted. */
  readonly attempts: number;
  readonly createdAt: Instant;
}

/** What became of one attempt. */
export type Delivery =
  { readonly kind: "delivered" } | { readonly kind: "failed"; readonly error: string; readonly nextAttempt: Instant };

/** Where notifications wait: rows that were written together with what they tell of. The store is one. */
export interface Outbox {
  /** Takes those that are due for `leaseMs`, at most `limit`, and counts the attempt. */
  leaseNotifications(leaseMs: number, limit: number): Promise<readonly DueNotification[]>;
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
/** So few that all of them can time out within the lease. */
const batch = 5;
const leaseMs = 2 * batch * timeoutMs;
/** When an abandoned row is due again: its error stays to be read. */
const never: Instant = Date.UTC(9999, 0);

/**
 * Sends what is due to `webhook`, signed as Standard Webhooks has it: `webhook-id`, `webhook-timestamp` and `webhook-signature: v1,` with the
 * HMAC-SHA256 of `id.timestamp.body`. A 2xx is delivered; 410 is abandoned; all else is tried again after growing, jittered pauses, `random` (0 to 1)
 * being the jitter, until it is abandoned too. Returns how many rows ended how; call again while it delivers.
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
): Promise<{ readonly delivered: number; readonly failed: number; readonly abandoned: number }> {
  const counts = { delivered: 0, failed: 0, abandoned: 0 };
  const key = secretKey(webhook.secret);
  for (const row of await outbox.leaseNotifications(leaseMs, batch)) {
    if (means.signal?.aborted === true) break;
    const outcome = await attempt(row, webhook.url, key, means);
    const delivery = decideDelivery(outcome, row.attempts, means.clock.now(), means.random());
    await outbox.saveDelivery(row.id, delivery);
    if (delivery.kind === "delivered") counts.delivered += 1;
    else counts[delivery.nextAttempt === never ? "abandoned" : "failed"] += 1;
  }
  return counts;
}

type Attempt = { readonly kind: "ok" } | { readonly kind: "gone" | "failed"; readonly problem: string };

async function attempt(
  row: DueNotification,
  url: string,
  key: Uint8Array,
  means: { readonly fetch: typeof fetch; readonly clock: Clock; readonly signal?: AbortSignal },
): Promise<Attempt> {
  const body = JSON.stringify({ type: row.event, timestamp: new Date(row.createdAt).toISOString(), data: row.body });
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
    return { kind: "failed", problem: fetchFailure(error) };
  }
}

function decideDelivery(outcome: Attempt, attempts: number, now: Instant, jitter: number): Delivery {
  if (outcome.kind === "ok") return { kind: "delivered" };
  const error = outcome.problem;
  if (outcome.kind === "gone" || attempts >= attemptLimit) return { kind: "failed", error, nextAttempt: never };
  // 10 s, 40 s, 160 s, … at most six hours, each up to half as long again.
  const pause = Math.min(10_000 * 4 ** (attempts - 1), 6 * 3600 * 1000) * (1 + jitter / 2);
  return { kind: "failed", error, nextAttempt: now + Math.round(pause) };
}

function secretKey(secret: string): Uint8Array {
  const key = webhookKey(secret);
  if (key !== undefined) return key;
  const what = secret.startsWith("whsec_")
    ? "is not whsec_ and the base64 of at least 16 bytes"
    : "is shorter than 16 characters";
  throw new NotifyError("BAD_SECRET", `the webhook's secret ${what}`);
}
