import type { Digest, Instant } from "../../lib/index.ts";

/** A place where a deployment runs an image, and what is known to run there. */
export interface DeployedPlace {
  readonly name: string;
  readonly image: string;
  readonly digest: Digest | null;
  /** Since when it is known to run; null while it is not. */
  readonly since: Instant | null;
  /** Why what is wanted does not run there, as a sentence. */
  readonly waiting: string | null;
}

/** Whether what an environment names runs: since when it does everywhere, or why it does not, as a sentence. */
export type DeployedStanding =
  { readonly kind: "runs"; readonly since: Instant } | { readonly kind: "waits"; readonly reason: string };

/** Whether all the deployments that are of an image run a digest of it. Undefined where none is, and the pointer is all there is. */
export function standingOf(
  names: readonly string[],
  image: string,
  digest: Digest | null,
  places: readonly DeployedPlace[],
): DeployedStanding | undefined {
  if (names.length === 0) return undefined;
  let last: Instant = 0;
  for (const name of names) {
    const place = places.find((one) => one.name === name && one.image === image);
    if (place?.digest !== digest || place.since === null)
      return { kind: "waits", reason: `${name}: ${place?.waiting ?? "it is not deployed yet"}` };
    last = Math.max(last, place.since);
  }
  return { kind: "runs", since: last };
}
