import type { Digest, Instant } from "../../lib/index.ts";
import {
  approvalsWanted,
  describeLacking,
  findObstacles,
  mayMoveAlone,
  type Approval,
  type EntryRules,
  type Obstacle,
} from "../policy/index.ts";
import type { EnvironmentName, Lane, RebuildState } from "./types.ts";

/** One environment of the chain, as the configuration has it. */
export interface ChainLink extends EntryRules {
  readonly name: EnvironmentName;
  /** Milliseconds that a digest stands here before it goes further. */
  readonly soak: number;
}

/** What an environment names, and how long that has stood there. */
export interface StandingDigest {
  readonly environment: EnvironmentName;
  readonly digest: Digest | null;
  readonly since: Instant | null;
  /** Milliseconds of soak that count; where they are not counted, the clock tells. */
  readonly stood?: number | undefined;
  /** What a probe of it last complained of, as a sentence. */
  readonly trouble?: string | undefined;
  /** Why the running systems do not use it, as a sentence; undefined where they do, and where there are none. */
  readonly undeployed?: string | undefined;
}

/** What is known of a rebuild when its next step is asked for. */
export interface RebuildFacts {
  readonly state: RebuildState;
  readonly lane: Lane;
  readonly candidate: Digest | null;
  /** Of the candidate, newest last; `null` while one goes on. */
  readonly verifications: readonly {
    readonly environment: EnvironmentName;
    readonly verdict: "passed" | "failed" | "not_run" | null;
    readonly finishedAt?: Instant | null;
    /** When pipelines that it waits for are looked at again. */
    readonly resumeAt?: Instant | null;
    readonly checks?: readonly {
      readonly name?: string;
      readonly verdict?: string;
      readonly message: string;
      readonly asks?: true;
    }[];
  }[];
  /** What the environments of its image name. */
  readonly pointers: readonly StandingDigest[];
  /** What people say of the candidate. */
  readonly approvals: readonly (Approval & { readonly environment: EnvironmentName })[];
  /** Environments that want a probe of the image, and have none. */
  readonly unprobed: readonly EnvironmentName[];
  /** Pauses that concern its image; null: every environment. */
  readonly holds: readonly {
    readonly environment: EnvironmentName | null;
    readonly reason: string;
    readonly who: string;
    readonly until: Instant | null;
  }[];
  readonly quarantined: boolean;
  /** What the candidate has of what was taken back, as a sentence; undefined where it is free of that. */
  readonly barred?: string | undefined;
  /** The rebuilds of its parents in the same train. */
  readonly parents: readonly ParentFacts[];
  /** Environments where somebody else moved the tag. */
  readonly conflicts: readonly EnvironmentName[];
}

/** The rebuild of a parent, as its children look at it. */
export interface ParentFacts {
  readonly image: string;
  readonly state: RebuildState;
  /** Its candidate passed the verification for the first environment. */
  readonly passedFirst: boolean;
  /** Environments that name its candidate. */
  readonly places: readonly EnvironmentName[];
}

export type NextStep =
  | { readonly kind: "build" }
  | { readonly kind: "verify"; readonly environment: EnvironmentName }
  | { readonly kind: "promote"; readonly environment: EnvironmentName }
  | {
      readonly kind: "wait";
      readonly until: Instant | undefined;
      readonly reason: string;
      /** What only a person can answer; without it nobody is asked. */
      readonly asks?: readonly PersonAsked[];
    }
  | { readonly kind: "finish"; readonly state: "promoted" | "failed"; readonly reason: string };

/** What a person is asked: for approvals, whether a drift may be, to promote, or for an engine that checks need. */
export interface PersonAsked {
  readonly kind: "approval" | "drift" | "promotion" | "engine";
  readonly environment: EnvironmentName;
  readonly reason: string;
}

const ended: ReadonlySet<RebuildState> = new Set(["promoted", "unchanged", "failed", "superseded"]);

/** A parent that arrives has its children looked at anew; this is for one whose word was lost. */
const lookAtParentMs = 15_000;

/** Of the looks at a pipeline that has not said yet. */
const longestPauseMs = 60 * 60_000;

