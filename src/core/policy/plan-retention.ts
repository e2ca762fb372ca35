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

/** Why a digest stays. `named`: an environment names it. `way-back`: one may return to it. `in-use`: it is on its way, or a running system uses it. `young`: for its age alone. */
export type KeptFor = "named" | "way-back" | "in-use" | "young";

/** In the order of the facts. */
export interface Retention {
  readonly keep: readonly Digest[];
  readonly drop: readonly Digest[];
  /** Of each that stays the first reason. */
  readonly keptFor: ReadonlyMap<Digest, KeptFor>;
}

/**
 * Which digests of an image stay and which may go. What an environment names, what it may return to, what is in flight and what is young stays: a digest in
 * quarantine is nothing to return to. One whose age lies in the future is young.
 */
export function planRetention(facts: RetentionFacts, policy: RetentionPolicy, now: Instant): Retention {
  const stored = new Set(facts.digests.map(({ digest }) => digest));
  const keptFor = new Map<Digest, KeptFor>();
  const want = (digest: Digest, why: KeptFor): void => {
    if (stored.has(digest) && !keptFor.has(digest)) keptFor.set(digest, why);
  };
  for (const { current } of facts.environments) if (current !== undefined) want(current, "named");
  for (const digest of facts.inFlight) want(digest, "in-use");
  for (const { current, past } of facts.environments) {
    const isGoal = (digest: Digest): boolean =>
      digest !== current && stored.has(digest) && !facts.quarantined.has(digest);
    for (const digest of [...new Set(past)].filter(isGoal).slice(0, policy.keep)) want(digest, "way-back");
  }
  for (const { digest, createdAt } of facts.digests) if (now - createdAt < policy.minAge) want(digest, "young");
  const all = [...stored];
  return { keep: all.filter((one) => keptFor.has(one)), drop: all.filter((one) => !keptFor.has(one)), keptFor };
}
