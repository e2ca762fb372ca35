import type { z } from "zod";
import { tryShape } from "../../lib/index.ts";
import type { Delivery, Told } from "./types.ts";

const decoder = new TextDecoder("utf-8", { fatal: true });

/** The body as JSON; otherwise why it is none, as a sentence's end. Never throws. */
export function readJson({
  body,
  header,
}: Delivery): { readonly kind: "json"; readonly value: unknown } | (Told & { kind: "unknown" }) {
  if (/^application\/x-www-form-urlencoded\b/i.test(header("content-type") ?? "")) {
    return { kind: "unknown", reason: "it is a form; set the webhook's content type to application/json" };
  }
  try {
    return { kind: "json", value: JSON.parse(decoder.decode(body)) as unknown };
  } catch {
    return { kind: "unknown", reason: "the body is not JSON" };
  }
}

/** Reads a body of one form; `what` it should be stands in the reason where it is not. Never throws. */
export function readShape<T>(delivery: Delivery, schema: z.ZodType<T>, what: string, read: (value: T) => Told): Told {
  const json = readJson(delivery);
  if (json.kind === "unknown") return json;
  const shaped = tryShape(schema, json.value);
  if (shaped.success) return read(shaped.data);
  const where = shaped.issues[0]?.path.join(".") ?? "";
  return { kind: "unknown", reason: `it is not ${what}${where === "" ? "" : `: look at \`${where.slice(0, 100)}\``}` };
}