/** What could not be verified is tried again. */
const verifyAgainMs = 10 * 60_000;

/** Which step is next for a rebuild, from the facts alone: asked after every step and after every restart. */
export function nextStep(facts: RebuildFacts, chain: readonly ChainLink[], now: Instant): NextStep {
  if (ended.has(facts.state)) return { kind: "wait", until: undefined, reason: `it has ended: ${facts.state}` };
  const fallen = failedParent(facts);
  if (fallen !== undefined) return fallen;
  if (facts.candidate === null || facts.state === "queued" || facts.state === "building") return stepBeforeBuild(facts);
  const rejected = facts.approvals.find(({ verdict }) => verdict === "rejected");
  if (rejected !== undefined) {
    const reason = `${rejected.who} rejected it for ${rejected.environment}: ${rejected.reason}`;
    return { kind: "finish", state: "failed", reason };
  }
  if (facts.quarantined) return { kind: "finish", state: "failed", reason: "the candidate is in quarantine" };
  if (facts.barred !== undefined) return { kind: "finish", state: "failed", reason: facts.barred };
  for (const [at, link] of chain.entries()) {
    const pointer = facts.pointers.find(({ environment }) => environment === link.name);
    if (pointer?.digest === facts.candidate) {
      // What is looked at is the running system: its word hurries the rebuild.
      if (pointer.undeployed !== undefined)
        return { kind: "wait", until: undefined, reason: `it does not run in ${link.name} yet: ${pointer.undeployed}` };
      const soaks = at === chain.length - 1 ? undefined : stepInSoak(link, pointer, now);
      if (soaks !== undefined) return soaks;
      continue;
    }
    return stepInto(link, facts, now);
  }
  return { kind: "finish", state: "promoted", reason: `it is in ${chain.at(-1)?.name ?? "place"}` };
}

/** Milliseconds of its soak that a digest has still to stand. */
export function soakLeft({ soak }: Pick<ChainLink, "soak">, { since, stood }: StandingDigest, now: Instant): number {
  return Math.max(0, stood === undefined ? (since ?? now) + soak - now : soak - stood);
}

function stepInSoak(link: ChainLink, pointer: StandingDigest, now: Instant): NextStep | undefined {
  const left = soakLeft(link, pointer, now);
  if (link.soak === 0 || (left === 0 && pointer.trouble === undefined)) return undefined;
  const troubled = pointer.trouble === undefined ? "" : `: ${pointer.trouble}`;
  return { kind: "wait", until: now + Math.max(left, 1000), reason: `it soaks in ${link.name}${troubled}` };
}

function stepBeforeBuild({ parents }: RebuildFacts): NextStep {
  const waited = parents.find(
    ({ state, passedFirst }) => !passedFirst && state !== "unchanged" && state !== "promoted",
  );
  if (waited === undefined) return { kind: "build" };
  return { kind: "wait", until: undefined, reason: `it waits for its parent ${waited.image}` };
}

/** What is built on a parent that failed is never run: it stays on what it has. */
function failedParent({ parents }: RebuildFacts): NextStep | undefined {
  const failed = parents.find(({ state }) => state === "failed");
  return failed && { kind: "finish", state: "failed", reason: `the rebuild of its parent ${failed.image} failed` };
}

