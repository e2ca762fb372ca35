import { cloudEvent, cloudEventHeaders, type Told } from "../../core/notice/index.ts";
import { signWebhook, webhookKey } from "../../lib/index.ts";
import { NotifyError } from "./error.ts";
import { postJson } from "./post-json.ts";
import type { Channel, Means } from "./types.ts";

export interface Signed {
  /** The operator's own choice, wherever it leads. */
  readonly url: string;
  /** `whsec_` and base64, or any text, of which the UTF-8 bytes are the key. */
  readonly secret: string;
}

/** Standard Webhooks: `webhook-id`, `webhook-timestamp` and `webhook-signature: v1,` with the HMAC-SHA256 of `id.timestamp.body`. Throws BAD_SECRET. */
export function openWebhook({ url, secret }: Signed, means: Means): Channel {
  return signing(url, secret, means, ({ event, createdAt, body }) => ({
    body: JSON.stringify({ type: event, timestamp: new Date(createdAt).toISOString(), data: body }),
    headers: {},
  }));
}

/** CloudEvents 1.0.2 over HTTP, structured or binary, signed as Standard Webhooks has it. Throws BAD_SECRET. */
export function openCloudEvents(
  { url, secret, mode }: Signed & { readonly mode: "structured" | "binary" },
  means: Means,
): Channel {
  return signing(url, secret, means, (told) => {
    const event = cloudEvent(told, means.source);
    return mode === "structured"
      ? { body: JSON.stringify(event), headers: { "content-type": "application/cloudevents+json" } }
      : { body: JSON.stringify(event["data"]), headers: cloudEventHeaders(event) };
  });
}

function signing(
  url: string,
  secret: string,
  means: Means,
  format: (told: Told) => { readonly body: string; readonly headers: Readonly<Record<string, string>> },
): Channel {
  const key = secretKey(secret);
  return {
    atOnce: 1,
    send: ({ told: [told] }, signal) => {
      const { body, headers } = format(told);
      const seconds = means.seconds();
      const signature = {
        "webhook-id": told.id,
        "webhook-timestamp": `${seconds}`,
        "webhook-signature": signWebhook(key, told.id, seconds, body),
      };
      return postJson(url, { ...headers, ...signature }, body, means, signal);
    },
  };
}

function secretKey(secret: string): Uint8Array {
  const key = webhookKey(secret);
  if (key !== undefined) return key;
  const what = secret.startsWith("whsec_")
    ? "is not whsec_ and the base64 of at least 16 bytes"
    : "is shorter than 16 characters";
  throw new NotifyError("BAD_SECRET", `the webhook's secret ${what}`);
}
