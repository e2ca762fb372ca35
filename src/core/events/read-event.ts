import type { Instant } from "../../lib/index.ts";
import { cloudevents } from "./providers/cloudevents.ts";
import { generic } from "./providers/generic.ts";
import { gitea } from "./providers/gitea.ts";
import { github } from "./providers/github.ts";
import { gitlab } from "./providers/gitlab.ts";
import { distribution, dockerHub, harbor, quay } from "./providers/registries.ts";
import type { Delivery, Endpoint, Provider, Subject } from "./types.ts";

/** Who may send events, by the word of the configuration's `from:`. */
export const providers = {
  github,
  gitlab,
  gitea,
  "docker-hub": dockerHub,
  quay,
  harbor,
  distribution,
  cloudevents,
  generic,
} satisfies Record<string, Provider>;

/** What becomes of a delivery. */
export type EventVerdict =
  | {
      readonly kind: "told";
      readonly subjects: readonly Subject[];
      /** A copy has it again; undefined where none can be told. */
      readonly key: string | undefined;
    }
  /** Nothing to look at. */
  | { readonly kind: "other"; readonly what: string }
  | { readonly kind: "refused"; readonly why: "unproven" | "stale" }
  | { readonly kind: "unknown"; readonly reason: string };

/** Subjects of one delivery; a sender who names more is told that it is too much. */
const most = 200;

/** Reads a delivery to an endpoint. Nothing of its body is read before its proof is good. Never throws, whatever it holds. */
export function readEvent(delivery: Delivery, endpoint: Endpoint, now: Instant): EventVerdict {
  const provider: Provider = providers[endpoint.from as keyof typeof providers];
  const proof = provider.prove(delivery, endpoint, now);
  if (proof !== "proven") return { kind: "refused", why: proof };
  const told = provider.read(delivery, endpoint);
  if (told.kind !== "told") return told;
  const subjects = [...new Map(told.subjects.map((one) => [JSON.stringify(one), one])).values()];
  if (subjects.length === 0) return { kind: "other", what: "nothing that can be looked at" };
  if (subjects.length > most) return { kind: "unknown", reason: `it names more than ${most} things` };
  return { kind: "told", subjects, key: provider.key(delivery, endpoint) };
}
