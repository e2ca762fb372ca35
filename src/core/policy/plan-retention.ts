import type { Digest, Instant } from "../../lib/index.ts";

/** What is known of one image's digests. */
export interface RetentionFacts {
  /** Every digest that is stored for the image. */
  readonly digests: readonly { readonly digest: Digest; readonly createdAt: Instant }[];
  /** For each environment: what it names now, and what it named, newest first. */
  readonly environments: readonly { readonly current: Digest | undefined; readonly past: readonly Digest[] }[];
  /** Candidates whose rebuild has not ended. */
  readonly inFlight: readonly Digest[];
  readonly quarantined: ReadonlySet<Digest>;
}

export interface RetentionPolicy {
  /** Digests that each environment may return to, beside the one that it names. */
  readonly keep: number;
  /** Milliseconds that a digest stays in any case. */
  readonly minAge: number;
}

/** In the order of the facts. */
export interface Retention {
  readonly keep: readonly Digest[];
  readonly drop: readonly Digest[];
}

/**
 * Which digests of an image stay and which may go. What an environment names, what it may return to, what is in flight and what is young stays: a digest in
 * quarantine is nothing to return to. One whose age lies in the future is young.
 */
export function planRetention(facts: RetentionFacts, policy: RetentionPolicy, now: Instant): Retention {
  const stored = new Set(facts.digests.map(({ digest }) => digest));
  const wanted = new Set(facts.inFlight);
  for (const { current, past } of facts.environments) {
    if (current !== undefined) wanted.add(current);
    const isGoal = (digest: Digest): boolean =>
      digest !== current && stored.has(digest) && !facts.quarantined.has(digest);
    for (const digest of [...new Set(past)].filter(isGoal).slice(0, policy.keep)) wanted.add(digest);
  }
  const keep = facts.digests.filter(({ digest, createdAt }) => wanted.has(digest) || now - createdAt < policy.minAge);
  const kept = new Set(keep.map(({ digest }) => digest));
  return { keep: [...kept], drop: [...stored].filter((digest) => !kept.has(digest)) };
}
