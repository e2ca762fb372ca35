import type { Digest, Instant } from "../../lib/index.ts";
import { nextStep, obstaclesInto, soakLeft, type ChainLink, type RebuildFacts } from "./next-step.ts";
import type { EnvironmentName, Lane } from "./types.ts";

/** An earlier candidate that an environment names, and that is on its way further. */
export interface CandidateAhead {
  readonly digest: Digest;
  /** What is known of its rebuild. */
  readonly facts: RebuildFacts;
  /** When the last person approved it for an environment that it has not reached. */
  readonly approvedAt?: Instant | undefined;
}

/** Whether a candidate takes the place of the one ahead of it now, or why it waits, and until when where that is known. */
export type Turn =
  { readonly kind: "goes" } | { readonly kind: "waits"; readonly until: Instant | undefined; readonly reason: string };

/** What does not go further for so long after its soak is stuck, and stops nobody. */
const stuckMs = 3_600_000;
/** How long one that somebody has approved is left to the others who have to. */
const approvalMs = 86_400_000;

/**
 * Whether a candidate may take the place of an earlier one in an environment. Candidates that come faster than they soak would else take it from one another, and none would ever get further:
 * - the urgent lane interrupts what is not urgent; of two that are, the second waits;
 * - what soaks, or is being deployed, keeps its place until that is over;
 * - what has soaked and waits for a window or the end of a freeze gives way to one that will have soaked by then;
 * - what waits for a person gives way at once, so that people are asked about the newest; but where one of them has approved it already, not for a day;
 * - what is stuck (an hour beyond its soak, or as long again) gives way.
 */
export function decideTurn(
  lane: Lane,
  environment: EnvironmentName,
  ahead: CandidateAhead,
  chain: readonly ChainLink[],
  now: Instant,
): Turn {
  const { facts } = ahead;
  const at = chain.findIndex(({ name }) => name === environment);
  const [link, next] = [chain[at], chain[at + 1]];
  const pointer = facts.pointers.find((one) => one.environment === environment);
  if (link === undefined || next === undefined || pointer?.digest !== ahead.digest) return { kind: "goes" };
  if (lane === "urgent" && facts.lane !== "urgent") return { kind: "goes" };
  const step = nextStep(facts, chain, now);
  if (step.kind === "finish") return { kind: "goes" };
  const waits = (until: Instant | undefined, why: string): Turn => ({
    kind: "waits",
    until,
    reason: `an earlier candidate ${why}, and keeps its place in ${environment} until then`,
  });

  const isStuck = now > (pointer.since ?? now) + link.soak + Math.max(stuckMs, link.soak);
  if (pointer.undeployed !== undefined) return isStuck ? { kind: "goes" } : waits(undefined, "is being deployed to it");
  const left = soakLeft(link, pointer, now);
  if (left > 0 || pointer.trouble !== undefined) return isStuck ? { kind: "goes" } : waits(now + left, "soaks there");

  const obstacles = [...obstaclesInto(next, facts, now), ...holdsOn(facts, next.name, now)];
  if (obstacles.some(({ until }) => until === undefined)) {
    const decided = ahead.approvedAt === undefined ? now : ahead.approvedAt + approvalMs;
    return now >= decided ? { kind: "goes" } : waits(decided, "was approved by somebody and waits for others");
  }
  const opens = obstacles.reduce((latest, { until }) => Math.max(latest, until ?? latest), now);
  if (opens > now) return now + link.soak <= opens ? { kind: "goes" } : waits(opens, `waits for ${next.name} to open`);
  return isStuck ? { kind: "goes" } : waits(undefined, "goes further now");
}

function holdsOn(
  { holds, conflicts }: RebuildFacts,
  environment: EnvironmentName,
  now: Instant,
): { readonly until: Instant | undefined }[] {
  const standing = holds
    .filter((one) => one.environment === null || one.environment === environment)
    .filter(({ until }) => until === null || until > now);
  return [
    ...standing.map(({ until }) => ({ until: until ?? undefined })),
    ...(conflicts.includes(environment) ? [{ until: undefined }] : []),
  ];
}

/** Whether one that has not reached an environment yet need not go there: a newer one is ready for it, and has what it has. Only an urgent one does not give way to what is not urgent. */
export function isOvertakenBy(
  older: { readonly lane: Lane; readonly createdAt: Instant },
  newer: { readonly lane: Lane; readonly createdAt: Instant; readonly isReady: boolean },
): boolean {
  return newer.isReady && newer.createdAt > older.createdAt && (newer.lane === "urgent" || older.lane !== "urgent");
}
