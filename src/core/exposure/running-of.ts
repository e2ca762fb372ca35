import type { Digest, Instant } from "../../lib/index.ts";
import type { PlacedDigest, Running } from "./collect-facts.ts";

/** One attempt to make a running system use a digest, as far as it tells what ran there and when. */
export interface KnownDeployment {
  readonly name: string;
  readonly digest: Digest;
  /** The move of the pointer that asked for it. */
  readonly promotion: string | null;
  readonly createdAt: Instant;
  /** When it was seen to run; null where it never was. */
  readonly confirmedAt: Instant | null;
}

/**
 * When the running systems were seen to use what an environment named. `names` are the deployments that the configuration has now: they are asked of what is named now; of what was named before those
 * that were made to use it then. `attempts` are of this image and environment, in their order. Undefined where there were none: then the pointer is all there is.
 */
export function runningOf(
  placement: Pick<PlacedDigest, "promotion" | "digest" | "since" | "until">,
  names: readonly string[],
  attempts: readonly KnownDeployment[],
): Running | undefined {
  return placement.until === undefined
    ? runningNow(placement, names, attempts)
    : ranThen(placement, placement.until, attempts);
}

function runningNow(
  { promotion, digest, since }: Pick<PlacedDigest, "promotion" | "digest" | "since">,
  names: readonly string[],
  attempts: readonly KnownDeployment[],
): Running | undefined {
  if (names.length === 0) return undefined;
  const moments: Instant[] = [];
  for (const name of names) {
    const newest = attempts.findLast((one) => one.name === name && one.confirmedAt !== null);
    if (newest?.digest !== digest || newest.confirmedAt === null)
      return { kind: "waits", reason: `${name}: it is not deployed yet` };
    // It ran all along, while the pointer went somewhere else and came back.
    moments.push(newest.promotion === promotion ? newest.confirmedAt : Math.max(since, newest.confirmedAt));
  }
  return { kind: "seen", at: Math.max(...moments), source: sourceOf(names) };
}

function ranThen(
  { promotion, digest }: Pick<PlacedDigest, "promotion" | "digest">,
  until: Instant,
  attempts: readonly KnownDeployment[],
): Running | undefined {
  const own = attempts.filter((one) => one.promotion === promotion);
  if (own.length === 0) {
    const wereSome = attempts.some(({ createdAt }) => createdAt < until);
    return wereSome ? { kind: "waits", reason: "it was never deployed" } : undefined;
  }
  const names = [...new Set(own.map(({ name }) => name))];
  const moments: Instant[] = [];
  for (const name of names) {
    const seen = own.find((one) => one.name === name && one.digest === digest && one.confirmedAt !== null);
    if (seen === undefined || seen.confirmedAt === null)
      return { kind: "waits", reason: `${name}: it was never seen to run` };
    moments.push(seen.confirmedAt);
  }
  return { kind: "seen", at: Math.max(...moments), source: sourceOf(names) };
}

const mostNamed = 5;

function sourceOf(names: readonly string[]): string {
  const more = names.length > mostNamed ? ` and ${names.length - mostNamed} more` : "";
  return `deployment ${[...names].sort().slice(0, mostNamed).join(", ")}${more}`;
}
