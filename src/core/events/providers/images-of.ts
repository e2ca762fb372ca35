import type { PushFormat, PushNotification } from "../../base/index.ts";
import { formatReference } from "../../image/index.ts";
import type { Told } from "../types.ts";

/** What a registry's notification tells, where it has one of `formats`. */
export function imagesOf(notification: PushNotification, formats: readonly PushFormat[]): Told {
  if (notification.kind === "unknown") return notification;
  const { format } = notification;
  if (!formats.includes(format)) return { kind: "unknown", reason: `it has the form of ${format}` };
  if (notification.kind === "other") return { kind: "other", what: `${format}: no push of an image` };
  return {
    kind: "told",
    subjects: notification.references.map((reference) => ({ kind: "image", reference: formatReference(reference) })),
  };
}
