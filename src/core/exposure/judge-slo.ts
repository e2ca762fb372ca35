import type { Instant } from "../../lib/index.ts";
import { presetNames, presets, type Framework, type SloRule } from "./slo-presets.ts";
import type { ExposureEnd, SeverityLevel } from "./types.ts";
import { isCure } from "./windows.ts";

/** An exposure, as far as deadlines depend on it. */
export interface SloSubject {
  readonly environment: string;
  readonly severity: SeverityLevel;
  /** Since when CISA lists it as exploited, and by when it wants it cured. */
  readonly exploitedSince: Instant | null;
  readonly kevDue: Instant | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly published: Instant | null;
  readonly fixAvailable: Instant | null;
  readonly detected: Instant;
  readonly closed: Instant | null;
  readonly endKind: ExposureEnd | null;
}

/** The deadlines of a fleet. */
export interface SloPolicy {
  /** Every rule that is judged: all presets, for reports, and those of the configuration. */
  readonly rules: readonly SloRule[];
  /** Whose deadlines are warned of. */
  readonly watched: ReadonlySet<Framework>;
  /** How long before a deadline is warned, in milliseconds; never more than half of the time that there was. */
  readonly warn: number;
}

/** A deadline of an exposure. */
export interface Deadline {
  readonly framework: Framework;
  readonly rule: string;
  readonly startedAt: Instant;
  readonly at: Instant;
}

/** What became of a deadline. `void`: it ended otherwise than by a cure, in time. */
export type SloVerdict = "met" | "missed" | "void" | "running";

/** Presets with the environments that they are of, and the rules of the configuration. */
export function presetRules(environments: readonly string[]): SloRule[] {
  return presetNames.flatMap((name) => presets[name].rules.map((rule) => ({ ...rule, environments })));
}

/** The nearest deadline that each framework sets; none of those whose clock has not started, as without a fix. */
export function deadlinesOf(subject: SloSubject, rules: readonly SloRule[]): Deadline[] {
  const nearest = new Map<Framework, Deadline>();
  for (const rule of rules) {
    if (!matchesRule(subject, rule)) continue;
    const deadline = deadlineOf(subject, rule);
    const known = deadline && nearest.get(deadline.framework);
    if (deadline !== undefined && (known === undefined || deadline.at < known.at))
      nearest.set(deadline.framework, deadline);
  }
  return [...nearest.values()].sort((a, b) => a.at - b.at || (a.framework < b.framework ? -1 : 1));
}

function matchesRule(subject: SloSubject, rule: SloRule): boolean {
  return (
    rule.severity?.includes(subject.severity) !== false &&
    (rule.exploited === undefined || rule.exploited === (subject.exploitedSince !== null)) &&
    rule.environments?.includes(subject.environment) !== false &&
    Object.entries(rule.labels ?? {}).every(([key, value]) => subject.labels[key] === value)
  );
}

function deadlineOf(subject: SloSubject, rule: SloRule): Deadline | undefined {
  const { framework, name, from, within } = rule;
  const { detected, published, fixAvailable, kevDue } = subject;
  if (from === "kev-due" && kevDue !== null)
    return { framework, rule: name, startedAt: Math.min(detected, kevDue), at: kevDue };
  const start = { published, "fix-available": fixAvailable, detected, "kev-due": detected }[from];
  if (start === null) return undefined;
  const startedAt = Math.max(start, detected);
  return { framework, rule: name, startedAt, at: startedAt + within };
}

/** What became of a deadline by now. A word that an exposure does not matter, said after the deadline, does not undo that it was missed. */
export function judgeDeadline(
  { at }: Pick<Deadline, "at">,
  { closed, endKind }: Pick<SloSubject, "closed" | "endKind">,
  now: Instant,
): SloVerdict {
  if (closed === null) return now > at ? "missed" : "running";
  if (closed > at) return "missed";
  return endKind !== null && isCure(endKind) ? "met" : "void";
}

/** From when on a deadline is warned of. */
export function warnedFrom({ startedAt, at }: Deadline, warn: number): Instant {
  return at - Math.min(warn, (at - startedAt) / 2);
}
