import type { Digest, Instant } from "../../lib/index.ts";
import type { EnvironmentName, RebuildState } from "./types.ts";

/** One environment of the chain, as the configuration has it. */
export interface ChainLink {
  readonly name: EnvironmentName;
  /** Milliseconds that a digest stands here before it goes further. */
  readonly soak: number;
  /** Without it a person promotes. */
  readonly auto: boolean;
}

/** What is known of a rebuild when its next step is asked for. */
export interface RebuildFacts {
  readonly state: RebuildState;
  readonly candidate: Digest | null;
  /** Of the candidate, newest last; `null` while one goes on. */
  readonly verifications: readonly {
    readonly environment: EnvironmentName;
    readonly verdict: "passed" | "failed" | "not_run" | null;
  }[];
  /** What the environments of its image name. */
  readonly pointers: readonly {
    readonly environment: EnvironmentName;
    readonly digest: Digest | null;
    readonly since: Instant | null;
  }[];
  /** Pauses that concern its image; null: every environment. */
  readonly holds: readonly {
    readonly environment: EnvironmentName | null;
    readonly reason: string;
    readonly who: string;
    readonly until: Instant | null;
  }[];
  readonly quarantined: boolean;
  /** State of the rebuild that its build waits for; undefined where it waits for none. */
  readonly parent: { readonly image: string; readonly state: RebuildState; readonly passedFirst: boolean } | undefined;
  /** Environments where somebody else moved the tag. */
  readonly conflicts: readonly EnvironmentName[];
}

export type NextStep =
  | { readonly kind: "build" }
  | { readonly kind: "verify"; readonly environment: EnvironmentName }
  | { readonly kind: "promote"; readonly environment: EnvironmentName }
  | { readonly kind: "wait"; readonly until: Instant | undefined; readonly reason: string }
  | { readonly kind: "finish"; readonly state: "promoted" | "failed"; readonly reason: string };

const ended: ReadonlySet<RebuildState> = new Set(["promoted", "unchanged", "failed", "superseded"]);

/** Which step is next for a rebuild, from the facts alone: asked after every step and after every restart. */
export function nextStep(facts: RebuildFacts, chain: readonly ChainLink[], now: Instant): NextStep {
  if (ended.has(facts.state)) return { kind: "wait", until: undefined, reason: `it has ended: ${facts.state}` };
  if (facts.candidate === null || facts.state === "queued" || facts.state === "building") return stepBeforeBuild(facts);
  if (facts.quarantined) return { kind: "finish", state: "failed", reason: "the candidate is in quarantine" };
  for (const [at, link] of chain.entries()) {
    const pointer = facts.pointers.find(({ environment }) => environment === link.name);
    if (pointer?.digest === facts.candidate) {
      const rested = (pointer.since ?? now) + link.soak;
      const isLast = at === chain.length - 1;
      if (!isLast && rested > now) return { kind: "wait", until: rested, reason: `it soaks in ${link.name}` };
      continue;
    }
    return stepInto(link, facts, now);
  }
  return { kind: "finish", state: "promoted", reason: `it is in ${chain.at(-1)?.name ?? "place"}` };
}

function stepBeforeBuild({ parent }: RebuildFacts): NextStep {
  if (parent === undefined || parent.passedFirst) return { kind: "build" };
  if (parent.state === "unchanged" || parent.state === "promoted") return { kind: "build" };
  if (parent.state === "failed") {
    return { kind: "finish", state: "failed", reason: `the rebuild of its parent ${parent.image} failed` };
  }
  return { kind: "wait", until: undefined, reason: `it waits for its parent ${parent.image}` };
}

function stepInto(link: ChainLink, facts: RebuildFacts, now: Instant): NextStep {
  const verdict = facts.verifications.filter(({ environment }) => environment === link.name).at(-1)?.verdict;
  if (verdict === undefined || verdict === null) return { kind: "verify", environment: link.name };
  if (verdict === "failed") {
    return { kind: "finish", state: "failed", reason: `it did not pass its verification for ${link.name}` };
  }
  if (verdict === "not_run") {
    return {
      kind: "wait",
      until: undefined,
      reason: `checks for ${link.name} could not run, and policy requires them`,
    };
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
  if (!link.auto) return { kind: "wait", until: undefined, reason: `a person promotes to ${link.name}` };
  return { kind: "promote", environment: link.name };
}
