import { createHash, createHmac } from "node:crypto";
import { isSameSecret, verifyWebhook, type Instant } from "../../lib/index.ts";
import type { Delivery, HeaderSignature, Proof } from "./types.ts";

/** Whether a header holds the HMAC of the body by one of the secrets. */
export function provenByHmac(
  { header, body }: Delivery,
  secrets: readonly string[],
  signature: Pick<HeaderSignature, "header"> & Partial<HeaderSignature>,
): Proof {
  const { algorithm = "sha256", encoding = "hex", prefix = "" } = signature;
  const given = header(signature.header.toLowerCase());
  if (given === undefined || !given.startsWith(prefix)) return "unproven";
  const text = encoding === "hex" ? given.slice(prefix.length).toLowerCase() : given.slice(prefix.length);
  const isProven = secrets.some((secret) =>
    isSameSecret(text, createHmac(algorithm, secret).update(body).digest(encoding)),
  );
  return isProven ? "proven" : "unproven";
}

/** Whether a header is one of the secrets, alone or as `Bearer SECRET`. */
export function provenByToken({ header }: Delivery, secrets: readonly string[], name: string): Proof {
  const given = header(name);
  if (given === undefined) return "unproven";
  const token = /^Bearer +(.+)$/i.exec(given)?.[1] ?? given;
  return isOneOf(token, secrets) ? "proven" : "unproven";
}

/** As a token in `Authorization`, or, for those who can send no header, behind the address: `?secret=…`. */
export function provenByAddress(delivery: Delivery, secrets: readonly string[]): Proof {
  const inHeader = provenByToken(delivery, secrets, "authorization");
  if (inHeader === "proven") return inHeader;
  const given = delivery.query.get("secret");
  return given !== null && isOneOf(given, secrets) ? "proven" : "unproven";
}

/** By the signature of Standard Webhooks. */
export function provenByStandard({ header, body }: Delivery, secrets: readonly string[], now: Instant): Proof {
  const headers = {
    id: header("webhook-id"),
    timestamp: header("webhook-timestamp"),
    signature: header("webhook-signature"),
  };
  const verdict = verifyWebhook(secrets, headers, body, now);
  return verdict === "signed" ? "proven" : verdict === "stale" ? "stale" : "unproven";
}

/** Whether a delivery is signed as Standard Webhooks has it, rightly or not. */
export function isStandard({ header }: Delivery): boolean {
  return header("webhook-signature") !== undefined;
}

/** What the same body has again. */
export function bodyKey({ body }: Delivery): string {
  return createHash("sha256").update(body).digest("hex");
}

function isOneOf(given: string, secrets: readonly string[]): boolean {
  return secrets.some((secret) => isSameSecret(given, secret));
}
