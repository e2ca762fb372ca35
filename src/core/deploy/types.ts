import type { Digest, Instant } from "../../lib/index.ts";

/**
 * Where one attempt to make a running system use a digest stands. `intent`: it may have begun. `applied`: the target has taken it and does not show it yet. `confirmed`: seen serving. `failing`: it is being undone. `failed`: it was
 * undone. `ended`: something else took its place; what it did to the target is to be looked at.
 */
export type DeploymentState = "intent" | "applied" | "confirmed" | "failing" | "failed" | "ended";

/** What a target says that it runs. Several digests: one is on its way in, or out. */
export type Observed =
  | { readonly kind: "running"; readonly digests: readonly Digest[] }
  /** What should run there does not: stopped, removed, or never begun. */
  | { readonly kind: "absent"; readonly reason: string }
  /** The target cannot say, or did not answer: that decides nothing. */
  | { readonly kind: "unknown"; readonly reason: string };

/** One of our attempts at a place, as far as it tells what is running there. */
export interface KnownAttempt {
  readonly digest: Digest;
  /** The move of the pointer that asked for it. */
  readonly promotion: string | null;
  readonly state: DeploymentState;
  readonly createdAt: Instant;
  /** When it ended; null while it goes on. */
  readonly finishedAt: Instant | null;
  /** Somebody took it up after whoever began it was not heard of: that one may still act. */
  readonly takenOver: boolean;
}
