import type { Pointer } from "../../io/store/index.ts";
import { formatInstant, type Status } from "../../operation/index.ts";
import type { InFlight } from "./rebuilds-in-flight.ts";

type Exposure = Status["images"][number]["environments"][number]["exposure"];

const unknown: Exposure = { state: "unknown", advisories: [], since: null };

/**
 * What is open against an environment: the advisories of the rebuilds that have not arrived there. Without a feed it is `unknown`, for what a changelog names
 * proves nothing; where nothing is open it is `unknown` too: findings are kept nowhere, so nobody vouches for `none`.
 */
export function findExposures(hasFeed: boolean, inFlight: readonly InFlight[], pointer: Pointer | undefined): Exposure {
  if (!hasFeed || pointer === undefined) return unknown;
  const advisories = new Set<string>();
  let since = Number.POSITIVE_INFINITY;
  for (const { rebuild, causes } of inFlight) {
    if (rebuild.candidate !== null && rebuild.candidate === pointer.digest) continue;
    for (const cause of causes) {
      if (cause.kind !== "package" || cause.advisories.length === 0) continue;
      since = Math.min(since, cause.firstSeen);
      for (const id of cause.advisories) advisories.add(id);
    }
  }
  if (advisories.size === 0) return unknown;
  return { state: "open", advisories: [...advisories].sort(), since: formatInstant(since) };
}
