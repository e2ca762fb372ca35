import type { Digest, Instant } from "../../lib/index.ts";

/** One of our moves of an environment's tag, as far as it tells whose hand moved the tag. */
export interface KnownMove {
  readonly digest: Digest;
  readonly state: "intent" | "confirmed" | "conflict" | "refused";
  readonly createdAt: Instant;
  /** It was ended before it was confirmed: what it did to the tag nobody knows. */
  readonly ended: boolean;
  /** Somebody took it up after whoever began it was not heard of: that one may still write. */
  readonly takenOver: boolean;
}

export interface MovedTagFacts {
  /** What the tag names, and what it should. */
  readonly found: Digest;
  readonly named: Digest | undefined;
  /** Our moves of this tag. */
  readonly moves: readonly KnownMove[];
  /** Digests that once passed there. */
  readonly passed: ReadonlySet<Digest>;
  readonly quarantined: ReadonlySet<Digest>;
}

/** `ours`: what we began or what we wrote late, to be put right. `moved-back`: a person's rollback, to be obeyed. `foreign`: what none of our moves named, or what must not run. */
export type MovedTag = "ours" | "moved-back" | "foreign";

/** How long a worker that was stopped may sleep before it writes what it was about to. */
const lateMs = 86_400_000;

/**
 * Whose hand made a tag name a digest. One that once was confirmed there was put back by a person, unless a writer of ours may have come late: a move that was ended or taken over lately. What is in
 * quarantine is never to be obeyed.
 */
export function decideMovedTag(facts: MovedTagFacts, now: Instant): MovedTag {
  const { found, named, passed, quarantined } = facts;
  const moves = facts.moves.filter(({ digest }) => digest === found);
  if (found === named || moves.some(({ state }) => state === "intent")) return "ours";
  const isLate = moves.some(({ ended, takenOver, createdAt }) => (ended || takenOver) && now - createdAt < lateMs);
  const wasThere = moves.some(({ state }) => state === "confirmed");
  if (!wasThere) return moves.some(({ ended }) => ended) ? "ours" : "foreign";
  if (isLate || quarantined.has(found)) return "ours";
  return passed.has(found) ? "moved-back" : "foreign";
}
