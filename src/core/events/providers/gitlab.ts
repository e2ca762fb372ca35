import { z } from "zod";
import { bodyKey, isStandard, provenByStandard, provenByToken } from "../proofs.ts";
import { readShape } from "../read-json.ts";
import { sourceSubjects } from "../source-key.ts";
import type { Provider, Told } from "../types.ts";

const address = z.string().max(2000).nullish();
const project = z.object({ git_http_url: address, git_ssh_url: address, web_url: address });
const ref = z.string().min(1).max(1000);
const kind = z.string().max(100);

const event = z.object({
  object_kind: kind.optional(),
  /** System hooks have this alone. */
  event_name: kind.optional(),
  ref: ref.optional(),
  tag: ref.optional(),
  project: project.optional(),
  changes: z.unknown().optional(),
});
/** Of `repository_update`; elsewhere `changes` is something else. */
const changes = z.array(z.object({ ref })).max(1000);

/** GitLab, "Webhook events" and "System hooks": by signing token (Standard Webhooks), or by secret token. */
export const gitlab: Provider = {
  prove: (delivery, { secret }, now) =>
    isStandard(delivery) ? provenByStandard(delivery, secret, now) : provenByToken(delivery, secret, "x-gitlab-token"),
  read: (delivery) => readShape(delivery, event, "an event of GitLab", told),
  key: bodyKey,
};

function told(one: z.output<typeof event>): Told {
  const name = one.object_kind ?? one.event_name ?? "";
  switch (name) {
    case "push":
    case "tag_push":
      return sources(one, [one.ref]);
    case "release":
      return sources(one, [one.tag]);
    case "repository_update": {
      const list = changes.safeParse(one.changes);
      return sources(one, list.success ? list.data.map((change) => change.ref) : [undefined]);
    }
    case "vulnerability":
      return { kind: "told", subjects: [{ kind: "advisories" }] };
    default:
      return name === ""
        ? { kind: "unknown", reason: "it has neither object_kind nor event_name" }
        : { kind: "other", what: name };
  }
}

function sources({ project: from }: z.output<typeof event>, refs: readonly (string | undefined)[]): Told {
  if (from === undefined) return { kind: "unknown", reason: "it names no project" };
  const addresses = [from.git_http_url, from.git_ssh_url, from.web_url].map((one) => one ?? undefined);
  return { kind: "told", subjects: [...new Set(refs)].flatMap((of) => sourceSubjects(addresses, of)) };
}
