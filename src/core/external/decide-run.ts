import type { Digest, Instant } from "../../lib/index.ts";

/**
 * Where a run stands. `intended`: it is asked for, and may have begun. `running`: its pipeline has it. `given`: it gave a digest. `failed`: it ended without one, or was refused. `late`: it took too long.
 * `withdrawn`: nobody wants it any more.
 */
export type RunState = "intended" | "running" | "given" | "failed" | "late" | "withdrawn";

/** What is known of one run of a rebuild. */
export interface RunFacts {
  readonly state: RunState;
  readonly noCache: boolean;
  readonly digest: Digest | null;
  readonly reason: string | null;
  /** When it was intended. */
  readonly askedAt: Instant;
  /** When its pipeline was last asked to begin it; null where it never was. */
  readonly triedAt: Instant | null;
  /** When it was seen to have succeeded without a digest; null where it was not. */
  readonly succeededAt: Instant | null;
  /** When to look again. */
  readonly lookAt: Instant;
}

/** How a pipeline is waited for; milliseconds. */
export interface RunRules {
  readonly poll: number;
  readonly timeout: number;
  readonly retries: number;
}

export type RunStep =
  /** A new run is intended. */
  | { readonly kind: "intend" }
  /** It was never asked for. */
  | { readonly kind: "start" }
  /** Whether it has begun is not known. */
  | { readonly kind: "find" }
  | { readonly kind: "look" }
  | { readonly kind: "take"; readonly digest: Digest }
  /** It has ended, with what its own row is to say. */
  | { readonly kind: "end"; readonly state: "failed" | "late"; readonly reason: string }
  | { readonly kind: "give-up"; readonly reason: string }
  | { readonly kind: "wait"; readonly until: Instant };

/** A run that succeeded may still be pushing its word: a tag, or the callback. */
const graceMs = 60_000;
/** Lists of runs are behind: what was just asked for may not be in them yet. */
export const settleMs = 30_000;
/** The longest pause that any look is put to. */
const longestPauseMs = 2 * 60 * 60_000;

/** What is next for the runs of one rebuild, oldest first; `noCache` is what the rebuild wants now. */
export function decideRun(runs: readonly RunFacts[], noCache: boolean, rules: RunRules, now: Instant): RunStep {
  const newest = runs.at(-1);
  if (newest === undefined || newest.state === "withdrawn" || (noCache && !newest.noCache)) return { kind: "intend" };
  if (newest.state === "given" && newest.digest !== null) return { kind: "take", digest: newest.digest };
  const isOver = newest.state !== "intended" && newest.state !== "running";
  if (isOver) {
    const failures = runs.filter((run) => run.noCache === newest.noCache && run.state !== "withdrawn").length;
    const reason = newest.reason ?? "its run failed";
    return failures > rules.retries ? { kind: "give-up", reason } : { kind: "intend" };
  }
  // A time that no look was ever put to: the clock was set back.
  const isDue = newest.lookAt <= now || newest.lookAt > now + longestPauseMs;
  if (!isDue) return { kind: "wait", until: newest.lookAt };
  if (newest.state === "intended" && newest.triedAt === null) return { kind: "start" };
  return { kind: newest.state === "intended" ? "find" : "look" };
}

/** What an undecided run comes to after a look that brought nothing: it ends where it is too late, or where it succeeded and said nothing. */
export function afterLook(run: RunFacts, succeeded: boolean, rules: RunRules, now: Instant): RunStep {
  if (succeeded && run.succeededAt !== null && now - run.succeededAt >= graceMs)
    return { kind: "end", state: "failed", reason: "it succeeded, and neither pushed its tag nor called back" };
  if (now - run.askedAt >= rules.timeout)
    return { kind: "end", state: "late", reason: "it gave no digest within its time" };
  return { kind: "wait", until: Math.min(now + rules.poll, Math.max(now + 100, run.askedAt + rules.timeout)) };
}
