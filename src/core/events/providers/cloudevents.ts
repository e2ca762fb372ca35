import { PackageURL } from "packageurl-js";
import { z } from "zod";
import { parsePushNotification } from "../../base/index.ts";
import { isStandard, provenByStandard, provenByToken } from "../proofs.ts";
import { readJson } from "../read-json.ts";
import { sourceSubjects } from "../source-key.ts";
import { tryShape } from "../../../lib/index.ts";
import type { Delivery, Provider, Subject, Told } from "../types.ts";
import { imagesOf } from "./images-of.ts";

const word = z.string().min(1).max(2000);
const cloudEvent = z.object({
  specversion: z.literal("1.0"),
  id: word,
  source: word,
  type: word,
  data: z.unknown(),
});
type CloudEvent = z.output<typeof cloudEvent>;

/** What our own kind of event says. */
const plain = z.object({ repository: word, ref: word.optional() });
/** CDEvents, "Artifact published" and "Change merged": the subject's id is a package URL, and the address of a change. */
const cdEvent = z.object({
  subject: z.object({ id: word, content: z.object({ repository: z.object({ url: word }).optional() }).optional() }),
});

const most = 100;

/** CloudEvents 1.0 over HTTP: binary, structured and batched; signed as Standard Webhooks has it, or with a token in `Authorization`. */
export const cloudevents: Provider = {
  prove: (delivery, { secret }, now) =>
    isStandard(delivery) ? provenByStandard(delivery, secret, now) : provenByToken(delivery, secret, "authorization"),
  read: (delivery) => {
    const events = eventsOf(delivery);
    if (!Array.isArray(events)) return events;
    const told = events.map(read);
    const subjects = told.flatMap((one) => (one.kind === "told" ? one.subjects : []));
    if (subjects.length > 0) return { kind: "told", subjects };
    return told.find((one) => one.kind !== "told") ?? { kind: "other", what: "no event" };
  },
  // Source and id together are one event's alone: CloudEvents 1.0, "id".
  key: (delivery) => {
    const events = eventsOf(delivery);
    return Array.isArray(events) ? JSON.stringify(events.map(({ source, id }) => [source, id])) : undefined;
  },
};

function eventsOf(delivery: Delivery): CloudEvent[] | (Told & { kind: "unknown" }) {
  const json = readJson(delivery);
  if (json.kind === "unknown") return json;
  const type = delivery.header("content-type") ?? "";
  const found = /^application\/cloudevents-batch\+json\b/i.test(type)
    ? tryShape(z.array(cloudEvent).max(most), json.value)
    : tryShape(z.array(cloudEvent), [
        /^application\/cloudevents\+json\b/i.test(type) ? json.value : binaryEvent(delivery, json.value),
      ]);
  return found.success ? found.data : { kind: "unknown", reason: "it is no CloudEvent 1.0" };
}

/** The event of a request whose headers hold its attributes: HTTP Protocol Binding, 3.1. */
function binaryEvent({ header }: Delivery, data: unknown): unknown {
  const [specversion, id, source, type] = ["specversion", "id", "source", "type"].map((name) => header(`ce-${name}`));
  return { specversion, id, source, type, data };
}

function read({ type, specversion, data }: CloudEvent): Told {
  const push = parsePushNotification(type.startsWith("harbor.") ? { type, specversion, data } : data);
  if (push.kind !== "unknown") return imagesOf(push, [push.format]);
  if (/^dev\.cdevents\.(?:artifact\.published|change\.merged)\./.test(type)) return readCdEvent(data);
  const source = tryShape(plain, data);
  if (source.success) return { kind: "told", subjects: sourceSubjects([source.data.repository], source.data.ref) };
  return { kind: "other", what: type.slice(0, 100) };
}

function readCdEvent(data: unknown): Told {
  const shaped = tryShape(cdEvent, data);
  if (!shaped.success) return { kind: "unknown", reason: "it is no CDEvent" };
  const { id, content } = shaped.data.subject;
  const image = imageOfPurl(id);
  const subjects = image === undefined ? sourceSubjects([content?.repository?.url]) : [image];
  return subjects.length > 0 ? { kind: "told", subjects } : { kind: "other", what: "a CDEvent of no image" };
}

/** The image of a `pkg:oci/…` with its `repository_url`: Package-URL types, "oci". */
function imageOfPurl(text: string): Subject | undefined {
  try {
    const { type, qualifiers } = PackageURL.fromString(text);
    const { repository_url: repository, tag } = qualifiers ?? {};
    if (type !== "oci" || repository === undefined) return undefined;
    const told = imagesOf(parsePushNotification({ image: tag === undefined ? repository : `${repository}:${tag}` }), [
      "generic",
    ]);
    return told.kind === "told" ? told.subjects[0] : undefined;
  } catch {
    return undefined;
  }
}