function stepInto(link: ChainLink, facts: RebuildFacts, now: Instant): NextStep {
  const newest = facts.verifications.findLast(({ environment }) => environment === link.name);
  const verdict = newest?.verdict;
  if (verdict === undefined || verdict === null) {
    const until = newest?.resumeAt ?? now;
    // A time further away than any look is put to: the clock was set back.
    if (until <= now || until > now + longestPauseMs) return { kind: "verify", environment: link.name };
    return { kind: "wait", until, reason: `a pipeline is asked for its verdict for ${link.name}` };
  }
  if (verdict === "failed") {
    return { kind: "finish", state: "failed", reason: `it did not pass its verification for ${link.name}` };
  }
  if (verdict === "not_run") {
    // What was not there may be by now: an engine, somebody's pipeline.
    const until = typeof newest?.finishedAt === "number" ? newest.finishedAt + verifyAgainMs : undefined;
    if (until !== undefined && until <= now) return { kind: "verify", environment: link.name };
    const reason = `checks for ${link.name} could not run, and policy requires them`;
    // A pipeline answers by itself.
    const lacking = newest?.checks?.find(
      ({ name = "", verdict: of }) => of === "not_run" && !name.startsWith("pipeline: "),
    );
    if (lacking === undefined) return { kind: "wait", until, reason };
    const asked = {
      kind: "engine",
      environment: link.name,
      reason: `${lacking.name ?? "a check"}: ${lacking.message}`,
    } as const;
    return { kind: "wait", until, reason, asks: [asked] };
  }
  const hold = facts.holds.find(
    (one) => (one.environment === null || one.environment === link.name) && (one.until === null || one.until > now),
  );
  if (hold !== undefined) {
    return { kind: "wait", until: hold.until ?? undefined, reason: `on hold: ${hold.reason} (${hold.who})` };
  }
  if (facts.conflicts.includes(link.name)) {
    return { kind: "wait", until: undefined, reason: `somebody else moved ${link.name}` };
  }
  const ahead = facts.parents.find(({ state, places }) => !ended.has(state) && !places.includes(link.name));
  if (ahead !== undefined)
    return {
      kind: "wait",
      until: now + lookAtParentMs,
      reason: `its parent ${ahead.image} goes to ${link.name} first`,
    };
  return stepThrough(link, facts, now);
}

/** What keeps a verified candidate out of an environment for now, that which only a person ends among it. */
export function obstaclesInto(
  link: ChainLink,
  facts: Pick<RebuildFacts, "lane" | "approvals" | "verifications" | "unprobed">,
  now: Instant,
): Obstacle[] {
  return hindrancesInto(link, facts, now).obstacles;
}

/** The same, and what a person is asked because of it. */
function hindrancesInto(
  link: ChainLink,
  facts: Pick<RebuildFacts, "lane" | "approvals" | "verifications" | "unprobed">,
  now: Instant,
): { readonly obstacles: Obstacle[]; readonly asks: PersonAsked[] } {
  const { lane } = facts;
  const approvals = facts.approvals.filter(({ environment }) => environment === link.name);
  const checks = facts.verifications.filter(({ environment }) => environment === link.name).at(-1)?.checks ?? [];
  const rules = { ...link, approvals: approvalsWanted(link.approvals, checks) };
  const obstacles = findObstacles(link.name, rules, { lane, approvals }, now);
  const asked = checks.filter(({ asks }) => asks === true).map(({ message }) => message);
  // Why somebody is asked stands with what is missing of their words, and not any more once it is given.
  const asks: PersonAsked[] = [];
  const lacking = describeLacking(link.name, rules.approvals, approvals);
  if (lacking !== undefined) {
    const kind = asked.length > 0 ? "drift" : "approval";
    asks.push({ kind, environment: link.name, reason: [lacking, ...asked].join("; ") });
  }
  if (asked.length > 0 && lacking !== undefined)
    obstacles.push({ reason: `a person is asked: ${asked.join("; ")}`, until: undefined });
  if (facts.unprobed.includes(link.name)) {
    obstacles.push({ reason: `no probe asks after it in ${link.name}, and policy requires one`, until: undefined });
  }
  if (!mayMoveAlone(link, lane)) {
    const reason = `a person promotes to ${link.name}`;
    obstacles.push({ reason, until: undefined });
    asks.push({ kind: "promotion", environment: link.name, reason });
  }
  return { obstacles, asks };
}

/** Verified, and nothing in its way but what the environment demands. */
function stepThrough(link: ChainLink, facts: RebuildFacts, now: Instant): NextStep {
  const { obstacles, asks } = hindrancesInto(link, facts, now);
  if (obstacles.length === 0) return { kind: "promote", environment: link.name };
  const ends = obstacles.map(({ until }) => until ?? Infinity);
  const until = Math.max(...ends);
  return {
    kind: "wait",
    until: Number.isFinite(until) ? until : undefined,
    reason: obstacles.map(({ reason }) => reason).join("; "),
    ...(asks.length === 0 ? {} : { asks }),
  };
}
