import type { Digest, Instant } from "../../lib/index.ts";
import type { KnownAttempt, Observed } from "./types.ts";

export interface DeploymentFacts {
  /** What the environment's pointer names, the move that made it so, and whether that went forward; undefined before the first. */
  readonly wanted:
    { readonly digest: Digest; readonly promotion: string | null; readonly kind: "forward" | "rollback" } | undefined;
  /** What was confirmed there last. */
  readonly current: Digest | undefined;
  /** Our attempts there, newest first. At most one is open: `intent`, `applied` or `failing`. */
  readonly attempts: readonly KnownAttempt[];
  readonly observed: Observed;
  /** Digests that must not run there again, whoever puts them there. */
  readonly quarantined: ReadonlySet<Digest>;
  /** Why nothing goes forward there now, as a sentence. */
  readonly held: string | undefined;
  /** The open attempt is a person's, who says that it is to run there, whatever runs there now. */
  readonly forced: boolean;
}

/** What is to be done about one place where one image runs. */
export type DeploymentDecision =
  /** It is as it should be, or there is nothing to do. */
  | { readonly kind: "rest" }
  | { readonly kind: "wait"; readonly reason: string; readonly until?: Instant }
  /** A new attempt; one that is open ends. */
  | { readonly kind: "begin"; readonly digest: Digest }
  /** The open attempt goes on. */
  | { readonly kind: "resume" }
  /** The open attempt failed: it is undone to its end. */
  | { readonly kind: "undo" }
  /** What is wanted runs there already. */
  | { readonly kind: "adopt"; readonly digest: Digest }
  /** A person went back to what was good there. */
  | { readonly kind: "obey"; readonly found: Digest }
  /** Somebody made it run what is none of ours: it stays so until a person decides. */
  | { readonly kind: "conflict"; readonly found: Digest }
  /** Nothing runs there, and nobody of us stopped it. */
  | { readonly kind: "absent"; readonly reason: string };

/** How long a worker that was stopped may sleep before it does what it was about to. */
const lateMs = 86_400_000;
const longestPauseMs = 900_000;

/**
 * What is to be done about a place, from the facts alone: asked at every look and after every restart. What a person made it run is never overwritten; what a late worker of ours made of it is put
 * right; what the pointer names comes there once.
 */
export function decideDeployment(facts: DeploymentFacts, now: Instant): DeploymentDecision {
  const { wanted, current, attempts, observed, quarantined } = facts;
  const open = attempts.find(({ state }) => state === "intent" || state === "applied" || state === "failing");
  if (open?.state === "failing") return { kind: "undo" };
  if (wanted === undefined) return { kind: "rest" };
  const strange = facts.forced ? undefined : findStrange(facts, open, now);
  if (strange !== undefined) return strange;
  if (open?.digest === wanted.digest) return { kind: "resume" };
  if (current === wanted.digest && open === undefined) return tendCurrent(facts, wanted.digest, now);
  const failures = countFailures(attempts, wanted);
  if (failures > 0 && wanted.kind === "forward")
    return { kind: "wait", reason: "it failed, and there is nothing to go back to" };
  if (quarantined.has(wanted.digest)) return { kind: "wait", reason: "it is in quarantine" };
  if (isOnly(observed, wanted.digest) && open === undefined) return { kind: "adopt", digest: wanted.digest };
  // No way back is ever stopped.
  if (wanted.kind === "forward" && facts.held !== undefined) return { kind: "wait", reason: facts.held };
  return beginAgain(attempts, wanted, now);
}

/** What was confirmed is what is wanted; what else runs there is a late worker's. */
function tendCurrent(facts: DeploymentFacts, digest: Digest, now: Instant): DeploymentDecision {
  const { observed, wanted, attempts } = facts;
  if (isOnly(observed, digest) || wanted === undefined) return { kind: "rest" };
  if (observed.kind === "unknown") return { kind: "rest" };
  if (observed.kind === "absent") return { kind: "absent", reason: observed.reason };
  return beginAgain(attempts, wanted, now);
}

type Wanted = NonNullable<DeploymentFacts["wanted"]>;

/** Attempts for the same move that failed, one after the other. */
function countFailures(attempts: readonly KnownAttempt[], { digest, promotion }: Wanted): number {
  const own = attempts.filter((one) => one.digest === digest && one.promotion === promotion);
  const other = own.findIndex(({ state }) => state !== "failed");
  return other < 0 ? own.length : other;
}

/** A new attempt, later each time where the ones before it failed: there is nothing else to go to. */
function beginAgain(attempts: readonly KnownAttempt[], wanted: Wanted, now: Instant): DeploymentDecision {
  const failures = countFailures(attempts, wanted);
  const last = attempts.find(({ digest, state }) => digest === wanted.digest && state === "failed")?.finishedAt;
  if (failures > 0 && last !== null && last !== undefined) {
    const until = last + Math.min(longestPauseMs, 1000 * 4 ** failures);
    if (now < until) return { kind: "wait", reason: "it failed, and is tried again", until };
  }
  return { kind: "begin", digest: wanted.digest };
}

/** What a person did there. Before the first deployment anything may run: that is what we are to take over from. */
function findStrange(
  facts: DeploymentFacts,
  open: KnownAttempt | undefined,
  now: Instant,
): DeploymentDecision | undefined {
  const { wanted, current, observed, attempts, quarantined } = facts;
  if (observed.kind !== "running" || current === undefined) return undefined;
  const known = new Set([wanted?.digest, current, open?.digest]);
  const strangers = observed.digests.filter((digest) => !known.has(digest) && !isLate(digest, facts, now));
  const [found] = strangers;
  if (found === undefined) return undefined;
  const wasThere = attempts.some(({ digest, state }) => digest === found && state === "confirmed");
  return wasThere && strangers.length === 1 && !quarantined.has(found)
    ? { kind: "obey", found }
    : { kind: "conflict", found };
}

/** Whether a worker of ours may have made it run: of an attempt that never came to its end, or of one that was taken over lately; and what is in quarantine is never a person's way back to what was good. */
function isLate(digest: Digest, { attempts, quarantined }: DeploymentFacts, now: Instant): boolean {
  const own = attempts.filter((one) => one.digest === digest);
  const unfinished = own.some(({ state }) => state === "ended" || state === "failed");
  const wasThere = own.some(({ state }) => state === "confirmed");
  if (!wasThere) return unfinished;
  const isRecent = own.some(
    ({ state, takenOver, createdAt }) =>
      (takenOver || state === "ended" || state === "failed") && now - createdAt < lateMs,
  );
  return isRecent || quarantined.has(digest);
}

function isOnly(observed: Observed, digest: Digest): boolean {
  return observed.kind === "running" && observed.digests.length === 1 && observed.digests[0] === digest;
}
