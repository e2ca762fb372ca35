import { createHmac } from "node:crypto";

/** The value of `webhook-signature` for one body. `seconds`: the timestamp, in seconds since 1970. Standard Webhooks, "Signature scheme". */
export function signWebhook(key: Uint8Array, id: string, seconds: number, body: string): string {
  return `v1,${createHmac("sha256", key).update(`${id}.${seconds}.${body}`).digest("base64")}`;
}

/** The key that a secret stands for: `whsec_` and base64, or any text, of which the UTF-8 bytes are the key. Undefined where that is shorter than 16 bytes. */
export function webhookKey(secret: string): Uint8Array | undefined {
  const isCoded = secret.startsWith("whsec_");
  const key = isCoded ? Buffer.from(secret.slice(6), "base64") : Buffer.from(secret, "utf8");
  return key.length >= 16 ? key : undefined;
}
