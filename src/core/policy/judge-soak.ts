import type { Instant } from "../../lib/index.ts";

/** When something was looked at: by the time of day, and by a clock that nobody sets where there is one. */
export interface Look {
  readonly at: Instant;
  readonly steady?: { readonly start: string; readonly ms: number } | undefined;
}

/**
 * Milliseconds that passed for certain between two looks. On one start of one machine the steady clock tells, whatever the time of day was set to meanwhile; across a restart,
 * or from one machine to another, the time of day is all there is. Never negative, and never more than `most`.
 */
export function passedBetween(before: Look | undefined, now: Look, most = Infinity): number {
  if (before === undefined) return 0;
  const isSame = before.steady !== undefined && before.steady.start === now.steady?.start;
  const passed = isSame ? (now.steady?.ms ?? 0) - (before.steady?.ms ?? 0) : now.at - before.at;
  return Math.min(Math.max(0, passed), most);
}

/** How many failures of how many last answers make a service unhealthy; the same number twice: so many in a row. */
export interface FailurePolicy {
  readonly count: number;
  readonly of: number;
}

export type Health = "healthy" | "failing" | "unhealthy";

/** What the last answers of a probe, newest last, say of a service. Too few of them for the count are no proof. */
export function judgeAnswers({ count, of }: FailurePolicy, passed: readonly boolean[]): Health {
  const failed = passed.slice(-of).filter((one) => !one).length;
  if (failed >= count) return "unhealthy";
  return passed.at(-1) === false ? "failing" : "healthy";
}

/** What is to be done about a service whose probe calls it unhealthy. */
export type HealthDecision = "nothing" | "alarm" | "roll-back";

/**
 * What follows from the health of what an environment names. In its soak what came forward is taken back. What an environment was taken back to is not taken back again: where that is
 * unhealthy too, the image is hardly the reason, and a person has to look. After the soak the probe says what it is for.
 */
export function decideHealth(given: {
  readonly health: Health;
  readonly soaks: boolean;
  readonly kind: "forward" | "rollback";
  readonly after: "none" | "alarm" | "rollback";
}): HealthDecision {
  if (given.health !== "unhealthy") return "nothing";
  if (!given.soaks && given.after === "none") return "nothing";
  if (given.kind === "rollback") return "alarm";
  return given.soaks || given.after === "rollback" ? "roll-back" : "alarm";
}
