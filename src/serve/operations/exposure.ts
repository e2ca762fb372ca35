import type { Pointer } from "../../io/store/index.ts";
import { formatInstant, type Status } from "../../operation/index.ts";
import type { InFlight } from "./rebuilds-in-flight.ts";

type Exposure = Status["images"][number]["environments"][number]["exposure"];

/**
 * What is open against an environment: the advisories of the rebuilds that have not arrived there. Where there are none the answer is `unknown`: findings are
 * kept nowhere, so nobody vouches for `none`.
 */
export function findExposures(inFlight: readonly InFlight[], pointer: Pointer | undefined): Exposure {
  const advisories = new Set<string>();
  let since = Number.POSITIVE_INFINITY;
  for (const { rebuild, causes } of pointer === undefined ? [] : inFlight) {
    if (rebuild.candidate !== null && rebuild.candidate === pointer?.digest) continue;
    for (const cause of causes) {
      if (cause.kind !== "package" || cause.advisories.length === 0) continue;
      since = Math.min(since, cause.firstSeen);
      for (const id of cause.advisories) advisories.add(id);
    }
  }
  if (advisories.size === 0) return { state: "unknown", advisories: [], since: null };
  return { state: "open", advisories: [...advisories].sort(), since: formatInstant(since) };
}
