import { canonicalJson, type Instant } from "../../lib/index.ts";
import { nextOpening, type Window } from "../policy/index.ts";
import { isUrgent } from "./describe-notice.ts";
import type { Told } from "./types.ts";

/** What a receiver wants to be told, and when. */
export interface Wishes {
  readonly name: string;
  readonly events?: readonly string[] | undefined;
  readonly labels?: readonly string[] | undefined;
  readonly environments?: readonly string[] | undefined;
  readonly urgentOnly: boolean;
  /** Outside of them only what is urgent comes; at any time without any. */
  readonly hours: readonly Window[];
  /** Milliseconds of what comes together in one message; urgent things wait for nothing. */
  readonly digestMs?: number | undefined;
}

/** For whom a notification is, and when. */
export interface Routed {
  readonly receiver: string;
  readonly notBefore: Instant;
  /** What it is about: the same once more, while the first still waits, is counted. */
  readonly about: string;
}

/** Who is told of `told`: each receiver whose wishes it fits. `labels` are those of its image. */
export function routeNotice(told: Told, wishes: readonly Wishes[], labels: readonly string[], now: Instant): Routed[] {
  const { event, body } = told;
  const urgent = isUrgent(told);
  return wishes.flatMap((one) => {
    if (one.urgentOnly && !urgent) return [];
    if (one.events !== undefined && !one.events.includes(event)) return [];
    if (one.environments !== undefined && !one.environments.includes(String(body["environment"]))) return [];
    if (one.labels !== undefined && !one.labels.some((label) => labels.includes(label))) return [];
    const about = ["image", "environment", "code", "subject", "digest", "kind"]
      .map((key) => canonicalJson(body[key] ?? null))
      .join("\n");
    return [{ receiver: one.name, notBefore: urgent ? now : dueAt(one, now), about: `${event}\n${about}` }];
  });
}

/** When something that is not urgent comes: at the end of its span, the same for all of it, in hours in which it may. */
function dueAt({ hours, digestMs }: Wishes, now: Instant): Instant {
  const end = digestMs === undefined ? now : (Math.floor(now / digestMs) + 1) * digestMs;
  return hours.length === 0 ? end : (nextOpening(hours, end) ?? end);
}
