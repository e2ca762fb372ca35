import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { Instant } from "./clock.ts";

/** The value of `webhook-signature` for one body. `seconds`: the timestamp, in seconds since 1970. Standard Webhooks, "Signature scheme". */
export function signWebhook(key: Uint8Array, id: string, seconds: number, body: string | Uint8Array): string {
  return `v1,${createHmac("sha256", key).update(`${id}.${seconds}.`).update(body).digest("base64")}`;
}

/** The key that a secret stands for: `whsec_` and base64, or any text, of which the UTF-8 bytes are the key. Undefined where that is shorter than 16 bytes. */
export function webhookKey(secret: string): Uint8Array | undefined {
  const isCoded = secret.startsWith("whsec_");
  const key = isCoded ? Buffer.from(secret.slice(6), "base64") : Buffer.from(secret, "utf8");
  return key.length >= 16 ? key : undefined;
}

/** What Standard Webhooks puts beside a body. */
export interface WebhookHeaders {
  readonly id: string | undefined;
  readonly timestamp: string | undefined;
  /** One or more, parted by spaces: while a secret is replaced there are two. */
  readonly signature: string | undefined;
}

/** Milliseconds by which a sender's clock may differ from ours: what is older could be a copy. */
const toleranceMs = 300_000;

/** Whether one of `secrets` signed `body` as Standard Webhooks has it, and lately. The comparison takes the same time whatever is wrong. */
export function verifyWebhook(
  secrets: readonly string[],
  headers: WebhookHeaders,
  body: Uint8Array,
  now: Instant,
): "signed" | "unsigned" | "stale" {
  const { id = "", timestamp = "", signature = "" } = headers;
  if (id === "" || !/^\d{1,12}$/.test(timestamp)) return "unsigned";
  const seconds = Number(timestamp);
  const given = signature.split(" ").slice(0, 8);
  const isSigned = secrets.some((secret) => {
    const key = webhookKey(secret);
    if (key === undefined) return false;
    const own = signWebhook(key, id, seconds, body);
    return given.some((one) => isSameSecret(one, own));
  });
  if (!isSigned) return "unsigned";
  return Math.abs(now - seconds * 1000) > toleranceMs ? "stale" : "signed";
}

/** Whether two texts are the same, in a time that does not tell how much of them is. */
export function isSameSecret(given: string, own: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(own));
}
