import type { Instant } from "../../lib/index.ts";
import { nextOpening, type Window } from "./windows.ts";

/** What an environment demands of whatever moves forward into it. */
export interface EntryRules {
  /** Whether no person is needed to promote, for all or by lane. */
  readonly auto: boolean | { readonly urgent: boolean; readonly routine: boolean };
  readonly windows?: readonly Window[] | undefined;
  readonly freeze?: readonly Freeze[] | undefined;
  readonly approvals?: ApprovalRule | undefined;
}

export interface Freeze {
  readonly from: Instant;
  readonly until: Instant;
  readonly reason: string;
  /** Whether the urgent lane may move all the same. */
  readonly urgent: boolean;
}

export interface ApprovalRule {
  readonly count: number;
  /** Whose word counts; anybody's where it is not there. */
  readonly from?: readonly string[] | undefined;
}

/** What a person says of one digest for one environment. */
export interface Approval {
  readonly verdict: "approved" | "rejected";
  readonly who: string;
  readonly reason: string;
}

/** What keeps a candidate out for now, as a sentence; `until` where time alone ends it. */
export interface Obstacle {
  readonly reason: string;
  readonly until: Instant | undefined;
}

/** Whether a candidate of this lane needs no person to promote it. */
export function mayMoveAlone({ auto }: Pick<EntryRules, "auto">, lane: "urgent" | "routine"): boolean {
  return typeof auto === "boolean" ? auto : auto[lane];
}

/**
 * What keeps a candidate of this lane, with these approvals, out of an environment: frozen, closed, not approved. The urgent lane passes windows, and a freeze only where the
 * freeze says so. Who is to promote, a person or the loop, is not asked here: these hold for both.
 */
export function findObstacles(
  environment: string,
  rules: Omit<EntryRules, "auto">,
  given: { readonly lane: "urgent" | "routine"; readonly approvals: readonly Approval[] },
  now: Instant,
): Obstacle[] {
  const obstacles: Obstacle[] = [];
  const isUrgent = given.lane === "urgent";
  const lacking = describeLacking(environment, rules.approvals, given.approvals);
  if (lacking !== undefined) obstacles.push({ reason: lacking, until: undefined });
  for (const { from, until, reason, urgent } of rules.freeze ?? [])
    if (from <= now && now < until && !(urgent && isUrgent))
      obstacles.push({ reason: `${environment} is frozen: ${reason}`, until });
  if (rules.windows !== undefined && !isUrgent) {
    const opens = nextOpening(rules.windows, now);
    if (opens !== now) obstacles.push({ reason: `the window of ${environment} is closed`, until: opens });
  }
  return obstacles;
}

/** What is missing of the approvals that an environment wants, as a sentence; undefined where nothing is. Of one person one counts. */
export function describeLacking(
  environment: string,
  rule: ApprovalRule | undefined,
  approvals: readonly Approval[],
): string | undefined {
  if (rule === undefined) return undefined;
  const counted = countApprovals(rule, approvals);
  if (counted >= rule.count) return undefined;
  const whose = rule.from === undefined ? "" : `, by ${rule.from.slice(0, 10).join(", ")}`;
  return `it has ${counted} of ${rule.count} approvals for ${environment}${whose}`;
}

/** What an environment wants of approvals for a digest of which a check asks for a person: one of those whose word counts at least. */
export function approvalsWanted(
  rule: ApprovalRule | undefined,
  checks: readonly { readonly asks?: true }[],
): ApprovalRule | undefined {
  return checks.some(({ asks }) => asks === true) ? (rule ?? { count: 1 }) : rule;
}

/** Who speaks where no person does: it can take a digest back from those that may move, and approves nothing. */
export const machine = "tidemill";

/** How many people whose word counts approve. */
export function countApprovals({ from }: ApprovalRule, approvals: readonly Approval[]): number {
  const counted = approvals.filter(
    ({ verdict, who }) => verdict === "approved" && who !== machine && (from === undefined || from.includes(who)),
  );
  return new Set(counted.map(({ who }) => who)).size;
}
